"""Recorded requests, from the rows of a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd

REQUEST = "request"
# As many as are sent again and again; of a larger table these are the first.
MOST_REQUESTS = 1000


def requests_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Return request bodies: the column `request` as it is, or else each row in the form that MLflow models take.

    Source of the form: learn.microsoft.com, how-to-deploy-mlflow-models-online-endpoints, read 2026-11-20.

    Raises:
        PermanentError: there are no rows, or a request is no text.
    """
    rows = table.head(MOST_REQUESTS)
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
