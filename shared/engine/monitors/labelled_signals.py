"""What labels of served rows say when they arrive: how well the model does, and whether the world changed."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.drift.results.signals import SignalReport
from shared.engine.monitors.labelled_rows import LabelledReader, LabelledRows, require_columns
from shared.engine.monitors.references import FIRST_WINDOW, PREDICTION, VersionReferences, numbers
from shared.engine.monitors.subject import NotYetError, Subject, said
from shared.errors import PermanentError
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.signals import ConceptDrift, EstimatedPerformance, Performance
from shared.ports.data import DataReader
from shared.release.sections.gates_and_approval import Evaluate
from shared.store.monitors.monitors import MonitorState

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.rows.sample import EvenSample

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
    served = Served(data, subject, asked, labels, evidence, references)
    looks = [LabelledLook(said(SIGNAL, served.performance), start, evidence)]
    if concept := subject.monitor.concept_drift:
        looks.append(LabelledLook(said(CONCEPT, lambda: served.concept(concept)), start, evidence))
    if (estimated := subject.monitor.estimated_performance) and not subject.monitor.labelled:
        found = said("estimated-performance", lambda: served.calibrate(estimated))
        log.info("monitor.calibrated", extra=fields(model=subject.policy.model, verdict=found.verdict))
    return tuple(looks)


@dataclass(frozen=True)
class Served:
    """The rows that were served lately, as far as their labels are known. They are read once, whoever asks."""

    data: DataReader
    subject: Subject
    asked: Performance
    labels: pd.DataFrame
    evidence: str
    references: VersionReferences

    def performance(self) -> SignalReport:
        """Return how well the model does.

        Raises:
            NotYetError: nothing was answered.
            ValueError: a column is missing, or the metric does not fit the labels.
        """
        from shared.drift.signals.performance import PerformanceRules, judge_performance

        asked, known = self.asked, self._known
        if not known.was_served:
            raise NotYetError("no answers were collected yet")
        rules = PerformanceRules(
            asked.metric, asked.at_least, asked.key, asked.label, asked.minimum_rows, asked.at_most
        )
        found = judge_performance(known.answers.frame, self.labels, rules).as_signal(rules)
        return _with_findings(found, known, known.answers)

    def concept(self, asked: ConceptDrift) -> SignalReport:
        """Return whether labels still follow from the features.

        Raises:
            NotYetError: there is no reference, or these rows have become it.
            ValueError: the labels are not 0 and 1, or a column is missing.
        """
        from shared.drift.signals.concept import ConceptRules, judge_concept

        known = self._known
        frame = _complete(known.rows.frame, self.asked)
        reference, until = self.references.concept(asked, frame)
        if until and until == self.subject.end:
            raise NotYetError(FIRST_WINDOW, known.rows.rows)
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
        return _with_findings(found, known, known.rows)

    def calibrate(self, asked: EstimatedPerformance) -> SignalReport:
        """Make what estimates go by of these rows, unless there is such a thing already."""
        try:
            made = self.references.estimate(asked)
        except NotYetError:
            made = self.references.estimate(asked, _complete(self._known.answers.frame, self.asked))
        return SignalReport("estimated-performance", "no-drift", f"{made.rows:,} rows calibrate it", made.rows)

    @property
    def _known(self) -> LabelledRows:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    @cached_property
    def _outcome(self) -> LabelledRows | Exception:
        """Return the rows, or what kept them from being read: that is the same for every signal, and read once, too."""
        try:
            return LabelledReader(self.data, self.subject, self.asked, self._truth(), self._since()).read()
        except (ValueError, PermanentError) as exc:
            return exc

    def _since(self) -> datetime | None:
        """Return from when on concept drift looks at rows: after those that its reference was made of."""
        asked, start = self.subject.monitor.concept_drift, self.subject.end - self.asked.labels_within
        if asked is None:
            return None
        try:
            _, until = self.references.concept(asked)
        except (NotYetError, ValueError, PermanentError):
            return start  # there is no reference, and the signal says so itself
        return max(start, until) if until else start

    def _truth(self) -> pd.Series[Any]:
        from shared.drift.signals.performance import by_key

        asked = self.asked
        require_columns(self.labels, {asked.key, asked.label}, f"labels {self.evidence} have")
        return by_key(self.labels, asked.key)[asked.label].dropna()


def _with_findings(found: SignalReport, known: LabelledRows, sample: EvenSample) -> SignalReport:
    return dataclasses.replace(found, findings=(*found.findings, *filter(None, [known.finding, sample.finding])))


def _complete(frame: pd.DataFrame, asked: Performance) -> pd.DataFrame:
    if frame.empty:
        return frame
    return frame.dropna(subset=[PREDICTION, asked.label]).drop_duplicates(asked.key, keep="last")
