"""Finds the gates and has them judge."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

import shared.release.gates
from shared.domain.releases.plan import GatePlan
from shared.domain.releases.release import Release
from shared.domain.releases.verdict import GateResult, Verdict
from shared.errors import PermanentError
from shared.metrics.aggregates import Aggregate
from shared.metrics.estimates import UnusableEvidenceError
from shared.metrics.rows import one_row_per_id
from shared.release.gates.spec import GateEvidence, GateSpec, Lineage, Needs

if TYPE_CHECKING:
    import pandas as pd


@cache
def gates() -> dict[str, GateSpec]:
    """Return every gate by kind, in the order of their files."""
    specs: dict[str, GateSpec] = {}
    for module_info in pkgutil.iter_modules(shared.release.gates.__path__):
        spec = getattr(importlib.import_module(f"{shared.release.gates.__name__}.{module_info.name}"), "SPEC", None)
        if isinstance(spec, GateSpec):
            specs[spec.kind] = spec
    return specs


def judge(
    release: Release,
    needs: Needs,
    scores: pd.DataFrame | None,
    aggregates: tuple[Aggregate, ...] = (),
    tests: object = None,
) -> tuple[GateResult, ...]:
    """Return what the release's gates of that kind say, in the release plan's order."""
    evidence = GateEvidence(scores, release.champion is not None, aggregates=aggregates, tests=tests)
    return judge_all(_planned(release.plan.gates, {needs}), evidence)


def judge_lineage(release: Release, lineage: Lineage) -> tuple[GateResult, ...]:
    """Return what the gates say that need no evaluation, in the release plan's order."""
    evidence = GateEvidence(None, release.champion is not None, lineage)
    return judge_all(_planned(release.plan.gates, {"model", "training-data"}), evidence)


EVERYTHING: frozenset[Needs] = frozenset({"model", "training-data", "evaluation"})


def judge_all(
    plans: Iterable[GatePlan], evidence: GateEvidence, looked_at: Set[Needs] = EVERYTHING
) -> tuple[GateResult, ...]:
    """Return what the gates say about the evidence, in their order; inconclusive for what was not looked at."""
    missing: dict[Needs, str] = {
        needs: f"it looks at the version's {needs}, which is not among what was given"
        for needs in EVERYTHING - looked_at
    }
    scores = evidence.scores
    try:
        scores = one_row_per_id(scores) if scores is not None else None
    except UnusableEvidenceError as exc:
        missing["evaluation"] = str(exc)
    return tuple(_judged(plan, replace(evidence, scores=scores), missing) for plan in plans)


def bound_problems(section: BaseModel) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the bounds of a gate's section: where in it, and what to write instead."""
    find = getattr(section, "bound_problems", None)
    yield from ((path, problem) for path, problem in (find() if find else ()) if problem)


def reads_lineage(release: Release) -> bool:
    """Return whether any of its gates needs no evaluation."""
    return bool(_planned(release.plan.gates, {"model", "training-data"}))


def training_input(release: Release) -> str | None:
    """Return which input of the training job a gate wants to see the rows of; None when none does."""
    plans = _planned(release.plan.gates, {"training-data"})
    return str(getattr(_section(plans[0]), "input", "training_data")) if plans else None


def reads_aggregates(release: Release) -> bool:
    """Return whether any of its gates is about a metric of the user's own, which the evaluation may have measured."""
    return any(plan.settings.get("better") for plan in release.plan.gates)


def unreadable(release: Release, reason: str, verdict: Verdict = Verdict.INCONCLUSIVE) -> tuple[GateResult, ...]:
    """Return that verdict for every evaluation gate, for evidence that cannot be read."""
    return tuple(
        GateResult(_title(plan), verdict, f"{_title(plan)}: {reason}")
        for plan in _planned(release.plan.gates, {"evaluation"})
    )


def _planned(plans: Iterable[GatePlan], needs: Set[Needs]) -> list[GatePlan]:
    return [plan for plan in plans if _spec(plan).needs in needs]


def _judged(plan: GatePlan, evidence: GateEvidence, missing: Mapping[Needs, str]) -> GateResult:
    """Return what one gate says; inconclusive where what it needs is missing, or where an earlier version accepted a
    bound that cannot be."""
    spec, section = _spec(plan), _section(plan)
    if spec.needs in missing:
        return GateResult(spec.title(section), Verdict.INCONCLUSIVE, f"{spec.title(section)}: {missing[spec.needs]}")
    for _, problem in bound_problems(section):
        return GateResult(spec.title(section), Verdict.INCONCLUSIVE, f"the gate itself cannot be right: {problem}")
    return spec.judge(section, evidence)


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
