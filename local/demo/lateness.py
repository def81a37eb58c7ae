"""Policies for a cloud whose logs come late: what a policy says of the logs, told as the profile has it."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path

from local.profile import Profile

POLICIES = Path(__file__).parent / "policies"
INTERVALS_PER_DELAY = 5  # as many as a policy may have at most


def judge_times(profile: Profile) -> dict[str, str]:
    """Return `log_delay` and `interval` of a policy's judge under this profile, scaled as its clock is."""
    delay = profile.seconds(profile.ingestion_minutes[1]) or 1
    return {"log_delay": f"{delay:.0f}s", "interval": f"{math.ceil(delay / INTERVALS_PER_DELAY)}s"}


def policies_for(profile: Profile, workdir: Path) -> Path:
    """Return the folder of the demo's policies: a copy in which the judge knows how late the logs come, if they do."""
    if not profile.ingestion_minutes[1]:
        return POLICIES
    folder = workdir / "policies"
    shutil.copytree(POLICIES, folder, dirs_exist_ok=True)
    for file in folder.glob("*.yaml"):
        text = file.read_text()
        for key, time in judge_times(profile).items():
            text = re.sub(rf"\b{key}: \S+", f"{key}: {time}", text)
        file.write_text(text)
    return folder
