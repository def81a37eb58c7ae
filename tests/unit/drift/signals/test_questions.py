"""Concept drift of several classes and of numbers: seen when labels change, quiet when inputs do, kept as JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from shared.drift.results.signals import SignalReport
from shared.drift.signals.concept import ConceptRules
from shared.drift.signals.questions import (
    Answers,
    Questions,
    concept_questions,
    judge_questions,
    questions_from_dict,
    questions_to_dict,
)


def predicted_numbers(
    rows: int, seed: int, above: float = 0.0, noise: float = 1.0, of_group: float = 0.0, moved: float = 0.0
) -> pd.DataFrame:
    """Return rows whose value scatters around three times x, by heavy tails that grow with x."""
    chance = np.random.default_rng(seed)
    x, group = chance.normal(moved, 1, rows), chance.integers(0, 5, rows)
    error = noise * chance.standard_t(3, rows) * (1 + 0.5 * np.abs(x)) + above + of_group * (group == 1)
    return pd.DataFrame(
        {"x": x, "group": np.char.add("g", group.astype(str)), "prediction": 3 * x, "label": 3 * x + error}
    )


def predicted_classes(
    rows: int, seed: int, turned: float = 0.0, moved: float = 0.0, named: bool = True
) -> pd.DataFrame:
    """Return rows of four classes; a share of the labels are of the next class. `named`: with probabilities."""
    chance = np.random.default_rng(seed)
    x = chance.normal(moved, 1, (rows, 2))
    heights = np.exp(1.5 * x @ np.array([[1, 0, -1, 0], [0, 1, 0, -1]]))
    sure = heights / heights.sum(axis=1, keepdims=True)
    true = (1 - turned) * sure + turned * np.roll(sure, 1, axis=1)
    drawn = (chance.random(rows)[:, None] > true.cumsum(axis=1)).sum(axis=1)
    names = np.array(["fir", "oak", "elm", "ash"])
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "prediction": names[sure.argmax(axis=1)], "label": names[drawn]})
    return frame.assign(**{f"prediction_{name}": sure[:, k] for k, name in enumerate(names)}) if named else frame


def questions(kind: Answers, frame: pd.DataFrame) -> Questions:
    return concept_questions(kind, frame, "label", (), {"label", "prediction"})


def judged(kind: Answers, reference: pd.DataFrame, window: pd.DataFrame) -> SignalReport:
    return judge_questions(questions(kind, reference), window, "label", ConceptRules())


@pytest.mark.parametrize("seed", range(5))
def test_equal_windows_and_moved_inputs_are_no_drift(seed: int) -> None:
    numbers, classes = predicted_numbers(4000, seed), predicted_classes(4000, seed)
    for moved in (0.0, 0.5):
        assert judged("numbers", numbers, predicted_numbers(2000, 100 + seed, moved=moved)).verdict == "no-drift"
        assert judged("classes", classes, predicted_classes(2000, 100 + seed, moved=moved)).verdict == "no-drift"


@pytest.mark.parametrize(
    ("window", "words"),
    [
        pytest.param(predicted_numbers(2000, 7, above=0.7), "values are above the prediction", id="level"),
        pytest.param(predicted_numbers(2000, 7, noise=1.5), "values are far from the prediction", id="spread"),
        pytest.param(predicted_numbers(2000, 7, of_group=1.5), "group g1: values are above the prediction", id="group"),
    ],
)
def test_numbers_that_are_off_otherwise_than_before_are_drift(window: pd.DataFrame, words: str) -> None:
    report = judged("numbers", predicted_numbers(4000, 1), window)
    assert report.verdict == "drift"
    assert words in report.sentence


@pytest.mark.parametrize("named", [True, False], ids=["probabilities", "classes_alone"])
def test_labels_of_another_class_are_drift_whose_class_is_named(named: bool) -> None:
    report = judged("classes", predicted_classes(4000, 1, named=named), predicted_classes(2000, 2, 0.2, named=named))
    assert report.verdict == "drift"
    assert "Concept drift in whether labels are" in report.sentence


def test_a_class_that_is_too_rare_is_left_out_and_named() -> None:
    reference, window = predicted_classes(4000, 1), predicted_classes(2000, 2)
    window = window[(window["label"] != "ash") | (np.arange(len(window)) < 100)]
    report = judged("classes", reference, window.head(1500).reset_index(drop=True))
    assert "too few labels to judge ash" in report.findings
    rare = reference.assign(label=np.where(np.arange(4000) < 20, "yew", reference["label"]))
    assert {question.text for question, _ in questions("classes", rare)} == {"fir", "oak", "elm", "ash"}


def test_two_classes_are_one_question() -> None:
    frame = predicted_classes(4000, 1)
    frame["label"] = np.where(frame["label"] == "fir", "fir", "oak")
    assert len(questions("classes", frame)) == 1


@pytest.mark.parametrize("kind", ["flags", "classes", "numbers"])
def test_what_is_stored_reads_back_to_the_same_verdict(kind: Answers) -> None:
    frames = [predicted_classes(4000, 1), predicted_classes(2000, 2, 0.2)]
    if kind == "numbers":
        frames = [predicted_numbers(4000, 1), predicted_numbers(2000, 2, above=0.7)]
    if kind == "flags":
        frames = [frame.assign(prediction=frame["prediction_fir"], label=frame["label"] == "fir") for frame in frames]
    made = questions(kind, frames[0])
    stored = questions_from_dict(json.loads(json.dumps(questions_to_dict(made))))
    reports = [judge_questions(one, frames[1], "label", ConceptRules()) for one in (made, stored)]
    assert reports[0] == reports[1]
    assert reports[0].verdict == "drift"


def test_texts_for_numbers_are_refused_by_what_is_wrong() -> None:
    frame = predicted_numbers(4000, 1).astype({"label": object})
    frame.loc[5, "label"] = "many"
    with pytest.raises(ValueError, match="1 labels or predictions are no numbers"):
        questions("numbers", frame)
    with pytest.raises(ValueError, match="no class has 50 labelled rows"):
        questions("classes", predicted_classes(4000, 1).assign(label=list(map(str, range(4000)))))
