"""What a distributed count is made of, without Spark: parts, bytes, sums. With Spark: `dev.py bench spark`."""

from __future__ import annotations

import json
import operator
import pickle
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.profile import filled, planned, profile
from shared.drift.profiles.stored import counts_from_bytes, counts_to_bytes
from shared.drift.profiles.surveys import add_survey, survey_of_part
from shared.drift.results.comparison import DriftRules
from shared.drift.rows.collected import RequestWindow, frames, moment, request_of
from shared.drift.spark.job import PROFILE, _count_blocks, _count_requests, _parse, _survey, added, first_rows

CELLS = st.one_of(st.floats(width=64), st.none(), st.text(max_size=3), st.booleans(), st.integers(-(2**70), 2**70))
NUMBERS = st.one_of(st.floats(width=64), st.none())
START = datetime(2026, 11, 20, 3, tzinfo=UTC)
WINDOW = RequestWindow(START, START + timedelta(hours=2), but="vigia-probe")


def frame_of(random_state: int, rows: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(random_state)
    return pd.DataFrame(
        {
            "number": random.normal(shift, 1, rows),
            "few": random.integers(0, 9, rows),
            "gaps": np.where(random.random(rows) < 0.1, np.nan, random.exponential(size=rows)),
            "word": random.choice(["a", "b", "c"], rows),
        }
    )


def cut(table: pa.Table, parts: int, seed: int) -> list[pa.RecordBatch]:
    """Rows dealt out at random."""
    order = np.random.default_rng(seed).permutation(table.num_rows)
    shares = [table.take(pa.array(share)) for share in np.array_split(order, parts)]
    return [share.combine_chunks().to_batches()[0] for share in shares if share.num_rows]


@given(st.lists(st.tuples(NUMBERS, CELLS), max_size=30), st.lists(st.tuples(NUMBERS, CELLS), max_size=30))
def test_counts_read_back_as_they_were_written(
    earlier: list[tuple[object, object]], later: list[tuple[object, object]]
) -> None:
    reference = profile(pd.DataFrame(earlier, columns=["x", "y"]))
    counts = count(reference, pd.DataFrame(later, columns=["x", "y"]))
    read = counts_from_bytes(counts_to_bytes(counts))
    assert read.to_dict() == counts.to_dict()
    assert (read + read).to_dict() == (counts + counts).to_dict()
    assert counts_to_bytes(read) == counts_to_bytes(counts)


CONTENT = counts_to_bytes(count(profile(frame_of(1, 50)), frame_of(2, 50)))


@given(st.binary(max_size=60), st.integers(0, len(CONTENT) - 1))
def test_damaged_counts_are_refused(noise: bytes, place: int) -> None:
    for damaged in (noise, CONTENT[:place], b""):
        with pytest.raises(ValueError, match="count the window again"):
            counts_from_bytes(damaged)


@pytest.mark.parametrize("parts", [1, 4, 16])
def test_parts_counted_apart_give_the_same_report(parts: int) -> None:
    reference, window = profile(frame_of(1, 3000)), frame_of(2, 3000, shift=0.4)
    total = WindowCounts(reference.digest)
    for batch in cut(pa.Table.from_pandas(window), parts, seed=parts):
        total += counts_from_bytes(counts_to_bytes(count(reference, batch)))
    assert total.to_dict() == count(reference, window).to_dict()
    assert compare(reference, total, DriftRules()) == compare(reference, window, DriftRules())


@pytest.mark.parametrize("sizes", [(3_000,), (10, 2_990), (1_000, 1_300, 700)], ids=str)
def test_blocks_of_parts_give_the_floors_of_the_whole(sizes: tuple[int, ...]) -> None:
    table = pa.Table.from_pandas(frame_of(3, sum(sizes)))
    whole, total = profile(table), survey_of_part(0, frozenset())
    first = first_rows(dict(enumerate(sizes)))
    parts = [table.slice(first[number], size).to_batches() for number, size in enumerate(sizes)]
    for number, batches in enumerate(parts):
        (cell,) = _survey(frozenset(), batches, number=partial(int, number))
        add_survey(total, pickle.loads(cell["survey"][0].as_py()))
    plan = planned(total)
    given = plan.to_bytes(), first
    cells = [next(iter(_count_blocks(given, batches, partial(int, number)))) for number, batches in enumerate(parts)]
    counts = sum((counts_from_bytes(cell["counts"][0].as_py()) for cell in cells), WindowCounts(plan.digest))
    blocks = reduce(operator.add, (pickle.loads(cell["blocks"][0].as_py()) for cell in cells))
    made = filled(plan, counts, blocks)
    assert made.digest == whole.digest
    for column, other in zip(made.columns, whole.columns, strict=True):
        assert column.kind in ("numeric", "categorical")
        assert column.variation == other.variation != ()  # type: ignore[union-attr]


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize("rows", [2_000, 150_000])
def test_surveys_of_parts_plan_a_profile_of_the_whole(parts: int, rows: int) -> None:
    table = pa.Table.from_pandas(frame_of(3, rows))
    total = survey_of_part(0, frozenset())
    for number, batch in enumerate(cut(table, parts, seed=1)):
        survey = survey_of_part(number, frozenset())
        survey.add(batch)
        add_survey(total, pickle.loads(pickle.dumps(survey)))
    plan = planned(total)
    made, whole = filled(plan, count(plan, table)), profile(table)
    if rows == 2_000:  # all of which are sampled
        assert made.digest == whole.digest
    for column, other in zip(made.columns, whole.columns, strict=True):
        assert (column.name, column.kind, column.nulls, column.present) == (
            other.name, other.kind, other.nulls, other.present,
        )  # fmt: skip
        if column.kind == "numeric" and other.kind == "numeric":
            assert (column.edges[0], column.edges[-1]) == (other.edges[0], other.edges[-1])
            assert column.mean == pytest.approx(other.mean)
            assert column.median == pytest.approx(other.median, abs=0.02)
        elif column.kind == "categorical" and other.kind == "categorical":
            assert column == replace(other, variation=())
        else:
            assert column == other


def test_a_column_that_only_some_parts_have_is_sampled_where_it_is() -> None:
    first, second = frame_of(1, 500), frame_of(2, 500).rename(columns={"number": "other"})
    total = survey_of_part(0, frozenset())
    for number, frame in enumerate((first, second)):
        (cell,) = _survey(frozenset(), [frame], number=partial(int, number))
        add_survey(total, pickle.loads(cell["survey"][0].as_py()))
    parts = {"number": first["number"], "other": second["other"]}
    for name, values in parts.items():
        assert np.sort(total.columns[name].sample[~np.isnan(total.columns[name].sample)]).tolist() == sorted(values)
        assert len(total.columns[name].sample) == 1000


def line(number: int, minute: int, request: str = "", rows: int = 1) -> str:
    at = START + timedelta(minutes=minute)
    return json.dumps(
        {"id": f"id-{number}", "correlationid": request, "time": at.isoformat(), "data": [{"x": number}] * rows}
    )


def test_lines_become_rows_of_the_window_without_probes() -> None:
    lines = [line(1, -1), line(2, 0), line(3, 119), line(4, 120), line(5, 5, "vigia-probe-1"), "{", "", line(6, 7)]
    random.Random(1).shuffle(lines)
    (parsed,) = _parse(WINDOW, [pa.RecordBatch.from_arrays([pa.array(lines)], names=["value"])])
    assert sorted(parsed["id"].to_pylist()) == ["$unreadable", "id-2", "id-3", "id-6"]


def test_repeated_and_unreadable_requests_are_reported() -> None:
    reference = profile(pd.DataFrame({"x": range(100)}))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["a", "$unreadable"]), pa.array(['[{"x": 7}, {"x": 8.5}]', ""]), pa.array([3, 2])],
        names=["id", "request", "times"],
    )
    (cell,) = _count_requests(reference.to_bytes(), [batch])
    counts = added(cell.to_pylist(), reference)
    assert (counts.rows, counts.findings) == (
        2,
        (
            "2 requests were collected twice: they count once",
            "2 lines are not collected requests: they are left out",
        ),
    )


@pytest.mark.parametrize(
    "text", ["2026-11-20T03:00:00Z", "2026-11-20T03:00:00.0000000Z", "2026-11-20 04:00:00+01:00", "2026-11-20T03:00:00"]
)
def test_times_in_every_form_that_a_collector_writes(text: str) -> None:
    assert moment(text) == START


@pytest.mark.parametrize("text", ["{", "[]", '{"time": "soon", "data": []}', '{"time": "2026-11-20T03:00:00Z"}'])
def test_a_line_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        request_of(text, WINDOW)


def test_frames_are_cut_between_requests() -> None:
    rows = [len(frame) for frame in frames(json.dumps([{"x": 1}] * 10_000) for _ in range(3))]
    assert rows == [20_000, 10_000]
    assert PROFILE == "profile"
