"""The signals that need no labels, each measured on the rows of one window."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.drift.results.signals import SignalReport
from shared.engine.monitors.references import (
    PREDICTION,
    VersionReferences,
    column_values,
    estimate_rules,
    numbers,
)
from shared.engine.monitors.subject import NotYetError, Subject
from shared.policy.sections.signals import DataQuality, EmbeddingDrift, EstimatedPerformance, PredictionDrift

if TYPE_CHECKING:
    from shared.drift.rows.sample import Rows

OF_FIRST_WINDOW = "Compared with the version's first window, not with the training data."
QUALITY, VECTORS, SCORES = "quality", "vectors", "scores"


@dataclass(frozen=True)
class WindowSignals:
    """Each method returns one signal; it raises what `said` turns into a verdict.

    `inputs` are all rows that were asked about, `scored` those that were answered.
    """

    subject: Subject
    references: VersionReferences
    inputs: Rows
    scored: Rows

    def want(self) -> None:
        """Ask for the samples that signals will look at, before the rows are gone through."""
        from shared.drift.signals.embeddings import EmbeddingRules

        monitor = self.subject.monitor
        if monitor.data_quality:
            self.inputs.want(QUALITY)
        if vectors := monitor.embedding_drift:
            self.inputs.want(VECTORS, [vectors.column], EmbeddingRules().sample)
        if monitor.estimated_performance:
            self.scored.want(SCORES, [PREDICTION])

    def data_quality(self, asked: DataQuality) -> SignalReport:
        from shared.drift.signals.quality import QualityRules, check_quality

        sample = self.inputs.sample(QUALITY)
        if not sample.rows:
            raise NotYetError("no rows yet")
        known = self.references.quality(sample, asked)
        rules = QualityRules(
            asked.min_share / 100,
            asked.min_duplicates / 100,
            minimum_rows=asked.minimum_rows,
            ignore=frozenset(asked.ignore),
            happened=frozenset(asked.happened),
        )
        return _of_all(check_quality(known, sample.frame, self.subject.end, rules), sample.rows, sample.finding)

    def embedding_drift(self, asked: EmbeddingDrift) -> SignalReport:
        from shared.drift.signals.embeddings import EmbeddingRules, compare_embeddings

        sample = self.inputs.sample(VECTORS)
        if not sample.rows:
            raise NotYetError("no rows yet")
        known = self.references.embeddings(asked.column, sample, asked.minimum_rows)
        rules = EmbeddingRules(asked.min_auc, asked.false_alarms / 100, asked.minimum_rows)
        window = column_values(sample.frame, asked.column)
        past = self.subject.past_values("embedding-drift", len(sample.frame))
        return _of_first(compare_embeddings(known, window, rules, past, asked.column))

    def prediction_drift(self, asked: PredictionDrift) -> SignalReport:
        from shared.drift.results.comparison import DriftRules
        from shared.drift.signals.predictions import SIGNAL, compare_predictions

        self._require_answers()
        known = self.references.predictions(self.scored, asked.minimum_rows)
        rules = DriftRules(asked.min_effect, asked.false_alarms / 100, asked.minimum_rows)
        report = compare_predictions(known, self.scored, rules, self.subject.past(SIGNAL))
        return report if self.subject.monitor.labelled else _of_first(report)

    def estimated_performance(self, asked: EstimatedPerformance) -> SignalReport:
        from shared.drift.signals.estimated import estimate_performance

        self._require_answers()
        known = self.references.estimate(asked)
        sample = self.scored.sample(SCORES)
        scores = numbers(sample.frame[PREDICTION])
        past = self.subject.past_values("estimated-performance", sample.rows)
        return _of_all(estimate_performance(known, scores, estimate_rules(asked), past), sample.rows, sample.finding)

    def _require_answers(self) -> None:
        if not self.scored.columns:
            raise NotYetError("no answers were collected yet")


def _of_first(report: SignalReport) -> SignalReport:
    """Return the report with a word on what it was compared with: other signals of the look have the training data."""
    return dataclasses.replace(report, sentence=f"{report.sentence} {OF_FIRST_WINDOW}")


def _of_all(report: SignalReport, rows: int, finding: str) -> SignalReport:
    """Return the report of a sample as that of all rows, with a word on it."""
    findings = (*report.findings, finding) if finding else report.findings
    return dataclasses.replace(report, rows=rows, findings=findings)
