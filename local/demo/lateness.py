"""Policies for a cloud whose logs come late: what a policy says of the logs, adjusted to the profile."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path

from local.profile import Profile

POLICIES = Path(__file__).parent / "policies"
# As many as a policy may have at most, and as many as a step needs at least.
INTERVALS_PER_DELAY = INTERVALS_PER_BAKE = 5


def with_late_logs(policy: str, profile: Profile) -> str:
    """Return the policy's text with a judge that waits for logs as long as they take under this profile."""
    delay = profile.seconds(profile.ingestion_minutes[1])
    if not delay:
        return policy
    interval = math.ceil(delay / INTERVALS_PER_DELAY)
    bake = INTERVALS_PER_BAKE * interval
    # A watch that is over before its logs arrive ends in a question to people.
    times = {"log_delay": math.ceil(delay), "interval": interval, "bake": bake, "watch_for": math.ceil(delay) + bake}
    for key, seconds in times.items():
        policy = re.sub(rf"\b{key}: \S+", f"{key}: {seconds}s", policy)
    return policy


def policies_for(profile: Profile, workdir: Path) -> Path:
    """Return the folder of the demo's policies: a copy with the delay of the logs, if there is one."""
    if not profile.ingestion_minutes[1]:
        return POLICIES
    folder = workdir / "policies"
    shutil.copytree(POLICIES, folder, dirs_exist_ok=True)
    for file in folder.glob("*.yaml"):
        file.write_text(with_late_logs(file.read_text(), profile))
    return folder
