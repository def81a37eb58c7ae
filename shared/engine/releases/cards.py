"""Writes a version's card: when its gates are judged, at each change of its release's state, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from shared.domain.ids import ModelVersion, ReleaseId
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
        evidence = self._read_before(release.id)
        if evidence is None or evidence.problems:
            evidence = self._evidence(release)
        decision = None
        try:
            if release.approval_digest:
                decision = self.approvals.decision(release.id, release.approval_digest)
        except PermanentError as exc:  # a release goes on whose question is damaged, and so does its card
            evidence = replace(evidence, problems=(*evidence.problems, exc.message))
        unjudged = tuple(limits(release, evidence, decision))
        self.releases.save_card(VersionCard(release, self.clock.now(), evidence, decision, unjudged))

    def _read_before(self, release: ReleaseId) -> Evidence | None:
        with suppress(PermanentError):  # a card that was damaged is written again
            return card.evidence if (card := self.releases.card(release)) else None
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
        job, evaluation, plan = model.job if model else None, release.evaluation, release.plan.evaluation
        training = attempt(lambda: self.workspace.job(job)) if job else None
        judged = attempt(lambda: self.workspace.job(evaluation)) if evaluation else None
        data = [DataUsed(f"training: {name}", uri) for name, uri in training.inputs.items()] if training else []
        folders = list(training.outputs.values()) if training else []
        if judged and judged.has_succeeded and plan:
            scores = scores_uri(judged)
            rows = attempt(lambda: len(self.data.table(scores)))
            data.append(DataUsed("evaluation", judged.inputs.get("data", plan.data), rows))
            folders.insert(0, scores)
        attributions = attempt(lambda: self._attributions(release, folders)) or ()
        tags = {**(training.tags if training else {}), **(model.tags if model else {})}
        ran = training.ran if training else {}
        return Evidence(job, ran, tags, tuple(data), attributions, tuple(problems))

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
                written = map(read_attributions, document if isinstance(document, list) else [document])
                stored = [replace(entry, version=name) for entry in written if (name := versions.get(entry.version))]
            except ValueError as exc:
                raise PermanentError("data.unreadable", f"{uri}: {exc}", "see docs/reference/evaluation.md") from exc
            for entry in stored:
                self.profiles.save_reference(release.model, ModelVersion(entry.version), KIND, asdict(entry))
            return tuple(stored)
        return ()


def limits(release: Release, evidence: Evidence, decision: Decision | None) -> Iterator[str]:
    """Yield what nobody judged, and why: one sentence each."""
    plan, results = release.plan, release.gate_results
    missing = len(plan.gates) - len(results)
    if release.undo:
        yield f"No gate was judged: {release.undo.by} asked to have this version back."
    elif missing or not plan.gates:
        yield f"{missing} of {len(plan.gates)} gates were not judged." if missing else "The policy names no gates."
    for result in results:
        if result.verdict is Verdict.INCONCLUSIVE:
            yield f"Not decided by {result.gate}: {result.reason}."
        if small := int(result.numbers.get("too_small", 0)):
            yield f"{small} groups were too small to be judged by {result.gate}."
    absent = {
        "No gate looked at groups of rows: neither fairness nor slices are in the policy.": not (
            {gate.kind for gate in plan.gates} & {"fairness", "slices"}
        ),
        "There was no champion to compare with.": release.champion is None,
        "No attributions were recorded: what the version leans on is not known.": not evidence.attributions,
        f"No person was asked: the policy asks {plan.approval.when}.": decision is None,
        "It was not judged while it served.": release.judgement is None,
    }
    yield from (sentence for sentence, is_so in absent.items() if is_so)
    yield from (f"Not read: {problem}." for problem in evidence.problems)
