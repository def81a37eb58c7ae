"""Metrics of several classes agree with scikit-learn, those of entities with seqeval's rule."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.metrics.binary import MetricUndefinedError
from shared.metrics.catalogue import find_metric
from shared.metrics.classes import choices, class_text
from shared.metrics.estimates import Estimate, Sample, UnusableEvidenceError, WrongEvidenceError
from shared.metrics.rows import CHALLENGER, read_sample

CLASSES = ["prepaid", "street", "upmarket"]
AVERAGES = ["macro", "micro", "weighted"]
SCORES: dict[str, Any] = {
    "precision": sklearn.metrics.precision_score,
    "recall": sklearn.metrics.recall_score,
    "f1": sklearn.metrics.f1_score,
}


def sample(metric: str, table: pd.DataFrame) -> Sample:
    return read_sample(find_metric(metric), table, CHALLENGER)


def of_choices(metric: str, labels: list[Any], predicted: list[Any]) -> Estimate:
    return choices(find_metric(metric), labels, predicted).estimate()


@pytest.mark.parametrize("base", SCORES)
@pytest.mark.parametrize("average", AVERAGES)
@given(rows=st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, "new"])), min_size=1))
def test_averages_over_classes(base: str, average: str, rows: list[tuple[str, str]]) -> None:
    labels, guess = [label for label, _ in rows], [predicted for _, predicted in rows]
    expected = SCORES[base](labels, guess, average=average, zero_division=0)
    assert of_choices(f"{base}_{average}", labels, guess).value == pytest.approx(expected, abs=1e-9)
    accuracy = sklearn.metrics.accuracy_score(labels, guess)
    assert of_choices("accuracy", labels, guess).value == pytest.approx(accuracy, abs=1e-9)


# Of one class alone scikit-learn takes the matrix for two classes of one column.
several = st.lists(
    st.tuples(st.sets(st.sampled_from(CLASSES)), st.sets(st.sampled_from([*CLASSES, "new"]))), min_size=1
).filter(lambda rows: len(set().union(*(labels | guess for labels, guess in rows))) > 1)


@pytest.mark.parametrize("base", SCORES)
@pytest.mark.parametrize("average", AVERAGES)
@given(rows=several)
def test_averages_over_several_classes_per_row(base: str, average: str, rows: list[tuple[set[str], set[str]]]) -> None:
    names = sorted(set().union(*(labels | guess for labels, guess in rows)))
    matrices = [np.array([[int(name in row[place]) for name in names] for row in rows]) for place in (0, 1)]
    expected = SCORES[base](*matrices, average=average, zero_division=0)
    labels, guess = [[*row[0]] for row in rows], [[*row[1]] for row in rows]
    try:
        value = of_choices(f"{base}_{average}", labels, guess).value
    except MetricUndefinedError:
        value = 0.0
    assert value == pytest.approx(expected, abs=1e-9)
    exact = sklearn.metrics.accuracy_score(*matrices)
    assert of_choices("accuracy", labels, guess).value == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("base", SCORES)
@given(rows=st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1))
def test_one_class_is_judged_against_the_rest(base: str, rows: list[tuple[str, str]]) -> None:
    is_class = np.array(rows) == "street"
    expected = SCORES[base](is_class[:, 0], is_class[:, 1], zero_division=math.nan)
    try:
        value = of_choices(f"{base}[street]", [a for a, _ in rows], [b for _, b in rows]).value
    except ValueError:
        value = math.nan
    assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)


probabilities = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.lists(st.sampled_from([1, 2, 5]), min_size=3, max_size=3)), min_size=3
)


def of_probabilities(rows: list[tuple[str, list[int]]]) -> pd.DataFrame:
    table = pd.DataFrame({"label": [label for label, _ in rows]})
    weights = np.array([row for _, row in rows], dtype=np.float64)
    for place, name in enumerate(CLASSES):
        table[f"challenger_score_{name}"] = weights[:, place] / weights.sum(axis=1)
    return table


@settings(deadline=None)
@given(rows=probabilities)
def test_metrics_of_probabilities(rows: list[tuple[str, list[int]]]) -> None:
    table = of_probabilities(rows)
    labels, matrix = table["label"], table.drop(columns="label").to_numpy()
    loss = sklearn.metrics.log_loss(labels, matrix, labels=CLASSES)
    assert sample("log_loss", table).estimate().value == pytest.approx(loss, abs=1e-9)
    top = sklearn.metrics.top_k_accuracy_score(labels, matrix, k=2, labels=CLASSES)
    assert sample("top_2_accuracy", table).estimate().value == pytest.approx(top, abs=1e-9)
    if set(labels) != set(CLASSES):
        return
    for average in ("macro", "weighted"):
        area = sklearn.metrics.roc_auc_score(labels, matrix, multi_class="ovr", average=average, labels=CLASSES)
        assert sample(f"roc_auc_{average}", table).estimate().value == pytest.approx(area, abs=1e-9)
    area = sklearn.metrics.roc_auc_score(labels == "street", matrix[:, 1])
    assert sample("roc_auc[street]", table).estimate().value == pytest.approx(area, abs=1e-9)


MANY = np.random.default_rng(5)
LABELS = MANY.choice(CLASSES, 400, p=[0.6, 0.3, 0.1])
GUESSES = np.where(MANY.random(400) < 0.7, LABELS, MANY.choice(CLASSES, 400))
TABLE = pd.DataFrame({"label": LABELS, "challenger_prediction": GUESSES})
for _class in CLASSES:
    TABLE[f"challenger_score_{_class}"] = np.where(_class == GUESSES, 0.6, 0.2) + MANY.normal(0, 0.05, 400)
LISTS = pd.DataFrame(
    {
        "label": [[label, "always"] if n % 3 else [label] for n, label in enumerate(LABELS)],
        "challenger_prediction": [[guess, "always"] if n % 4 else [guess] for n, guess in enumerate(GUESSES)],
    }
)


@pytest.mark.parametrize(
    ("metric", "table"),
    [
        *((f"{base}_{average}", TABLE) for base in SCORES for average in AVERAGES),
        *((f"{base}_{average}", LISTS) for base in SCORES for average in AVERAGES),
        *((metric, TABLE) for metric in ("f1[street]", "precision[street]", "recall[street]", "accuracy")),
        *((metric, TABLE) for metric in ("roc_auc_macro", "roc_auc_weighted", "roc_auc[street]", "top_2_accuracy")),
        ("accuracy", LISTS),
        ("f1[always]", LISTS),
    ],
    ids=lambda value: value if isinstance(value, str) else "lists" if value is LISTS else "",
)
def test_the_error_is_the_jackknifes(metric: str, table: pd.DataFrame) -> None:
    whole = sample(metric, table)
    rows = np.arange(len(whole))
    without_row = [whole.take(np.delete(rows, row)).estimate().value for row in rows]
    error = np.sqrt((len(rows) - 1) ** 2 / len(rows) * np.var(without_row, ddof=1))
    parts = whole.estimate().parts
    assert float(np.sqrt(np.mean(parts**2) / len(rows))) == pytest.approx(error, rel=0.03)
    assert float(parts.mean()) == pytest.approx(0, abs=1e-9)


def test_entities_are_right_when_all_of_them_is() -> None:
    # seqeval.metrics.f1_score of 1.2.2 on B-PER I-PER O B-LOC / B-PER O O B-LOC, and O B-ORG / O B-ORG: .6667.
    labels = [["PER:0:2", "LOC:3:4"], ["ORG:1:2"]]
    predicted = [["PER:0:1", "LOC:3:4"], ["ORG:1:2"]]
    assert of_choices("f1_micro", labels, predicted).value == pytest.approx(2 / 3)
    assert of_choices("f1_macro", labels, predicted).value == pytest.approx((0 + 1 + 1) / 3)
    assert of_choices("recall[PER]", labels, predicted).value == 0.0


@pytest.mark.parametrize("one", [1, 1.0, "1", "1.0", True, "true", "True", np.int8(1), np.float32(1)])
def test_one_class_is_one_however_it_is_stored(one: object) -> None:
    assert class_text(one) == "1"
    assert of_choices("accuracy", [one, 2, "b"], ["1", 2.0, " b "]).value == 1.0


def test_other_texts_are_other_classes() -> None:
    assert len({class_text(text) for text in ("01", "1", "b", "B", "", 1.5, "nan")}) == 7


@pytest.mark.parametrize(
    ("metric", "table", "remedy"),
    [
        (
            "f1_macro",
            TABLE[["label"]],
            "lacks challenger_prediction (a class), or challenger_score_CLASS",
        ),
        ("log_loss", TABLE[["label", "challenger_prediction"]], "the evaluation lacks challenger_score"),
        ("top_3_accuracy", TABLE, "of 3 classes is always 1; write a smaller number, or accuracy"),
        ("recall[stret]", TABLE, "there is no class stret; write one of prepaid, street, upmarket"),
        (
            "roc_auc_macro",
            TABLE.drop(columns="challenger_score_street"),
            "no column challenger_score_street",
        ),
        ("log_loss", TABLE, "do not sum to 1"),
        ("log_loss", TABLE.assign(challenger_score_street=2.0), "must be probabilities 0-1; got"),
        ("roc_auc_macro", TABLE.assign(label=LISTS["label"]), "label holds lists; write e.g. f1_micro"),
        (
            "f1_micro",
            TABLE.assign(label=LISTS["label"]),
            "lists of classes and challenger_prediction does not",
        ),
        ("f1_micro", LISTS.assign(label=["[a"] * 400), 'no JSON; write ["a", "b"]'),
        (
            "f1_micro",
            LISTS.assign(label=LISTS["label"].where(LISTS.index > 0, "a")),
            "lists in some rows only",
        ),
        ("roc_auc_macro", TABLE.assign(challenger_score_1=0.1, **{"challenger_score_1.0": 0.1}), "are of one class"),
    ],
)
def test_what_does_not_fit_the_metric_is_refused_with_the_remedy(metric: str, table: pd.DataFrame, remedy: str) -> None:
    with pytest.raises(WrongEvidenceError) as refused:
        sample(metric, table).estimate()
    assert remedy in str(refused.value)


def test_a_missing_class_is_no_wrong_one() -> None:
    with pytest.raises(UnusableEvidenceError, match="1 of 400 values of label are missing") as refused:
        sample("f1_macro", TABLE.assign(label=TABLE["label"].where(TABLE.index > 0)))
    assert not isinstance(refused.value, WrongEvidenceError)


def test_without_predictions_the_likeliest_class_is_the_answer() -> None:
    table = TABLE.drop(columns="challenger_prediction")
    likeliest = table.drop(columns="label").to_numpy().argmax(axis=1)
    expected = np.mean(np.array(CLASSES)[likeliest] == table["label"])
    assert sample("accuracy", table).estimate().value == pytest.approx(expected)


def test_lists_may_be_json_texts() -> None:
    table = LISTS.map(lambda elements: "[" + ", ".join(f'"{element}"' for element in elements) + "]")
    assert sample("f1_micro", table).estimate().value == sample("f1_micro", LISTS).estimate().value


def test_a_class_that_is_in_the_whole_and_not_in_a_group_is_too_little() -> None:
    whole = sample("f1_macro", TABLE)
    group = whole.take(np.flatnonzero(LABELS != "upmarket"))
    assert (whole.shortage(), group.shortage()) == ("", "0 of upmarket are too few rows; 10 of each class are needed")


def test_no_warning_is_given_for_a_class_that_is_never_predicted() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert of_choices("precision_macro", ["a", "b"], ["a", "a"]).value == 0.25
