"""The policy's sections about releases: what a version must pass, and who must agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel, create_model

from shared.domain.releases.plan import GatePlan
from shared.metrics.catalogue import Metric
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import AssetRef, ComponentRef, Duration, Email, duration_text
from shared.policy.sections.section import Section
from shared.release.gates.metric import MetricGate
from shared.release.gates.registry import bound_problems, gates
from shared.release.sections.rollout import Rollout


class Evaluate(Section):
    """The registered component that scores champion and challenger, and the labelled data it scores."""

    job: ComponentRef
    data: AssetRef
    compute: str = "serverless"


def _any_gate() -> Any:
    """Return the union of what a list of gates may hold: each as `{kind: {...}}`, the metric gate without its kind."""
    members: Any = MetricGate
    for spec in gates().values():
        if spec.section is not MetricGate:
            fields: dict[str, Any] = {spec.kind: (spec.section, ...)}
            members = members | create_model(spec.kind, __base__=Section, **fields)
    return members


class Gates(RootModel[tuple[_any_gate(), ...]]):  # type: ignore[misc]
    """What a version must pass before it may serve."""

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if any(_gate(gate)[2] == "evaluation" for gate in self.root) and policy.section(Evaluate) is None:
            yield "", "these gates need scores; add a section evaluate: {job: …, data: …}"
        for number, written in enumerate(self.root):
            kind, section, _ = _gate(written)
            for path, problem in bound_problems(section):
                yield ".".join(filter(None, (f"{number}", "" if section is written else kind, path))), problem

    def metrics(self) -> Iterator[tuple[str, Metric]]:
        for number, written in enumerate(self.root):
            kind, section, _ = _gate(written)
            name_metrics = getattr(section, "metrics", None)
            for path, metric in name_metrics() if name_metrics else ():
                yield f"{number}.{path}" if section is written else f"{number}.{kind}.{path}", metric

    def plans(self) -> tuple[GatePlan, ...]:
        return tuple(GatePlan(kind, section.model_dump(mode="json")) for kind, section, _ in map(_gate, self.root))


def _gate(written: BaseModel) -> tuple[str, BaseModel, str]:
    """Return a written gate's kind, section, and what it needs."""
    if isinstance(written, MetricGate):
        return "metric", written, gates()["metric"].needs
    kind = next(iter(type(written).model_fields))
    return kind, getattr(written, kind), gates()[kind].needs


class Approval(Section):
    """Who must agree. `production` asks when the release replaces a version that serves; the first release of
    a model is not asked about."""

    when: Literal["always", "production", "never"] = "production"
    quorum: int = Field(default=1, ge=1)
    expires: Duration = timedelta(hours=24)
    not_by: Literal["submitter", "nobody"] = "submitter"
    unknown_submitter: Literal["one-more", "refuse"] = "one-more"
    remind_after: Duration | None = None
    escalate_to: tuple[Email, ...] = ()
    for_undo: Literal["never", "always"] = "never"

    @property
    def reminds_after(self) -> timedelta:
        return self.remind_after if self.remind_after is not None else self.expires / 2

    @property
    def escalates_after(self) -> timedelta | None:
        return self.expires * 3 / 4 if self.escalate_to else None

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if self.when == "never" and self.for_undo == "never":
            return
        approvers = len(set(policy.people.approvers))
        if self.quorum > approvers:
            yield "quorum", f"{self.quorum} must agree but people.approvers names {approvers}; name more, or ask fewer"
        if self.expires <= timedelta(0):
            yield "expires", "nobody can decide in no time; write e.g. 24h"
        elif self.remind_after is not None and not timedelta(0) < self.remind_after < self.expires:
            half = duration_text(self.expires / 2)
            yield "remind_after", f"is not within the {duration_text(self.expires)} there are to decide; write {half}"


SECTIONS: dict[str, type[BaseModel]] = {
    "evaluate": Evaluate,
    "gates": Gates,
    "approval": Approval,
    "rollout": Rollout,
}
