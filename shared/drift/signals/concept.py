"""Whether the label still depends on the features as it did: the model's errors beyond what its inputs explain.

Scores are first turned into probabilities by the reference's labels. Then three things are compared with the
reference, each with an error that comes from consecutive blocks of rows, since neighbours resemble one another:

- ranking: the roc_auc that the labels show, minus the one that the probabilities make expect on the same rows. Inputs
  that moved, and days on which everything was late, leave it alone;
- level: how much more often labels are 1 than the probabilities say. Bad weeks move it, so it counts only beyond what
  chunks of the reference show;
- pattern: the same by segment (deciles of numbers, frequent categories), within each block: who got worse.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.comparison.significance import benjamini_hochberg
from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import SignalReport
from shared.drift.rows.columns import named_columns
from shared.drift.rows.segments import (
    BlockMeans,
    Segmentation,
    block_means,
    block_of,
    change_p_values,
    segmentations,
    within_blocks,
)
from shared.metrics.binary import roc_auc
from shared.metrics.expected import Curve, expected_metric, isotonic_curve

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

SIGNAL = "concept-drift"
JACKKNIFE_BLOCKS = 20
# The ranking is jackknifed on at most about so many rows, evenly spaced.
RANKED_ROWS = 100_000
CHUNKS = 8
SMALLEST_CHUNK = 250
# With the eight chunks that there are at least, the next lies beyond 3 by a chance of 1.3 % a side (Student's t).
STANDARD_DEVIATIONS = 3.0
# roc_auc of labels that nothing predicts then scatters by .04: the root of 1 / (12 · 50).
FEWEST_OF_A_CLASS = 50
SEGMENTS_NAMED = 3
EVENT = "labels are 1"
# Ranking, level and segments share the tolerated false alarms.
COMPARISONS = 3


@dataclass(frozen=True, slots=True)
class ConceptRules:
    """When a change counts.

    Args:
        min_ranking_loss: smallest loss of roc_auc, beyond what the inputs explain, that matters.
        min_level_change: smallest change of the share of 1s, beyond what the scores explain, that matters.
        min_segment_change: the same for a segment, against the rest of its time.
        false_alarms: tolerated chance per window, 0-1, shared by ranking, level and segments alike.
        minimum_rows: fewer labelled rows are insufficient data.
        event: what a label of 1 means, in words.
    """

    min_ranking_loss: float = 0.03
    min_level_change: float = 0.05
    min_segment_change: float = 0.1
    false_alarms: float = 0.01
    minimum_rows: int = 1000
    event: str = EVENT

    def __post_init__(self) -> None:
        for name in ("min_ranking_loss", "min_level_change", "min_segment_change", "false_alarms"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, e.g. 0.05; got {getattr(self, name)}")

    @property
    def chance(self) -> float:
        """Return what each of the comparisons may spend of the false alarms."""
        return self.false_alarms / COMPARISONS


@dataclass(frozen=True)
class ConceptReference:
    """A labelled reference. `levels` are (rows of a chunk, standard deviation of the chunks' levels)."""

    rows: int
    curve: Curve
    ranking: float
    ranking_error: float
    levels: tuple[tuple[int, float], ...]
    segments: tuple[tuple[Segmentation, BlockMeans], ...]

    def level_spread(self, rows: int) -> float:
        """Return the standard deviation for windows of so many rows; for longer ones that of the longest chunks."""
        fitting = [spread for size, spread in self.levels if size <= rows]
        return fitting[-1] if fitting else self.levels[0][1]


def concept_reference(
    frame: pd.DataFrame,
    scores: ArrayLike,
    labels: ArrayLike,
    columns: Sequence[str] = (),
    ignore: Collection[str] = (),
) -> ConceptReference:
    """Return what concept drift is measured against: rows that the model was not trained on, in the order of time.

    Args:
        scores: the model's, of the same rows; any number that rises with the chance of a 1.
        labels: 0 or 1.
        columns: those to cut segments by, most important first; all of the frame's when empty.

    Raises:
        ValueError: too few rows, lengths that differ, scores that are not finite, or labels other than 0 and 1.
    """
    predicted, truth = _checked(frame, scores, labels)
    least = SMALLEST_CHUNK * CHUNKS
    if len(truth) < least or min(truth.sum(), len(truth) - truth.sum()) < FEWEST_OF_A_CLASS:
        raise ValueError(f"the reference needs {least:,} labelled rows, {FEWEST_OF_A_CLASS} of each label")
    curve = isotonic_curve(predicted, truth)
    residuals = truth - curve.at(predicted)
    # Neighbours resemble one another, so that a window's level varies more than independent rows would explain: how
    # much is measured on chunks of growing size.
    levels = []
    size = SMALLEST_CHUNK
    while size <= len(truth) // CHUNKS:
        chunks = residuals[: len(truth) // size * size].reshape(-1, size).mean(axis=1)
        levels.append((size, float(np.std(chunks, ddof=1))))
        size *= 2
    within = within_blocks(residuals)
    named = named_columns(frame)
    cuts = segmentations(frame, columns, ignore)
    segments = tuple((cut, block_means(within, cut.codes(named[cut.column]), len(cut.labels))) for cut in cuts)
    return ConceptReference(len(truth), curve, *_ranking(predicted, truth, curve), tuple(levels), segments)


def judge_concept(
    reference: ConceptReference,
    frame: pd.DataFrame,
    scores: ArrayLike,
    labels: ArrayLike,
    rules: ConceptRules | None = None,
) -> SignalReport:
    """Return whether the labels of a window follow from its features as they did in the reference.

    Args:
        frame: the window's features, in the order of time; a column that it lacks is left out.

    Raises:
        ValueError: lengths that differ, scores that are not finite, or labels other than 0 and 1.
    """
    rules = rules or ConceptRules()
    predicted, truth = _checked(frame, scores, labels)
    # With few rows of one label roc_auc is mostly noise, however many rows there are in all.
    rarer = int(min(truth.sum(), len(truth) - truth.sum()))
    if len(truth) < rules.minimum_rows or rarer < FEWEST_OF_A_CLASS:
        text = (
            f"Insufficient data: {len(truth):,} labelled rows, {rarer:,} of the rarer label; at least "
            f"{rules.minimum_rows:,} and {FEWEST_OF_A_CLASS} are needed."
        )
        return SignalReport(SIGNAL, "insufficient-data", text, len(truth), measure="roc_auc lost")
    residuals = truth - reference.curve.at(predicted)
    loss, ranking_words, has_lost = _judge_ranking(reference, predicted, truth, rules)
    level_words, has_moved = _judge_level(reference, residuals, rules)
    columns = _judge_segments(reference, frame, residuals, rules)
    drifted = [column for column in columns if column.is_drifted]
    is_drift = has_lost or has_moved or bool(drifted)
    words = [*([ranking_words] if has_lost or not is_drift else []), *([level_words] if has_moved else [])]
    words += [column.sentence for column in drifted[:SEGMENTS_NAMED]]
    subject = "" if rules.event == EVENT else f" in whether {rules.event}"
    name = f"{'Concept drift' if is_drift else 'No concept drift'}{subject}"
    text = f"{name} on {len(truth):,} labelled rows: {'; '.join(words)}."
    return SignalReport(
        signal=SIGNAL,
        verdict="drift" if is_drift else "no-drift",
        sentence=text,
        rows=len(truth),
        value=loss,
        threshold=rules.min_ranking_loss,
        measure="roc_auc lost",
        columns=tuple(columns),
        findings=() if has_moved else (level_words,),
    )


def _judge_ranking(
    reference: ConceptReference, scores: Numbers, labels: Numbers, rules: ConceptRules
) -> tuple[float, str, bool]:
    from scipy.special import stdtr

    # Against the gap of the reference, not against 0: a curve that fits its reference loosely has a gap from the start.
    gap, error = _ranking(scores, labels, reference.curve)
    loss = reference.ranking - gap
    # A model that ranks without a mistake has no error at all.
    spread = max(math.hypot(error, reference.ranking_error), 1e-12)
    # One-sided: a ranking that got better is no loss.
    p_value = float(stdtr(2 * (JACKKNIFE_BLOCKS - 1), -loss / spread))
    has_lost = loss > rules.min_ranking_loss and p_value <= rules.chance
    shown = roc_auc(labels, scores)
    weight = "does not count" if not has_lost and loss > rules.min_ranking_loss else "counts" if has_lost else ""
    words = f"roc_auc is {shown:.3f} where the inputs make expect {shown + loss:.3f}"
    return loss, f"{words} (p {p_value:.2g}, {weight})" if weight else words, has_lost


def _judge_level(reference: ConceptReference, residuals: Numbers, rules: ConceptRules) -> tuple[str, bool]:
    # Compared with 0: that is the mean of the reference's own residuals, to which the curve was fitted.
    level = float(residuals.mean())
    floor = max(rules.min_level_change, STANDARD_DEVIATIONS * reference.level_spread(len(residuals)))
    words = f"{rules.event} {abs(level):.1%} of rows {'more' if level > 0 else 'less'} often than the scores say"
    return f"{words} (floor {floor:.1%})", abs(level) > floor


def _judge_segments(
    reference: ConceptReference, frame: pd.DataFrame, residuals: Numbers, rules: ConceptRules
) -> list[ColumnReport]:
    # Within blocks: a bad day moves all segments alike, which is no change of one of them.
    within, named = within_blocks(residuals), named_columns(frame)
    compared = [
        (cut, expected, block_means(within, cut.codes(named[cut.column]), len(cut.labels)))
        for cut, expected in reference.segments
        if cut.column in named
    ]
    # All segments of all columns are one family of tests: more columns must not mean more false alarms.
    p_values = [change_p_values(expected, now) for _, expected, now in compared]
    flat = benjamini_hochberg([float(p_value) for column in p_values for p_value in column])
    reports, first = [], 0
    for (cut, expected, now), raw in zip(compared, p_values, strict=True):
        adjusted = np.array(flat[first : first + len(raw)])
        first += len(raw)
        reports.append(_column(cut, now.mean - expected.mean, raw, adjusted, rules))
    return sorted(reports, key=lambda report: (report.is_drifted, report.effect or 0.0), reverse=True)


def _column(
    cut: Segmentation, changes: Numbers, p_values: Numbers, adjusted: Numbers, rules: ConceptRules
) -> ColumnReport:
    """Return the column's report: its segment that changed most among the significant ones, if any is."""
    significant = adjusted <= rules.chance
    # Where none is, the largest that could be tested at all: one with too few blocks has a p-value of 1.
    worst = int(np.argmax(np.abs(changes) * (significant if significant.any() else p_values < 1)))
    change = float(changes[worst])
    often = f"{abs(change):.1%} {'more' if change > 0 else 'less'} often"
    words = f"{cut.column} {cut.labels[worst]}: {rules.event} {often} than elsewhere, against before"
    report = ColumnReport(
        name=cut.column,
        statistic="none",
        effect=abs(change),
        floor=rules.min_segment_change,
        floor_reason="smallest effect that matters",
        is_drifted=bool(significant[worst]) and abs(change) > rules.min_segment_change,
        sentence=words,
        p_value=float(p_values[worst]),
        adjusted_p_value=float(adjusted[worst]),
        segment=cut.labels[worst],
    )
    # The sentence names the worst segment; further significant ones are findings.
    others = np.flatnonzero(significant & (np.abs(changes) > rules.min_segment_change))
    findings = tuple(f"{cut.labels[segment]}: {changes[segment]:+.1%}" for segment in others if segment != worst)
    return dataclasses.replace(report, findings=findings)


def _ranking(scores: Numbers, labels: Numbers, curve: Curve) -> tuple[float, float]:
    """Return roc_auc as shown minus as expected, and its standard error by leaving out blocks.

    Source: the delete-a-group jackknife, H. R. Kuensch, Ann. Statist. 17 (1989), for dependent rows.
    """
    # Every so many-th row, not drawn ones: blocks stay stretches of time.
    step = math.ceil(len(labels) / RANKED_ROWS)
    scores, labels = scores[::step], labels[::step]
    probable = curve.at(scores)
    block = block_of(len(labels), JACKKNIFE_BLOCKS)
    without = []
    for number in range(JACKKNIFE_BLOCKS):
        others = block != number
        # Without one of the labels roc_auc has no value.
        if 0 < labels[others].sum() < others.sum():
            without.append(
                roc_auc(labels[others], scores[others]) - expected_metric("roc_auc", scores[others], probable[others])
            )
    values = np.array(without)
    error = math.sqrt((len(values) - 1) / len(values) * float(np.sum((values - values.mean()) ** 2)))
    return roc_auc(labels, scores) - expected_metric("roc_auc", scores, probable), error


def _checked(frame: pd.DataFrame, scores: ArrayLike, labels: ArrayLike) -> tuple[Numbers, Numbers]:
    """Return scores and labels as numbers.

    Raises:
        ValueError: lengths that differ, scores that are not finite, or labels other than 0 and 1.
    """
    predicted, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if not predicted.shape == truth.shape == (len(frame),):
        raise ValueError(f"{len(frame):,} rows need as many scores and labels; got {predicted.shape} and {truth.shape}")
    if not bool(np.isfinite(predicted).all()):
        raise ValueError(f"{int((~np.isfinite(predicted)).sum()):,} scores are not finite; leave those rows out")
    if not bool(np.isin(truth, (0.0, 1.0)).all()):
        raise ValueError(f"concept drift needs labels 0 and 1; got {np.unique(truth)[:5].tolist()}")
    return predicted, truth
