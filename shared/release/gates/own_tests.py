"""The model's own tests ran and did not fail: `{tests: {at_least: 20, failures_at_most: 0}}`.

The evaluation writes their results beside its scores: `tests.xml` as JUnit's XML, which pytest and most other tools
write, or `tests.json` as {"passed": 20, "failed": 0}. What was skipped proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from pydantic import Field

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.estimates import WrongEvidenceError
from shared.policy.sections.section import Section
from shared.release.gates.spec import GateEvidence, GateSpec, unusable

FILES = ("tests.xml", "tests.json")
NAMED = 5


class Tests(Section):
    """How many of them must have passed, and how many may have failed."""

    at_least: int = Field(default=1, ge=1)
    failures_at_most: int = Field(default=0, ge=0)


def judge(gate: Tests, evidence: GateEvidence) -> GateResult:
    try:
        passed, failed, names = _results(evidence.tests)
    except WrongEvidenceError as exc:
        return unusable(title(gate), "the model's own tests cannot be judged", exc)
    is_good = passed >= gate.at_least and failed <= gate.failures_at_most
    reason = f"{passed:,} of the model's own tests passed, at least {gate.at_least:,} are to; {failed:,} failed{names}"
    numbers = {"passed": float(passed), "failed": float(failed)}
    return GateResult(title(gate), Verdict.PASS if is_good else Verdict.FAIL, reason, numbers)


def _results(document: object) -> tuple[int, int, str]:
    """Return how many tests passed and failed, and the names of some that did.

    Raises:
        WrongEvidenceError: there are no results, or they cannot be read.
    """
    if isinstance(document, str):
        return _of_junit(document)
    written = document if isinstance(document, Mapping) else {}
    counts = [count for key in ("passed", "failed") if type(count := written.get(key)) is int and count >= 0]
    if len(counts) == 2:
        return counts[0], counts[1], ""
    what = "holds no counts" if document is not None else "is not there"
    raise WrongEvidenceError(f'{" or ".join(FILES)} {what}; write e.g. {{"passed": 20, "failed": 0}}')


def _of_junit(text: str) -> tuple[int, int, str]:
    # Entities of its own could make a small file a large one.
    if "<!DOCTYPE" in text:
        raise WrongEvidenceError("tests.xml declares a document type; write plain JUnit XML")
    try:
        cases = list(ElementTree.fromstring(text).iter("testcase"))  # noqa: S314 - see above
    except ElementTree.ParseError as exc:
        raise WrongEvidenceError(f"tests.xml is no XML: {exc}") from exc
    outcomes = [{part.tag for part in case} for case in cases]
    failed = [case.get("name", "?") for case, tags in zip(cases, outcomes, strict=True) if tags & {"failure", "error"}]
    passed = sum(not tags & {"failure", "error", "skipped"} for tags in outcomes)
    return passed, len(failed), f": {', '.join(failed[:NAMED])}" if failed else ""


def title(gate: Tests) -> str:  # noqa: ARG001 - every gate has one shape
    return "tests"


SPEC = GateSpec("tests", Tests, "evaluation", judge, title)
