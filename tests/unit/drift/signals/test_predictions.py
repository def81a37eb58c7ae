"""Predictions are compared as columns of data are, and nothing else of the window is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shared.drift.profiles.profile import profile
from shared.drift.signals.predictions import compare_predictions


def answers(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-chance.normal(shift, 1.0, rows)))
    return pd.DataFrame(
        {"prediction": score, "class": np.where(score > 0.5, "late", "punctual"), "age": chance.random(rows)}
    )


REFERENCE = profile(answers(10_000, 1)[["prediction", "class"]])


def test_answers_as_before_are_no_drift() -> None:
    report = compare_predictions(REFERENCE, answers(5000, 2))
    assert (report.signal, report.verdict, report.rows) == ("prediction-drift", "no-drift", 5000)
    assert {column.name for column in report.columns} == {"prediction", "class"}
    assert report.findings == ()


def test_answers_that_moved_are_found() -> None:
    report = compare_predictions(REFERENCE, answers(5000, 2, shift=0.6))
    assert report.verdict == "drift"
    assert report.columns[0].name == "prediction"
    assert report.threshold == 1.0
    assert "prediction: KS 0.2" in report.sentence


def test_a_window_without_predictions_has_lost_a_column() -> None:
    report = compare_predictions(REFERENCE, answers(5000, 2)[["age"]])
    assert report.verdict == "drift"
    assert report.value is None
    assert "the window has no such column" in report.sentence


def test_too_few_answers_are_no_news() -> None:
    assert compare_predictions(REFERENCE, answers(50, 2)).verdict == "insufficient-data"
