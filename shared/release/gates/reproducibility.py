"""It is recorded how the model was made: `{reproducibility: {}}`.

The job that made it is known, and says which versions of data, code and environment it used.
"""

from __future__ import annotations

import re

from shared.domain.releases.verdict import GateResult, Verdict
from shared.policy.sections.section import Section
from shared.ports.jobs import JobRecord
from shared.release.gates.spec import GateEvidence, GateSpec

# azureml:NAME:VERSION, NAME:VERSION, what ends with a version (ARM ids, azureml:// URIs), or what another job wrote.
_PINNED = re.compile(
    r"^azureml:[^/:@]+:[^/:@]+$|^(?!azureml:)[^/:@]+:[^/:@]+$|/versions/[^/@]+/?$|^azureml://jobs/", re.IGNORECASE
)


class Reproducibility(Section):
    """Nothing has to be written: it asks for all of it."""


def judge(gate: Reproducibility, evidence: GateEvidence) -> GateResult:
    name, job = title(gate), evidence.lineage.job
    if job is None:
        reason = "no training job is recorded for this version; register models from the job that makes them"
        return GateResult(name, Verdict.FAIL, reason)
    unknown = list(_unpinned(job))
    if unknown:
        return GateResult(name, Verdict.FAIL, f"job {job.name} cannot be repeated: {'; '.join(unknown)}")
    reason = f"job {job.name} records the versions of {len(job.inputs)} inputs and of what it ran"
    return GateResult(name, Verdict.PASS, reason, {"inputs": float(len(job.inputs)), "ran": float(len(job.ran))})


def _unpinned(job: JobRecord) -> list[str]:
    problems = [
        f"input {name} is {path}, which is no version" for name, path in job.inputs.items() if not _is_pinned(path)
    ]
    if not job.ran:
        problems.append("it does not say which code and environment it ran")
    return problems + [f"{name} is {what or 'not recorded'}" for name, what in job.ran.items() if not _is_pinned(what)]


def _is_pinned(reference: str) -> bool:
    return bool(_PINNED.search(reference))


def title(gate: Reproducibility) -> str:  # noqa: ARG001 - every gate has one shape
    return "reproducibility"


SPEC = GateSpec("reproducibility", Reproducibility, "model", judge, title)
