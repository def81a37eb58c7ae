"""Files of predictions as batch jobs write them, and files that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.tables.batch_predictions import parse_predictions
from shared.domain.releases.batch import PredictionLayout
from shared.errors import PermanentError

LAYOUT = PredictionLayout()
SCORES = PredictionLayout(columns=("customer", "score"), key=("customer",), prediction="score", separator=" ")


@pytest.mark.parametrize(
    ("content", "layout", "rows"),
    [
        pytest.param(b"0,1,a.csv\n1,0,a.csv\n", LAYOUT, [["0", "1", "a.csv"], ["1", "0", "a.csv"]], id="mlflow"),
        pytest.param(b"c-1 0.25\r\nc-2 0.5\r\n\r\n", SCORES, [["c-1", "0.25"], ["c-2", "0.5"]], id="spaces"),
        pytest.param(b"['c-1', 0.25]\n['c-2', 'late']\n", SCORES, [["c-1", "0.25"], ["c-2", "late"]], id="lists"),
        pytest.param(b'0,"a, b",x.csv', LAYOUT, [["0", "a, b", "x.csv"]], id="quoted"),
        pytest.param(b"\xef\xbb\xbf0,,x.csv", LAYOUT, [["0", "", "x.csv"]], id="no_prediction"),
        pytest.param(b"", LAYOUT, [], id="empty"),
    ],
)
def test_lines_become_rows_of_texts(content: bytes, layout: PredictionLayout, rows: list[list[str]]) -> None:
    table = parse_predictions(content, "predictions.csv", layout)
    assert list(table.columns) == list(layout.columns)
    assert table.to_numpy().tolist() == rows


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"0,1\n", r"line 1 has 2 values instead of 3 \(row, prediction, file\)", id="too_few"),
        pytest.param(b"0,1,a\n0,1,a,b\n", "line 2 has 4 values", id="too_many"),
        pytest.param(b"[0, 1\n", "line 1 has 0 values", id="half_a_list"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="not_text"),
        pytest.param(b"0," + b"x" * 200_000 + b",a", "not a file of separated values", id="too_long"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(content: bytes, complaint: str) -> None:
    with pytest.raises(PermanentError, match=complaint):
        parse_predictions(content, "predictions.csv", LAYOUT)


@given(st.binary(max_size=200) | st.text(alphabet="[]'\",0a\n\x00 ", max_size=60).map(str.encode))
def test_any_content_is_a_table_or_a_refusal(content: bytes) -> None:
    try:
        table = parse_predictions(content, "predictions.csv", LAYOUT)
    except PermanentError:
        return
    assert list(table.columns) == ["row", "prediction", "file"]
