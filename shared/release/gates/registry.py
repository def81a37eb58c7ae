"""Finds the gates and has them judge."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Iterable, Set
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

import shared.release.gates
from shared.domain.release import Release
from shared.domain.release_plan import GatePlan
from shared.domain.verdict import GateResult, Verdict
from shared.errors import PermanentError
from shared.release.gates.spec import GateEvidence, GateSpec, Lineage, Needs

if TYPE_CHECKING:
    import pandas as pd


@cache
def gates() -> dict[str, GateSpec]:
    """Return every gate by kind, in the order of their files."""
    found: dict[str, GateSpec] = {}
    for module_info in pkgutil.iter_modules(shared.release.gates.__path__):
        spec = getattr(importlib.import_module(f"{shared.release.gates.__name__}.{module_info.name}"), "SPEC", None)
        if isinstance(spec, GateSpec):
            found[spec.kind] = spec
    return found


def judge(release: Release, needs: Needs, scores: pd.DataFrame | None) -> tuple[GateResult, ...]:
    """Return what the release's gates of that kind say, in the plan's order."""
    evidence = GateEvidence(scores, release.champion is not None, _seed(release))
    return tuple(_result(plan, evidence) for plan in _planned(release.plan.gates, {needs}))


def judge_lineage(release: Release, lineage: Lineage) -> tuple[GateResult, ...]:
    """Return what the gates say that need no evaluation, in the plan's order."""
    evidence = GateEvidence(None, release.champion is not None, _seed(release), lineage)
    return tuple(_result(plan, evidence) for plan in _planned(release.plan.gates, {"model", "training-data"}))


def reads_lineage(release: Release) -> bool:
    """Return whether any of its gates needs no evaluation."""
    return bool(_planned(release.plan.gates, {"model", "training-data"}))


def training_input(release: Release) -> str | None:
    """Return which input of the training job a gate wants to see the rows of; None when none does."""
    wanted = _planned(release.plan.gates, {"training-data"})
    return str(getattr(_section(wanted[0]), "input", "training_data")) if wanted else None


def _seed(release: Release) -> int:
    return zlib.crc32(release.id.encode())


def unreadable(release: Release, why: str) -> tuple[GateResult, ...]:
    """Return inconclusive results for every evaluation gate, for evidence that cannot be read."""
    return tuple(
        GateResult(_title(plan), Verdict.INCONCLUSIVE, f"{_title(plan)}: {why}")
        for plan in _planned(release.plan.gates, {"evaluation"})
    )


def _planned(plans: Iterable[GatePlan], needs: Set[Needs]) -> list[GatePlan]:
    return [plan for plan in plans if _spec(plan).needs in needs]


def _result(plan: GatePlan, evidence: GateEvidence) -> GateResult:
    return _spec(plan).judge(_section(plan), evidence)


def _title(plan: GatePlan) -> str:
    return _spec(plan).title(_section(plan))


def _section(plan: GatePlan) -> BaseModel:
    # Lax, because JSON has given lists for tuples; everything was validated strictly when the policy was read.
    return _spec(plan).section.model_validate(dict(plan.settings), strict=False)


def _spec(plan: GatePlan) -> GateSpec:
    if plan.kind not in gates():
        raise PermanentError(
            code="release.unknown_gate",
            message=f"the release's plan has a gate {plan.kind!r} that this version does not know",
            hint=f"it knows {', '.join(gates())}",
        )
    return gates()[plan.kind]
