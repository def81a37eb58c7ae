"""What the metrics of trainings in a row show: no progress, a growing gap, other data."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.ids import FactKey, JobName
from shared.domain.state import Training
from shared.policy.deciding.training_signs import changed_inputs, signs
from tests.unit.reactions.context import NOW


def trainings(*measured: dict[str, float], outcome: str = "completed") -> list[Training]:
    key = FactKey("f" * 64)
    return [
        Training(JobName(f"job-{n}"), key, "drift", NOW + timedelta(days=n), outcome=outcome, metrics=metrics)  # type: ignore[arg-type]
        for n, metrics in enumerate(measured)
    ]


def aucs(*values: float, error: float = 0.0) -> list[Training]:
    return trainings(*({"validation_roc_auc": value, "validation_roc_auc_se": error} for value in values))


def test_three_trainings_that_are_no_better_than_the_best_of_those_until_then_are_stagnation() -> None:
    assert list(signs(aucs(0.7, 0.8, 0.79, 0.8, 0.75))) == [
        "validation_roc_auc has not improved on 0.8 in the last 3 trainings (0.79, 0.8, 0.75)"
    ]


@pytest.mark.parametrize(
    ("values", "error", "is_sign"),
    [
        pytest.param((0.8, 0.79, 0.8, 0.81), 0.0, False, id="one_improved"),
        pytest.param((0.8, 0.79, 0.8, 0.81), 0.01, True, id="within_its_interval"),
        pytest.param((0.8, 0.79, 0.8, 0.9), 0.01, False, id="beyond_its_interval"),
        pytest.param((0.8, 0.79, 0.78), 0.0, False, id="too_few"),
    ],
)
def test_progress_counts_beyond_its_interval(values: tuple[float, ...], error: float, is_sign: bool) -> None:
    assert bool(list(signs(aucs(*values, error=error)))) is is_sign


def test_lower_is_better_where_the_metric_says_so() -> None:
    assert list(signs(trainings(*({"validation_rmse": value} for value in (5.0, 4.0, 3.0, 2.0))))) == []
    assert list(signs(trainings(*({"validation_rmse": value} for value in (2.0, 3.0, 4.0, 5.0))))) != []


def gaps(*values: float, error: float | None = 0.01) -> list[Training]:
    errors = {} if error is None else {"train_roc_auc_se": error, "validation_roc_auc_se": error}
    # Validation improves all the time, so that nothing stagnates.
    return trainings(
        *(
            {"train_roc_auc": 0.5 + n / 10 + gap, "validation_roc_auc": 0.5 + n / 10, **errors}
            for n, gap in enumerate(values)
        )
    )


def test_a_gap_that_grew_beyond_its_interval_is_overfitting() -> None:
    assert list(signs(gaps(0.02, 0.02, 0.02, 0.1))) == [
        "the gap between train_roc_auc and validation_roc_auc grew from 0.02 to 0.1"
    ]


@pytest.mark.parametrize(
    "measured",
    [
        pytest.param(gaps(0.02, 0.02, 0.02, 0.03), id="within_its_interval"),
        pytest.param(gaps(0.02, 0.02, 0.02, 0.1, error=None), id="no_standard_errors"),
        pytest.param(gaps(0.1, 0.1, 0.1, 0.02), id="narrower"),
    ],
)
def test_no_other_gap_is(measured: list[Training]) -> None:
    assert list(signs(measured)) == []


def test_trainings_that_failed_or_logged_nothing_of_the_kind_show_nothing() -> None:
    assert list(signs(trainings(*({"validation_roc_auc": 0.8},) * 5, outcome="failed"))) == []
    assert list(signs(trainings(*({"loss": 0.8, "validation_mystery": 1.0},) * 5))) == []


def test_inputs_that_differ_from_the_champions_are_named() -> None:
    inputs = {"rows": "azureml:rows:3", "lr": "0.1", "deep": "true"}
    assert changed_inputs(inputs, {"rows": "azureml:rows:2", "lr": "0.1"}) == (
        "deep is true, the champion's was not given, rows is azureml:rows:3, the champion's was azureml:rows:2"
    )
    assert changed_inputs(inputs, inputs) == ""
