"""What the benchmark of gates measures is there, and its goals would notice a rule that errs."""

from __future__ import annotations

import pytest

from benchmarks.harness.spec import Run
from benchmarks.releases import gates
from shared.metrics.binary import roc_auc
from shared.metrics.catalogue import METRICS

QUIET = Run(is_long=False, progress=lambda _: None)


def test_every_metric_is_tried_at_its_margin() -> None:
    assert {metric for metric, _, _ in gates.MARGINS.values()} <= set(METRICS)


def test_every_case_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "TRUTH_ROWS", 10_000)
    monkeypatch.setattr(gates, "RESAMPLES", 2)
    margins = {figure.name for figure in gates.margin_figures(2, QUIET)}
    bounds = {figure.name for figure in gates.bound_figures(2, QUIET)}
    assert margins == {f"gates.{name}.{part}" for name in gates.MARGINS for part in ("false_passes", "passes")}
    assert bounds == {f"gates.{name}.false_passes_of_bound" for name in gates.MARGINS}
    assert len(list(gates.slice_figures(2, QUIET))) == len(gates.SLICES)
    gates.true_loss.cache_clear()


def test_the_margin_is_what_the_challenger_truly_loses() -> None:
    metric, _, draw = gates.MARGINS["roc_auc_200"]
    value, margin = gates.true_loss(metric, draw)
    # Two normal distributions so far apart have an area of Φ(d / √2).
    assert value == pytest.approx(0.8556, abs=0.002)
    assert value - margin == pytest.approx(0.8019, abs=0.002)
    assert metric == roc_auc.__name__


def test_bootstrapped_bounds_err_where_the_gate_does_not() -> None:
    metric, _, draw = gates.MARGINS["mae_50"]
    ours, bootstrap = gates.at_margin(metric, 50, draw, 200)
    assert ours <= 10
    assert bootstrap > ours
