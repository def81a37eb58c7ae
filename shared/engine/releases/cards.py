"""Writes a version's card: when its gates are judged, at each change of its release's state, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from shared.domain.releases.approval import Decision
from shared.domain.releases.card import Attributions, DataUsed, Evidence, VersionCard
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.releases.verdict import Verdict
from shared.drift.signals.attributions import KIND, read_attributions
from shared.engine.releases.observe import scores_uri
from shared.errors import PermanentError, VigiaError
from shared.ports.approvals import ApprovalStore
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.workspace import Workspace
from shared.store.monitors.profiles import Profiles
from shared.store.releases.releases import ReleaseStore

_NOT_YET_JUDGED = frozenset({ReleaseState.OPENED, ReleaseState.GATING, ReleaseState.EVALUATING})
T = TypeVar("T")


@dataclass(frozen=True)
class Cards:
    workspace: Workspace
    data: DataReader
    approvals: ApprovalStore
    releases: ReleaseStore
    profiles: Profiles
    clock: Clock

    def write(self, release: Release) -> None:
        """Store the release's card as it is now. What of its evidence cannot be read is among its limits.

        Raises:
            RetryableError: the storage did not answer.
        """
        if release.state in _NOT_YET_JUDGED:
            return
        evidence = self._read_before(release)
        if evidence is None or evidence.problems:
            evidence = self._evidence(release)
        decision = self.approvals.decision(release.id, release.approval_digest) if release.approval_digest else None
        self.releases.save_card(
            VersionCard(
                release=release.id,
                model=release.model,
                version=release.version,
                endpoint=release.endpoint,
                champion=release.champion.version if release.champion else None,
                state=release.state,
                reason=release.reason,
                cause=release.cause,
                submitter=release.submitter,
                opened_at=release.opened_at,
                updated_at=self.clock.now(),
                fact=release.opened_by,
                policy_digest=release.plan.policy_digest,
                evidence=evidence,
                gates=release.gate_results,
                judgement=release.judgement,
                decision=decision,
                story=release.history,
                limits=tuple(limits(release, evidence, decision)),
            )
        )

    def _read_before(self, release: Release) -> Evidence | None:
        with suppress(PermanentError):  # a card that was damaged is written again
            return card.evidence if (card := self.releases.card(release.id)) else None
        return None

    def _evidence(self, release: Release) -> Evidence:
        problems: list[str] = []

        def attempt(read: Callable[[], T | None]) -> T | None:
            try:
                return read()
            except VigiaError as exc:
                problems.append(exc.message)
                return None

        model = attempt(lambda: self.workspace.model(release.model, release.version))
        job, evaluation = model.job if model else None, release.evaluation
        training = attempt(lambda: self.workspace.job(job)) if job else None
        judged = attempt(lambda: self.workspace.job(evaluation)) if evaluation else None
        evidence = Evidence(job, release.evaluation)
        if training:
            profile = self.profiles.read(release.model, release.version)
            used = [
                DataUsed(f"training: {name}", uri, profile.rows if profile and "data" in name else None)
                for name, uri in training.inputs.items()
            ]
            evidence = replace(evidence, ran=training.ran, tags=training.tags, data=tuple(used))
        if model:
            evidence = replace(evidence, tags={**evidence.tags, **model.tags})
        if judged and judged.has_succeeded and release.plan.evaluation:
            rows = attempt(lambda: len(self.data.table(scores_uri(judged))))
            data = judged.inputs.get("data", release.plan.evaluation.data)
            evidence = replace(evidence, data=(*evidence.data, DataUsed("evaluation", data, rows)))
        folders = [*([scores_uri(judged)] if judged else []), *(training.outputs.values() if training else ())]
        attributions = attempt(lambda: self._attributions(release, folders)) or ()
        return replace(evidence, attributions=attributions, problems=tuple(problems))

    def _attributions(self, release: Release, folders: Iterable[str]) -> tuple[Attributions, ...]:
        """Return what the jobs wrote about attributions, and keep it with the versions for their monitors.

        Raises:
            PermanentError: a file of that name is there, and holds something else.
        """
        versions = {"challenger": release.version, "champion": release.champion.version if release.champion else None}
        for folder in folders:
            uri = f"{folder.rstrip('/')}/attributions.json"
            if (document := self.data.document(uri)) is None:
                continue
            try:
                written = [
                    read_attributions(entry) for entry in (document if isinstance(document, list) else [document])
                ]
            except ValueError as exc:
                raise PermanentError("data.unreadable", f"{uri}: {exc}", "see docs/reference/evaluation.md") from exc
            stored = []
            for entry in written:
                if version := versions.get(entry.version):
                    self.profiles.save_reference(release.model, version, KIND, entry.as_json())
                    stored.append(Attributions(version, entry.method, entry.features))
            return tuple(stored)
        return ()


def limits(release: Release, evidence: Evidence, decision: Decision | None) -> Iterator[str]:
    """Yield what nobody judged, and why: one sentence each."""
    yield from _unjudged_gates(release)
    if release.champion is None:
        yield "There was no champion to compare with."
    if not evidence.attributions:
        yield "No attributions were recorded: what the version leans on is not known."
    if decision is None:
        yield f"No person was asked: the policy asks {release.plan.approval.when}."
    if release.judgement is None:
        yield "It was not judged while it served."
    yield from (f"Not read: {problem}." for problem in evidence.problems)


def _unjudged_gates(release: Release) -> Iterator[str]:
    plan, results = release.plan, release.gate_results
    if release.undo:
        yield f"No gate was judged: {release.undo.by} asked to have this version back."
    elif missing := len(plan.gates) - len(results):
        yield f"{missing} of {len(plan.gates)} gates were not judged: the release ended before."
    elif not plan.gates:
        yield "No gate was judged: the policy names none."
    for result in results:
        if result.verdict is Verdict.INCONCLUSIVE:
            yield f"Not decided by {result.gate}: {result.reason}."
        if small := int(result.numbers.get("too_small", 0)):
            yield f"{small} groups were too small to be judged by {result.gate}."
    if not {gate.kind for gate in plan.gates} & {"fairness", "slices"}:
        yield "No gate looked at groups of rows: neither fairness nor slices are in the policy."
