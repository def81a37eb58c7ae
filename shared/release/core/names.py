"""Names derived from what they name, valid where they are used."""

from __future__ import annotations

import hashlib
import re

from shared.domain.ids import DeploymentName, JobName, ModelName, ModelVersion, ReleaseId

# Azure ML: 3 to 32 letters, digits and hyphens, beginning with a letter.
# Source: learn.microsoft.com, reference-yaml-deployment-managed-online, read 2026-11-20.
LONGEST_DEPLOYMENT_NAME = 32


def release_id(model: ModelName, version: ModelVersion, number: int = 1) -> ReleaseId:
    """Return the id of a model version's release: "flight-delay-3" for its first, "flight-delay-3-r2" for its second.

    A registration, however often it is told, is the first. Only a person's wish makes another.
    """
    suffix = "" if number == 1 else f"-r{number}"
    return ReleaseId(_plain(f"{model}-{version}{suffix}"))


def deployment_name(version: ModelVersion) -> DeploymentName:
    """Return "v-3" for version 3."""
    name = re.sub(r"[^A-Za-z0-9-]", "-", f"v-{version}")
    if name == f"v-{version}" and len(name) <= LONGEST_DEPLOYMENT_NAME:
        return DeploymentName(name)
    return DeploymentName(f"{name[: LONGEST_DEPLOYMENT_NAME - 9]}-{_digest(version)}")


def evaluation_job(release: ReleaseId) -> JobName:
    return JobName(f"eval-{release}")


def scoring_job(release: ReleaseId, deployment: DeploymentName) -> JobName:
    return JobName(f"score-{release}-{deployment}")


def trial_job(release: ReleaseId, failed: JobName) -> JobName:
    """Return the name of the champion's job on the input on which the challenger's failed."""
    return JobName(f"try-{release}-{_digest(failed)}")


def _plain(text: str) -> str:
    """Return the text with other characters than letters, digits, . _ - replaced; what had to change, or is too
    long, gets a digest, so that two texts never become one name."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", text)
    return text if plain == text and len(text) <= 200 else f"{plain[:190]}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
