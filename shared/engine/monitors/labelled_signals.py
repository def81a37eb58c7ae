"""The signals that need labels, measured when new labels arrive: how well the model does, and concept drift."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.releases.verdict import Verdict
from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.engine.monitors.references import FIRST_WINDOW, PREDICTION, VersionReferences
from shared.engine.monitors.rows.labelled_rows import LabelledReader, LabelledRows, require_columns
from shared.engine.monitors.subject import NotYetError, Subject, attempt
from shared.errors import PermanentError
from shared.logs import fields
from shared.policy.sections.fairness import Fairness
from shared.policy.sections.model import Policy
from shared.policy.sections.signals import ConceptDrift, EstimatedPerformance, Performance
from shared.ports.data import DataReader
from shared.release.sections.gates_and_approval import Evaluate

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.rows.sample import EvenSample

PERFORMANCE = "performance"
CONCEPT_DRIFT = "concept-drift"
ESTIMATED = "estimated-performance"
FAIRNESS = "fairness"
_OF_GATE: dict[Verdict, SignalVerdict] = {Verdict.PASS: "no-drift", Verdict.FAIL: "drift"}
log = logging.getLogger("vigia.monitors")


def measure_labelled(
    data: DataReader, subject: Subject, references: VersionReferences
) -> tuple[list[SignalReport], str]:
    """Return what the newest labels show about the rows served lately, and the version of these labels; nothing and ""
    when there are no newer labels than those that the state names.

    Raises:
        RetryableError: a service did not answer.
    """
    monitor, performance = subject.monitor, subject.monitor.performance
    if performance is None or not subject.reads_labels:
        return [], ""
    try:
        version = data.pinned(_labels_asset(subject.policy, performance))
        if version == subject.state.labels_seen:
            return [], ""
        labels = data.table(version, {performance.label})
    except PermanentError as exc:
        # Without a version the state does not advance, so that the next look tries these labels again.
        return [SignalReport(PERFORMANCE, "error", str(exc), 0)], ""
    signals = LabelledSignals(data, subject, performance, labels, version, references)
    reports = [attempt(PERFORMANCE, signals.performance_report)]
    if concept := monitor.concept_drift:
        reports.append(attempt(CONCEPT_DRIFT, lambda: signals.concept_report(concept)))
    if fairness := monitor.fairness:
        reports.append(attempt(FAIRNESS, lambda: signals.fairness_report(fairness)))
    if (estimated := monitor.estimated_performance) and not monitor.labelled:
        # No signal of its own: it makes the reference that estimates of later windows need.
        calibration = attempt(ESTIMATED, lambda: signals.calibrate(estimated))
        log.info("monitor.calibrated", extra=fields(model=subject.policy.model, verdict=calibration.verdict))
    return reports, version


def _labels_asset(policy: Policy, performance: Performance) -> str:
    """Return the data asset that holds the labels; loading the policy made sure that one is named."""
    evaluate = policy.section(Evaluate)
    return performance.labels or (evaluate.data if evaluate else "")


@dataclass(frozen=True)
class LabelledSignals:
    """Measures each signal on the labelled rows, which are read once for all of them."""

    data: DataReader
    subject: Subject
    performance: Performance
    labels: pd.DataFrame
    labels_version: str
    references: VersionReferences

    def performance_report(self) -> SignalReport:
        """Return how well the model does.

        Raises:
            NotYetError: nothing was answered.
            ValueError: a column is missing, or the metric does not fit the labels.
        """
        from shared.drift.signals.performance import PerformanceRules, judge_performance

        section, served = self.performance, self._rows()
        if not served.was_served:
            raise NotYetError("no answers were collected yet")
        rules = PerformanceRules(
            section.metric,
            section.at_least,
            section.key,
            section.label,
            section.minimum_rows,
            section.at_most,
            section.better,
        )
        report = judge_performance(served.answers.frame, self.labels, rules).as_signal(rules)
        return _with_findings(report, served, served.answers)

    def concept_report(self, section: ConceptDrift) -> SignalReport:
        """Return whether labels still follow from the features.

        Raises:
            NotYetError: there is no reference, or these rows have become it.
            ValueError: labels are not of the kind that the model answers, or a column is missing.
        """
        from shared.drift.signals.concept import ConceptRules
        from shared.drift.signals.questions import judge_questions

        served, label = self._rows(), self.performance.label
        frame = _complete(served.rows.frame, self.performance)
        reference, until = self.references.concept(section, frame)
        # Rows are never compared with a reference that was just made of them.
        if until and until == self.subject.end:
            raise NotYetError(FIRST_WINDOW, served.rows.rows)
        if frame.empty:
            raise NotYetError("no served row has a label yet")
        rules = ConceptRules(
            section.min_ranking_loss,
            section.min_level_change,
            section.min_segment_change,
            section.false_alarms / 100,
            section.minimum_rows,
        )
        report = judge_questions(reference, frame, label, rules)
        return _with_findings(report, served, served.rows)

    def fairness_report(self, section: Fairness) -> SignalReport:
        """Return whether groups are treated alike, by the rule of the gate of that name.

        Raises:
            NotYetError: no row has a label.
            ValueError: a column is missing, or the rows do not fit the criterion.
        """
        from shared.metrics.rows import Layout
        from shared.release.gates.fairness import compare_groups

        served = self._rows()
        table = _complete(served.answers.frame, self.performance)
        if table.empty:
            raise NotYetError("no served row has a label yet")
        require_columns(table, section.group_columns, "the served rows and their labels have")
        result = compare_groups(section, table, Layout.of_served(self.performance.label))
        if not result.numbers:
            raise ValueError(result.reason)
        measure = "difference" if section.at_most is not None else "ratio"
        report = SignalReport(
            FAIRNESS,
            _OF_GATE.get(result.verdict, "insufficient-data"),
            result.reason,
            len(table),
            result.numbers.get(measure),
            section.at_most or section.at_least,
            measure,
        )
        return _with_findings(report, served, served.answers)

    def calibrate(self, section: EstimatedPerformance) -> SignalReport:
        """Make the reference of estimates of these rows, unless there is one.

        Raises:
            NotYetError: too few rows have a label.
            ValueError: a column is missing.
        """
        try:
            reference = self.references.estimate(section)
        except NotYetError:
            served = self._rows()
            # What classes and numbers are estimated by are columns beside the answer.
            sample = served.answers if self.references.answers == "flags" else served.rows
            reference = self.references.estimate(section, _complete(sample.frame, self.performance))
        return SignalReport(ESTIMATED, "no-drift", f"{reference.rows:,} rows calibrate it", reference.rows)

    def _rows(self) -> LabelledRows:
        if isinstance(self._rows_or_error, Exception):
            raise self._rows_or_error
        return self._rows_or_error

    @property
    def _rows_or_error(self) -> LabelledRows | Exception:
        """Return the rows, or why they cannot be read: no signal tries again what failed for another."""
        # No cached_property: until Python 3.12 one lock is held for all instances while one of them reads.
        rows: LabelledRows | Exception = self.__dict__.get("_read") or self._read_rows()
        self.__dict__["_read"] = rows
        return rows

    def _read_rows(self) -> LabelledRows | Exception:
        try:
            groups = fairness.group_columns if (fairness := self.subject.monitor.fairness) else set()
            truth, since = self._truth(groups), self._since()
            return LabelledReader(self.data, self.subject, self.performance, truth, since, frozenset(groups)).read()
        except (ValueError, PermanentError) as exc:
            return exc

    def _since(self) -> datetime | None:
        """Return from when on concept drift looks at rows: after those that its reference was made of."""
        section, start = self.subject.monitor.concept_drift, self.subject.labels_start
        if section is None:
            estimates = self.subject.monitor.estimated_performance and self.references.answers != "flags"
            return start if estimates else None
        try:
            _, until = self.references.concept(section)
        except (NotYetError, ValueError, PermanentError):
            return start  # there is no reference, and the signal reports that itself
        return max(start, until) if until else start

    def _truth(self, groups: set[str]) -> pd.DataFrame:
        from shared.drift.signals.performance import by_key

        key, label = self.performance.key, self.performance.label
        require_columns(self.labels, {key, label}, f"labels {self.labels_version} have")
        columns = [label, *sorted(groups & set(self.labels.columns) - {key, label})]
        return by_key(self.labels, key)[columns].dropna(subset=[label])


def _with_findings(report: SignalReport, served: LabelledRows, sample: EvenSample) -> SignalReport:
    findings = (*report.findings, *filter(None, [served.finding, sample.finding]))
    return dataclasses.replace(report, findings=findings)


def _complete(frame: pd.DataFrame, performance: Performance) -> pd.DataFrame:
    """Return the rows with prediction and label, each key once: of its rows the newest."""
    if frame.empty:
        return frame
    require_columns(frame, {PREDICTION}, "the scored rows have")
    return frame.dropna(subset=[PREDICTION, performance.label]).drop_duplicates(performance.key, keep="last")
