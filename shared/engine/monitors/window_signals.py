"""The signals that need no labels, each measured on the rows of one window."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.drift.results.assemble import DATA_DRIFT, drift_signal
from shared.drift.results.comparison import DriftRules, PastWindow
from shared.drift.results.signals import SignalReport
from shared.engine.monitors.references import (
    FIRST_WINDOW,
    PREDICTION,
    QUALITY,
    VersionReferences,
    answers_of,
    column_values,
    estimate_rules,
)
from shared.engine.monitors.subject import NotYetError, Reference, Subject, attempt, no_reference
from shared.policy.sections.signals import (
    AttributionDrift,
    DataDrift,
    DataQuality,
    EmbeddingDrift,
    EstimatedPerformance,
    PredictionDrift,
)

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profiles.counts import WindowCounts
    from shared.drift.profiles.profile import Profile
    from shared.drift.rows.sample import EvenSample, Rows

OF_FIRST_WINDOW = "Compared with the version's first window, not with the training data."
# The samples that signals look at beside all rows.
VECTORS, SCORES = "vectors", "scores"


@dataclass(frozen=True)
class WindowSignals:
    """Measures each signal that the policy names. `requests` are all rows that were scored, `answers` those rows with
    their predictions. What the method of one signal raises becomes that signal's verdict: see `attempt`."""

    subject: Subject
    references: VersionReferences
    requests: Rows
    answers: Rows

    def measure(self) -> tuple[list[SignalReport], Reference | None]:
        """Return the signals, and what the window was compared with, as far as data drift could be measured.

        Raises:
            RetryableError: a service did not answer.
        """
        monitor = self.subject.monitor
        self._request_samples()
        reports: list[SignalReport] = []
        reference = None
        # Data drift goes through all requests; the samples of the other signals fill on the way. Reading them is what
        # most of a look's time goes into, so that it is done once.
        if rules := monitor.data_drift:
            report, reference = self._data_drift(rules)
            reports.append(report)
        if quality := monitor.data_quality:
            reports.append(attempt("data-quality", lambda: self._data_quality(quality)))
        if vectors := monitor.embedding_drift:
            reports.append(attempt("embedding-drift", lambda: self._embedding_drift(vectors)))
        if predictions := monitor.prediction_drift:
            reports.append(attempt("prediction-drift", lambda: self._prediction_drift(predictions)))
        if estimated := monitor.estimated_performance:
            reports.append(attempt("estimated-performance", lambda: self._estimated_performance(estimated)))
        if attributions := monitor.attribution_drift:
            reports.append(attempt("attribution-drift", lambda: self._attribution_drift(attributions)))
        return reports, reference

    def _request_samples(self) -> None:
        """Ask for the samples that signals will look at, before the rows are gone through."""
        from shared.drift.signals.attributions import KIND, PREFIX
        from shared.drift.signals.embeddings import EmbeddingRules

        monitor = self.subject.monitor
        if monitor.data_quality:
            self.requests.request(QUALITY)
        if vectors := monitor.embedding_drift:
            self.requests.request(VECTORS, [vectors.column], EmbeddingRules().sample)
        if monitor.estimated_performance:
            self.answers.request(SCORES, [PREDICTION] if self.references.answers == "flags" else None)
        if monitor.attribution_drift:
            columns = [f"{PREFIX}{feature}" for feature in self.references.attributions()]
            self.answers.request(KIND, columns)

    def _data_drift(self, rules: DataDrift) -> tuple[SignalReport, Reference | None]:
        # In two steps: a comparison that fails still names what the window was compared with.
        reference = attempt(DATA_DRIFT, lambda: self._reference(rules))
        if isinstance(reference, SignalReport):
            return reference, None
        return attempt(DATA_DRIFT, lambda: self._compare(reference, rules)), reference

    def _reference(self, rules: DataDrift) -> Reference:
        """Return what the window is compared with.

        Raises:
            NotYetError: there are no rows, or no earlier window.
            PermanentError: the version's training data cannot be read.
        """
        if not self.requests.columns:
            raise NotYetError("no rows yet")
        if self.subject.reference:
            return self.subject.reference
        reference = self.references.of_window(rules.minimum_rows)
        if reference is None:
            raise NotYetError(FIRST_WINDOW, _row_count(self.requests))
        return reference

    def _compare(self, reference: Reference, rules: DataDrift) -> SignalReport:
        from shared.drift.profiles.counting import count

        subject, profile = self.subject, reference.profile
        if subject.reference:
            # A person's reference: all of its columns count, and no past window was compared with it.
            return measure_data_drift(self.requests, profile, drift_rules(rules), subject.monitor.importance)
        past = subject.past(DATA_DRIFT) if subject.rows is None else ()
        return compare_counts(subject, rules, profile, count(profile, self.requests), past)

    def _data_quality(self, section: DataQuality) -> SignalReport:
        from shared.drift.signals.quality import QualityRules, check_quality

        sample = self.requests.sample(QUALITY)
        if not sample.rows:
            raise NotYetError("no rows yet")
        reference = self.references.quality(sample, section)
        rules = QualityRules(
            section.min_share / 100,
            section.min_duplicates / 100,
            minimum_rows=section.minimum_rows,
            ignore=frozenset(section.ignore),
            happened=frozenset(section.happened),
        )
        return _of_sample(check_quality(reference, sample.frame, self.subject.end, rules), sample)

    def _embedding_drift(self, section: EmbeddingDrift) -> SignalReport:
        from shared.drift.signals.embeddings import EmbeddingRules, compare_embeddings

        sample = self.requests.sample(VECTORS)
        if not sample.rows:
            raise NotYetError("no rows yet")
        reference = self.references.embeddings(section.column, sample, section.minimum_rows)
        rules = EmbeddingRules(section.min_auc, section.false_alarms / 100, section.minimum_rows)
        window = column_values(sample.frame, section.column)
        past = self.subject.past_values("embedding-drift", len(sample.frame))
        return _of_first_window(compare_embeddings(reference, window, rules, past, section.column))

    def _prediction_drift(self, section: PredictionDrift) -> SignalReport:
        from shared.drift.signals.predictions import SIGNAL, compare_predictions

        self._require_answers()
        reference = self.references.predictions(self.answers, section.minimum_rows)
        rules = DriftRules(section.min_effect, section.false_alarms / 100, section.minimum_rows)
        report = compare_predictions(reference, self.answers, rules, self.subject.past(SIGNAL))
        return report if self.subject.monitor.labelled else _of_first_window(report)

    def _estimated_performance(self, section: EstimatedPerformance) -> SignalReport:
        from shared.drift.signals.estimated import estimate_performance

        self._require_answers()
        reference = self.references.estimate(section)
        sample = self.answers.sample(SCORES)
        rules, answers = estimate_rules(section, self.references.answers), answers_of(reference, sample.frame)
        past = self.subject.past_values("estimated-performance", sample.rows)
        return _of_sample(estimate_performance(reference, answers, rules, past), sample)

    def _attribution_drift(self, section: AttributionDrift) -> SignalReport:
        from shared.drift.signals.attributions import KIND, compare_attributions

        self._require_answers()
        reference = self.references.attributions()
        if not reference:
            hint = "have the evaluation write attributions.json, see docs/reference/evaluation.md"
            raise no_reference(f"no attributions are kept of version {self.subject.version}", hint)
        sample = self.answers.sample(KIND)
        return _of_sample(compare_attributions(reference, sample.frame, section.min_ndcg, section.minimum_rows), sample)

    def _require_answers(self) -> None:
        if not self.answers.columns:
            raise NotYetError("no answers were collected yet")


def drift_rules(section: DataDrift) -> DriftRules:
    """Return the policy's rules as the comparison takes them."""
    return DriftRules(
        section.min_effect,
        section.false_alarms / 100,
        section.minimum_rows,
        ignore=frozenset(section.ignore),
        min_effects=section.min_effects,
    )


def compare_counts(
    subject: Subject, section: DataDrift, reference: Profile, counts: WindowCounts, past: Sequence[PastWindow]
) -> SignalReport:
    """Return the signal "data-drift" of a window that was counted around the reference's profile."""
    from shared.drift.comparison.verdict import compare

    rules = _without_unserved(drift_rules(section), subject, reference, counts)
    return drift_signal(compare(reference, counts, rules, past, subject.monitor.importance))


def measure_data_drift(
    rows: pd.DataFrame | Iterable[Any],
    reference: Profile,
    rules: DriftRules,
    importances: Mapping[str, float] | None = None,
) -> SignalReport:
    """Return the signal "data-drift" of rows: a frame, or batches that can be iterated more than once."""
    from shared.drift.comparison.verdict import compare

    return drift_signal(compare(reference, rows, rules, importance=importances))


def _without_unserved(rules: DriftRules, subject: Subject, reference: Profile, counts: WindowCounts) -> DriftRules:
    """Return the rules without the reference's columns that were never served, such as its label: neither in this
    window nor in the previous one. A column that was served and no longer is has drifted."""
    served = {name for name, column in counts.columns.items() if column.rows}
    if (previous := subject.previous) and previous.model_version == subject.version:
        served |= {
            column.name for signal in previous.signals if signal.signal == DATA_DRIFT for column in signal.columns
        }
    unserved = {column.name for column in reference.columns} - served
    return dataclasses.replace(rules, ignore=rules.ignore | unserved)


def _of_first_window(report: SignalReport) -> SignalReport:
    """Return the report with a word on what it was compared with: other signals of the look have the training data."""
    return dataclasses.replace(report, sentence=f"{report.sentence} {OF_FIRST_WINDOW}")


def _of_sample(report: SignalReport, sample: EvenSample) -> SignalReport:
    """Return a sample's report as that of all rows that it stands for, and say how many were looked at."""
    findings = (*report.findings, sample.finding) if sample.finding else report.findings
    return dataclasses.replace(report, rows=sample.rows, findings=findings)


def _row_count(rows: Rows) -> int:
    from shared.drift.rows.batches import row_count

    return sum(map(row_count, rows))
