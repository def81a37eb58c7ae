"""What a monitor looks at, in words."""

from __future__ import annotations

from collections.abc import Iterator

from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.quantities import percent_text, size_text


def looks_in_words(monitor: Monitor) -> Iterator[str]:
    """Yield what is looked at, one clause per signal."""
    reference = "the training data" if monitor.reference == "training" else "the window before"
    if drift := monitor.data_drift:
        yield (
            f"compare production data with {reference}, and call it drift from effect {drift.min_effect:g} on, "
            f"with {percent_text(drift.false_alarms)} false alarms"
        )
    if quality := monitor.data_quality:
        yield f"look for faults of the data from {percent_text(quality.min_share)} of the rows on"
    if answers := monitor.prediction_drift:
        yield f"compare the predictions, from effect {answers.min_effect:g} on"
    if estimated := monitor.estimated_performance:
        bound = _bound(estimated.at_least, estimated.at_most)
        expected = f"no more than {estimated.min_change:g} worse{f', or {bound}' if bound else ''}"
        yield f"estimate {estimated.metric} without labels, and expect {expected}"
    yield from _on_labels(monitor)
    if vectors := monitor.embedding_drift:
        yield f"compare the vectors in {vectors.column}"
    if order := monitor.attribution_drift:
        yield f"see whether the model still leans on the same features, from an NDCG of {order.min_ndcg:g} down"
    if spark := monitor.spark:
        yield f"count windows of more than {size_text(spark.when_above)} on Spark, for data drift alone"
    if monitor.persistence.of > 1:
        yield f"tell when {monitor.persistence.alarms} of the last {monitor.persistence.of} windows drifted"


def _on_labels(monitor: Monitor) -> Iterator[str]:
    if performance := monitor.performance:
        bound = _bound(performance.at_least, performance.at_most)
        yield f"expect {performance.metric} of {bound} once labels are there"
    if monitor.concept_drift:
        yield "see then whether labels still follow from the features"
    if fairness := monitor.fairness:
        yield f"see whether groups are treated alike: {fairness.title}"


def _bound(at_least: float | None, at_most: float | None) -> str:
    if at_least is not None:
        return f"at least {at_least:g}"
    return "" if at_most is None else f"at most {at_most:g}"
