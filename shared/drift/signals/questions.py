"""Concept drift of models that choose among classes or predict numbers: as questions with yes or no for an answer.

Of classes: is the label this one? Of numbers: is the value above the prediction, and is it far from it, by what was
usual at such a prediction: the reference's median error, and the distance from that which four in five rows kept to, by
decile of the prediction. The questions share the tolerated false alarms; any that is answered otherwise is drift.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shared.drift.results.signals import SignalReport
from shared.drift.rows.equal import numbers_of
from shared.drift.signals.concept import (
    FEWEST_OF_A_CLASS,
    ConceptReference,
    ConceptRules,
    concept_reference,
    judge_concept,
)
from shared.drift.signals.concept_stored import concept_from_dict, concept_to_dict
from shared.metrics.classes import class_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Answers = Literal["flags", "classes", "numbers"]
PREDICTION = "prediction"
# The most frequent ones: with more, each has too little of the tolerated false alarms to be seen.
MOST_CLASSES = 20
PARTS, KEPT_TO = 10, 0.8
ABOVE, FAR = "above the prediction", "far from the prediction"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each row: `text` is a class, ABOVE or FAR, "" where the label itself is the answer. Errors are
    measured from `middle`, and are far beyond `reach`, each by where `edges` put the prediction."""

    text: str = ""
    edges: tuple[float, ...] = ()
    middle: tuple[float, ...] = ()
    reach: tuple[float, ...] = ()

    def event(self) -> str:
        return f"values are {self.text}" if self.text in (ABOVE, FAR) else f"labels are {self.text or 1}"

    def answers(self, frame: pd.DataFrame, label: str) -> tuple[Numbers, Numbers]:
        """Return a score that should rise with the chance of a yes, and 1 for yes, of each row."""
        if self.text in ("", ABOVE, FAR):
            predicted, truth = numbers_of(frame[PREDICTION]), numbers_of(frame[label])
            if not self.text:
                return predicted, truth
            part = np.searchsorted(self.edges, predicted, side="right")
            error = truth - predicted - np.array(self.middle)[part]
            return predicted, (error > 0 if self.text == ABOVE else np.abs(error) > np.array(self.reach)[part]) * 1.0
        column = f"{PREDICTION}_{self.text}"
        chosen = numbers_of(frame[column]) if column in frame else _is(frame[PREDICTION], self.text)
        return chosen, _is(frame[label], self.text)


Questions = tuple[tuple[Question, ConceptReference], ...]


def concept_questions(
    kind: Answers, frame: pd.DataFrame, label: str, columns: Sequence[str], ignore: Collection[str]
) -> Questions:
    """Return what concept drift is measured against; arguments and errors as `concept_reference`.

    Raises:
        ValueError: no class, or no number, is labelled often enough.
    """
    ignore = {*ignore, *(name for name in map(str, frame.columns) if name.startswith(f"{PREDICTION}_"))}
    questions = [Question()]
    if kind != "flags":
        questions = _classes(frame[label]) if kind == "classes" else _numbers(frame, label)
    return tuple((q, concept_reference(frame, *q.answers(frame, label), columns, ignore)) for q in questions)


def judge_questions(questions: Questions, frame: pd.DataFrame, label: str, rules: ConceptRules) -> SignalReport:
    """Return whether any question is answered otherwise than before: the worst of the reports, with what the others
    found. A question with too few rows of an answer is left out; errors as `judge_concept`."""
    shared_rules = dataclasses.replace(rules, false_alarms=rules.false_alarms / len(questions))
    reports = [
        judge_concept(reference, frame, *q.answers(frame, label), dataclasses.replace(shared_rules, event=q.event()))
        for q, reference in questions
    ]
    worst = min(reports, key=lambda report: ("drift", "no-drift", "insufficient-data").index(report.verdict))
    drifted = [report for report in reports if report.verdict == "drift"] or [worst]
    columns = {column.name: column for report in reports for column in report.columns if not column.is_drifted}
    columns |= {column.name: column for report in reports for column in report.columns if column.is_drifted}
    few = [q.text for (q, _), report in zip(questions, reports, strict=True) if report.verdict == "insufficient-data"]
    findings = (f"too few labels to judge {', '.join(few)}",) if few and len(few) < len(questions) else ()
    return dataclasses.replace(
        worst,
        sentence=" ".join(report.sentence for report in drifted),
        columns=tuple(columns.values()),
        findings=(*worst.findings, *findings),
    )


def questions_to_dict(questions: Questions) -> dict[str, Any]:
    """Return JSON-ready data that `questions_from_dict` reads back to equal questions."""
    return {
        "questions": [{**dataclasses.asdict(q), "reference": concept_to_dict(reference)} for q, reference in questions]
    }


def questions_from_dict(stored: Mapping[str, Any]) -> Questions:
    """Return the questions, also from before there were several.

    Raises:
        ValueError: written in another format, or damaged.
    """
    if "questions" not in stored:
        return ((Question(), concept_from_dict(stored)),)
    names = ("edges", "middle", "reach")
    return tuple(
        (Question(q["text"], *(tuple(q[name]) for name in names)), concept_from_dict(q["reference"]))
        for q in stored["questions"]
    )


def _classes(labels: pd.Series[Any]) -> list[Question]:
    counts = labels.map(class_text).value_counts()
    often = [name for name in counts.index if FEWEST_OF_A_CLASS <= counts[name] <= len(labels) - FEWEST_OF_A_CLASS]
    if not often:
        raise ValueError(f"no class has {FEWEST_OF_A_CLASS} labelled rows; label more, or leave concept_drift out")
    # Of two classes one says it all.
    return [Question(name) for name in (often[:1] if len(counts) == 2 else often[:MOST_CLASSES])]


def _numbers(frame: pd.DataFrame, label: str) -> list[Question]:
    predicted, error = numbers_of(frame[PREDICTION]), numbers_of(frame[label]) - numbers_of(frame[PREDICTION])
    if not np.isfinite(error).all() or not len(error):
        raise ValueError(f"{int((~np.isfinite(error)).sum()):,} labels or predictions are no numbers; leave them out")
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, PARTS + 1)[1:-1], method="inverted_cdf"))
    part = np.searchsorted(edges, predicted, side="right")
    # Between two edges there is a row at least, below the first one perhaps none.
    errors = [error[part == place] if (part == place).any() else error for place in range(len(edges) + 1)]
    middle = [float(np.median(some)) for some in errors]
    reach = [float(np.quantile(np.abs(some - mid), KEPT_TO)) for some, mid in zip(errors, middle, strict=True)]
    return [Question(text, tuple(edges.tolist()), tuple(middle), tuple(reach)) for text in (ABOVE, FAR)]


def _is(values: pd.Series[Any], name: str) -> Numbers:
    return np.array(values.map(class_text) == name, dtype=np.float64)
