"""What the benchmark of gates measures is there, and its goals would notice a rule that errs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.harness.spec import Run
from benchmarks.releases import gate_kinds, gates
from shared.metrics.binary import roc_auc
from shared.metrics.catalogue import CHOICES, CLASS_PROBABILITIES, METRICS, OWN, PROBABILITIES, VALUES, find_metric
from shared.metrics.classes import Choices
from shared.metrics.estimates import Estimate

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


def test_every_kind_of_model_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_kinds, "TRUTH_ROWS", 1_000)
    monkeypatch.setattr(gate_kinds, "TRUTHS", 1)
    figures = {figure.name for figure in gate_kinds.kind_figures(1, QUIET)}
    names = {f"gates.{name}.{part}" for name in gate_kinds.KINDS for part in ("false_passes", "false_passes_of_bound")}
    assert figures == names
    assert {find_metric(metric, better).needs for metric, better, _, _ in gate_kinds.KINDS.values()} == {
        VALUES,
        CHOICES,
        CLASS_PROBABILITIES,
        PROBABILITIES,
        OWN,
    }
    gate_kinds.true_values.cache_clear()


def test_bounds_that_count_every_class_as_one_of_all_rows_would_pass_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    right, _ = gate_kinds.passed("f1_macro_3", 60)
    estimate = Choices.estimate

    def too_sure(sample: Choices) -> Estimate:
        return replace(estimate(sample), parts=estimate(sample).parts / 4)

    monkeypatch.setattr(Choices, "estimate", too_sure)
    wrong, _ = gate_kinds.passed("f1_macro_3", 60)
    assert right <= 12
    assert wrong > 20
    gate_kinds.true_values.cache_clear()


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
