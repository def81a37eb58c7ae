"""What Evidently's methods and metrics mean: on which side of its bound drift is, and which signal a metric belongs to.

Read off Evidently 0.7.23: the return lines of `legacy/calculations/stattests/*.py` (name and display name of each), and
the modules of `evidently.metrics`; held against its own output for every method in tests/field.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from shared.events.alerts.refusal import refuse
from shared.events.wire.fields import Fields

Rule = Callable[[float, float], bool]

# (value, bound) -> drift. Of p-values drift is below, of distances above; TVD is a p-value, whatever its name says.
_METHODS: dict[tuple[str, ...], Rule] = {
    ("anderson", "Anderson-Darling"): operator.lt,
    ("chisquare", "chi-square p_value"): operator.lt,
    ("cramer_von_mises", "Cramer-von Mises"): operator.le,
    ("es", "Epps-Singleton"): operator.lt,
    ("fisher_exact", "Fisher's Exact test"): operator.lt,
    ("g_test",): operator.lt,
    ("ks", "K-S p_value"): operator.le,
    ("mannw", "Mann-Whitney U-rank test"): operator.lt,
    ("empirical_mmd",): operator.lt,
    ("t_test",): operator.lt,
    ("TVD", "Total-Variation-Distance"): operator.lt,
    ("z", "Z-test p_value"): operator.lt,
    ("ed", "Energy-distance"): operator.gt,
    ("hellinger", "Hellinger distance"): operator.ge,
    ("jensenshannon", "Jensen-Shannon distance"): operator.ge,
    ("kl_div", "Kullback-Leibler divergence"): operator.ge,
    ("psi", "PSI"): operator.ge,
    ("wasserstein", "Wasserstein distance (normed)"): operator.ge,
    ("abs_text_content_drift", "Absolute text content drift"): operator.gt,
    # perc_text_content_drift ("Percentile text content drift") is compared with a percentile that its output lacks.
}
RULES: dict[str, Rule] = {name.lower(): rule for names, rule in _METHODS.items() for name in names}

_CLASSIFICATION = (
    "Accuracy F1Score F1ByLabel FNR FPR TNR TPR LogLoss Precision PrecisionByLabel Recall RecallByLabel RocAuc "
    "RocAucByLabel"
)
_REGRESSION = "MAE MAPE RMSE AbsMaxError MeanError R2Score"
_RECOMMENDING = (
    "MAP MRR NDCG Diversity FBetaTopK HitRate ItemBias Novelty Personalization PopularityBiasMetric PrecisionTopK "
    "RecallTopK RecCasesTable ScoreDistribution Serendipity UserBias"
)
_QUALITY = (
    "CategoryCount InListValueCount InRangeValueCount MaxValue MeanValue MedianValue MinValue MissingValueCount "
    "OutListValueCount OutRangeValueCount QuantileValue StdValue SumValue UniqueValueCount ColumnCorrelationMatrix "
    "CorrelationMatrix AlmostConstantColumnsCount AlmostDuplicatedColumnsCount ColumnCount ConstantColumnsCount "
    "DatasetMissingValueCount DuplicatedColumnsCount DuplicatedRowCount EmptyColumnsCount EmptyRowsCount RowCount"
)
# The Dummy… metrics are of a model that guesses: they say nothing about ours.
SIGNALS: dict[str, str] = {
    **dict.fromkeys(("ValueDrift", "DriftedColumnsCount", "EmbeddingsDrift"), "data-drift"),
    **dict.fromkeys(f"{_CLASSIFICATION} {_REGRESSION} {_RECOMMENDING}".split(), "performance"),
    **dict.fromkeys(_QUALITY.split(), "data-quality"),
}
# The groups of tests in the output of versions before 0.7.
LEGACY_GROUPS: dict[str, str] = {
    "data_drift": "data-drift",
    "classification": "performance",
    "regression": "performance",
    "recsys": "performance",
    "data_integrity": "data-quality",
    "data_quality": "data-quality",
}
# A test that only warns fails nothing; one that could not be computed says nothing.
FAILED, PASSED, SILENT = (
    frozenset({"FAIL", "FAILED"}),
    frozenset({"SUCCESS", "WARNING"}),
    frozenset({"ERROR", "SKIPPED"}),
)


def status_of(test: Fields) -> str:
    """Return how a test ended; Python's own spelling of it, TestStatus.FAIL, is understood.

    Raises:
        EventError: no test of Evidently's ends so.
    """
    status = test.text("status").strip().upper().rpartition(".")[2]
    if status not in FAILED | PASSED | SILENT:
        refuse(f"nobody here knows the status {status!r:.40} of a test", "post what Evidently itself wrote")
    return status
