"""What the batch scoring process does with files, retries and errors, without the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azureml.batch.score import (
    InputFileError,
    Limits,
    TooManyErrorsError,
    column_types,
    files_of,
    read_table,
    score_all,
    to_rows,
)

MLMODEL = """\
signature:
  inputs: '[{"name": "code", "type": "string"}, {"name": "count", "type": "long"}, {"name": "at", "type": "datetime"}]'
"""


@pytest.mark.parametrize(
    ("predictions", "lines"),
    [
        pytest.param([0.5, 1.0], "0,0.5,x.csv\n1,1.0,x.csv\n", id="list"),
        pytest.param(np.array([3, 4]), "0,3,x.csv\n1,4,x.csv\n", id="array"),
        pytest.param(pd.Series([3, 4], index=[7, 9]), "0,3,x.csv\n1,4,x.csv\n", id="series"),
        pytest.param(pd.DataFrame({"row": ["a"], "p": ["b,c"]}), '0,a,"b,c",x.csv\n', id="frame"),
        pytest.param([], "", id="no_rows"),
    ],
)
def test_each_prediction_is_a_line_with_its_row_and_file(predictions: object, lines: str) -> None:
    assert to_rows(predictions, "x.csv") == lines


def test_csv_columns_have_the_types_of_the_signature(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(MLMODEL)
    (tmp_path / "data.csv").write_text("code,count,other\n007,1,2\n")

    types = column_types(tmp_path)

    assert types == {"code": "str", "count": "int64"}
    assert read_table(tmp_path / "data.csv", types).to_dict("records") == [{"code": "007", "count": 1, "other": 2}]


def test_value_that_breaks_the_signature_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("count\nmany\n")

    with pytest.raises(InputFileError, match=r"Error processing input file: .*data\.csv.*many"):
        read_table(tmp_path / "data.csv", {"count": "int64"})


def test_folder_is_read_by_name_and_not_deeper(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "deeper/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    assert [file.name for file in files_of(tmp_path)] == ["a.csv", "b.csv"]
    assert files_of(tmp_path / "b.csv") == [tmp_path / "b.csv"]


@given(
    failing=st.lists(st.booleans(), min_size=1, max_size=12),
    size=st.integers(1, 4),
    threshold=st.integers(-1, 6),
)
def test_rows_are_those_of_the_mini_batches_that_passed(failing: list[bool], size: int, threshold: int) -> None:
    files = [Path(f"{number}-{'bad' if is_bad else 'good'}") for number, is_bad in enumerate(failing)]

    def score(batch: list[Path]) -> str:
        if any("bad" in file.name for file in batch):
            raise ValueError("bad file")
        return "".join(f"{file.name}\n" for file in batch)

    batches = [files[start : start + size] for start in range(0, len(files), size)]
    passed = [batch for batch in batches if all("good" in file.name for file in batch)]
    failed = len(files) - sum(map(len, passed))
    lines: list[str] = []
    try:
        lines.extend(score_all(files, score, Limits(size, 0, threshold)))
    except TooManyErrorsError:
        assert not passed or (threshold != -1 and failed > threshold)
    else:
        assert "".join(lines).split() == [file.name for batch in passed for file in batch]
        assert passed
        assert threshold == -1 or failed <= threshold


def test_mini_batch_is_tried_again_as_often_as_allowed() -> None:
    tries: list[int] = []

    def score(_: list[Path]) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        return "done\n"

    assert list(score_all([Path("x")], score, Limits(10, 2, 0))) == ["done\n"]
    tries.clear()
    with pytest.raises(TooManyErrorsError, match="the error threshold is 0"):
        list(score_all([Path("x")], score, Limits(10, 1, 0)))
