"""What labels of served rows say when they arrive: how well the model does, and whether the world changed."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.drift.signal import SignalReport
from shared.engine.look_parts import NotYetError, Subject, said
from shared.engine.monitor_references import FIRST_WINDOW, PREDICTION, VersionReferences, numbers
from shared.errors import PermanentError
from shared.logs import fields
from shared.policy.model import Policy
from shared.policy.signals import ConceptDrift, EstimatedPerformance, Performance
from shared.ports.data import DataReader
from shared.release.sections import Evaluate
from shared.store.monitors import MonitorState

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.sample import EvenSample

SIGNAL = "performance"
CONCEPT = "concept-drift"
log = logging.getLogger("vigia.monitors")


@dataclass(frozen=True, slots=True)
class LabelledLook:
    """What labels showed about the rows served since `start`. `evidence` is the labels' version."""

    signal: SignalReport
    start: datetime
    evidence: str


def labels_of(policy: Policy, performance: Performance) -> str:
    """Return the data asset that holds the labels; loading the policy made sure that one is named."""
    evaluate = policy.section(Evaluate)
    return performance.labels or (evaluate.data if evaluate else "")


def look_at_labels(
    data: DataReader, subject: Subject, references: VersionReferences, state: MonitorState
) -> tuple[LabelledLook, ...]:
    """Return what the newest labels show about the rows served lately; nothing when there are no newer labels."""
    asked = subject.monitor.performance
    if asked is None:
        return ()
    start = subject.end - asked.labels_within
    try:
        evidence = data.pinned(labels_of(subject.policy, asked))
        if evidence == state.labels_seen:
            return ()
        labels = data.table(evidence)
    except PermanentError as exc:
        return (LabelledLook(SignalReport(SIGNAL, "error", str(exc), 0), start, ""),)
    served = Served(data, subject, asked, labels, evidence)
    looks = [LabelledLook(said(SIGNAL, served.performance), start, evidence)]
    if concept := subject.monitor.concept_drift:
        looks.append(LabelledLook(said(CONCEPT, lambda: served.concept(concept, references)), start, evidence))
    if (estimated := subject.monitor.estimated_performance) and not subject.monitor.labelled:
        found = said("estimated-performance", lambda: served.calibrate(estimated, references))
        log.info("monitor.calibrated", extra=fields(model=subject.policy.model, verdict=found.verdict))
    return tuple(looks)


@dataclass(frozen=True)
class Served:
    """The rows that were served lately, as far as their labels are known."""

    data: DataReader
    subject: Subject
    asked: Performance
    labels: pd.DataFrame
    evidence: str

    def performance(self) -> SignalReport:
        """Return how well the model does.

        Raises:
            NotYetError: nothing was answered.
            ValueError: a column is missing, or the metric does not fit the labels.
        """
        from shared.drift.performance import PerformanceRules, judge_performance

        asked = self.asked
        known, served = self.labelled(self.subject.end - asked.labels_within, features=False)
        if not served:
            raise NotYetError("no answers were collected yet")
        rules = PerformanceRules(
            asked.metric, asked.at_least, asked.key, asked.label, asked.minimum_rows, asked.at_most
        )
        found = judge_performance(known.frame, self.labels, rules).as_signal(rules)
        return dataclasses.replace(found, findings=(*found.findings, *filter(None, [known.finding])))

    def concept(self, asked: ConceptDrift, references: VersionReferences) -> SignalReport:
        """Return whether labels still follow from the features.

        Raises:
            NotYetError: there is no reference, or these rows have become it.
            ValueError: the labels are not 0 and 1, or a column is missing.
        """
        from shared.drift.concept import ConceptRules, judge_concept

        start = self.subject.end - self.asked.labels_within
        known, _ = self.labelled(start, features=True)
        reference, until = references.concept(asked, _complete(known.frame, self.asked))
        if until and until == self.subject.end:
            raise NotYetError(FIRST_WINDOW, known.rows)
        if until and until > start:
            known, _ = self.labelled(until, features=True)
        frame = _complete(known.frame, self.asked)
        if frame.empty:
            raise NotYetError("no served row has a label yet")
        rules = ConceptRules(
            asked.min_ranking_loss,
            asked.min_level_change,
            asked.min_segment_change,
            asked.false_alarms / 100,
            asked.minimum_rows,
        )
        found = judge_concept(reference, frame, numbers(frame[PREDICTION]), numbers(frame[self.asked.label]), rules)
        return dataclasses.replace(found, findings=(*found.findings, *filter(None, [known.finding])))

    def calibrate(self, asked: EstimatedPerformance, references: VersionReferences) -> SignalReport:
        """Make what estimates go by of these rows, unless there is such a thing already."""
        try:
            made = references.estimate(asked)
        except NotYetError:
            known, _ = self.labelled(self.subject.end - self.asked.labels_within, features=False)
            made = references.estimate(asked, _complete(known.frame, self.asked))
        return SignalReport("estimated-performance", "no-drift", f"{made.rows:,} rows calibrate it", made.rows)

    def labelled(self, start: datetime, *, features: bool) -> tuple[EvenSample, bool]:
        """Return the rows whose labels are known, with their labels; and whether any was served at all.

        Raises:
            ValueError: a column is missing.
        """
        from shared.drift.sample import EvenSample

        policy, deployment = self.subject.policy, self.subject.watched.deployment
        truth = self._truth()
        sample = EvenSample(None if features else [self.asked.key, PREDICTION, self.asked.label])
        was_served = False
        for batch in self.data.scored_batches(policy.endpoint.name, deployment, start, self.subject.end):
            was_served = was_served or len(batch) > 0
            _require(batch, {self.asked.key, PREDICTION}, "the scored rows have")
            chosen = batch[batch[self.asked.key].isin(truth.index)]
            sample.add(chosen.assign(**{self.asked.label: chosen[self.asked.key].map(truth)}))
        return sample, was_served

    def _truth(self) -> pd.Series[Any]:
        asked = self.asked
        _require(self.labels, {asked.key, asked.label}, f"labels {self.evidence} have")
        return self.labels.drop_duplicates(asked.key, keep="last").set_index(asked.key)[asked.label].dropna()


def _complete(frame: pd.DataFrame, asked: Performance) -> pd.DataFrame:
    if frame.empty:
        return frame
    return frame.dropna(subset=[PREDICTION, asked.label]).drop_duplicates(asked.key, keep="last")


def _require(frame: pd.DataFrame, columns: set[str], whose: str) -> None:
    missing = sorted(columns - set(frame.columns))
    if missing:
        raise ValueError(f"{whose} no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}")
