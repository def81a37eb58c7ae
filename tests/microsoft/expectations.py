"""What is known to fail of Microsoft's tests, each with its reason, and how a run differs from that. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

from tests.microsoft.live import CaseResult

Class = Literal["operation missing", "needs the cloud", "file left out", "answers otherwise"]
CLASSES: tuple[Class, ...] = get_args(Class)
FILE = Path(__file__).parent / "expectations.yaml"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Why a test fails: its class, and the reason in words."""

    kind: Class
    reason: str


def read(text: str) -> dict[str, Expectation]:
    """Return the expectation of each test: the file is class, reason, tests.

    Raises:
        ValueError: a class is unknown, a reason is empty, or a test is named twice.
    """
    expectations: dict[str, Expectation] = {}
    for kind, reasons in (yaml.safe_load(text) or {}).items():
        if kind not in CLASSES:
            raise ValueError(f"{kind!r} is no class; classes: {', '.join(CLASSES)}")
        for reason, tests in (reasons or {}).items():
            for test in tests:
                if test in expectations or not reason.strip():
                    raise ValueError(f"{test}: named twice, or without a reason")
                expectations[test] = Expectation(kind, reason)
    return expectations


EXPECTED = read(FILE.read_text(encoding="utf-8"))


def differences(
    outcomes: Mapping[str, CaseResult], expected: Mapping[str, Expectation], folders: Sequence[str]
) -> list[str]:
    """Return what a run of the folders shows that the expectations do not say, a line each; empty when they agree."""
    new = [
        f"fails: {test}\n    {_short(outcome.reason)}"
        for test, outcome in sorted(outcomes.items())
        if outcome.result == "failed" and test not in expected
    ]
    stale = [
        f"expected to fail, but {_other_result(outcomes.get(test))}: {test} ({expectation.reason})"
        for test, expectation in expected.items()
        if test.split("/")[0] in folders and _other_result(outcomes.get(test))
    ]
    return new + stale


def _other_result(outcome: CaseResult | None) -> str:
    if outcome is None:
        return "no longer there"
    return "" if outcome.result == "failed" else outcome.result


def _short(error: str) -> str:
    return " | ".join(error.split("\n"))[:400]


def table(outcomes: Mapping[str, CaseResult], expected: Mapping[str, Expectation]) -> str:
    """Return a Markdown table: a line per folder and one for all, the failed by their class."""
    counts: dict[str, Counter[str]] = {}
    for test, outcome in outcomes.items():
        expectation = expected.get(test)
        ended = outcome.result if outcome.result != "failed" else expectation.kind if expectation else "not expected"
        for row in (test.split("/")[0], "all"):
            counts.setdefault(row, Counter()).update([ended, "tests"])
    heads = ("tests", "passed", "skipped", *CLASSES, "not expected")
    rows = sorted(counts, key=lambda row: (row == "all", row))
    lines = [f"| {row} | " + " | ".join(str(counts[row][head]) for head in heads) + " |" for row in rows]
    return "\n".join([f"| folder | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *lines])
