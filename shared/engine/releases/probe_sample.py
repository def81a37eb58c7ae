"""Recorded requests, from the rows of a table, and what came of those of a smoke test's load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.domain.releases.measurement import LoadCount
from shared.domain.releases.plan import LoadPlan
from shared.errors import PermanentError
from shared.ports.telemetry import is_served
from shared.ports.workspace import Answer

if TYPE_CHECKING:
    import pandas as pd

REQUEST = "request"
# As many as are sent again and again; of a larger table these are the first.
MOST_REQUESTS = 1000


def requests_of(table: pd.DataFrame, without: str = "") -> tuple[str, ...]:
    """Return request bodies: the column `request` as it is, or else each row in the form that MLflow models take.

    Args:
        without: a column that is no part of the requests.

    Source of the form: learn.microsoft.com, how-to-deploy-mlflow-models-online-endpoints, read 2026-11-20.

    Raises:
        PermanentError: there are no rows, or not that column, or a request is no text.
    """
    if without and without not in table.columns:
        raise PermanentError("probes.no_column", f"the sample of requests has no column {without}")
    rows = table.head(MOST_REQUESTS).drop(columns=[without] if without else [])
    if rows.empty:
        raise PermanentError("probes.empty", "the sample of requests has no rows", "record some requests in it")
    if REQUEST in rows.columns:
        bodies = rows[REQUEST].tolist()
        if not all(isinstance(body, str) and body for body in bodies):
            what = f"column {REQUEST} of the sample holds something else than texts"
            raise PermanentError("probes.no_text", what, "write each request's body as text")
        return tuple(bodies)
    split = json.loads(rows.to_json(orient="split", date_format="iso", index=False))
    return tuple(
        json.dumps({"input_data": {"columns": split["columns"], "index": [0], "data": [row]}}) for row in split["data"]
    )


def met(plan: LoadPlan, answers: Sequence[Answer | None], expected: Sequence[object]) -> LoadCount:
    """Return what came of a load. What is not served failed, even where the code blames the caller: who recorded the
    requests was served.

    Args:
        expected: what the answers should hold, in their order; empty where nothing says.
    """
    served = [(answer, number) for number, answer in enumerate(answers) if answer and is_served(answer.status)]
    slow = sum(plan.slow_after is not None and answer.seconds > plan.slow_after.total_seconds() for answer, _ in served)
    wrong = [
        f"{answer.text:.80} instead of {expected[number]}"
        for answer, number in served
        if expected and not _is_alike(answer.text, expected[number], plan.tolerance)
    ]
    return LoadCount(len(answers), len(served), slow, len(wrong), wrong[0] if wrong else "")


def _is_alike(text: str, expected: Any, tolerance: float) -> bool:
    """Return whether an answer holds one value, however wrapped, that is as far from what is expected as it may be."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    while isinstance(value, list | dict) and len(value) == 1:
        value = next(iter(value.values() if isinstance(value, dict) else value))
    are_numbers = isinstance(value, int | float) and isinstance(expected, int | float)
    return abs(value - expected) <= tolerance if are_numbers else str(value) == str(expected)
