"""Samples of rows that pass by: bounded, evenly spaced, the same however the rows are cut into batches."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.rows.sample import Chosen, EvenSample, Rows
from shared.drift.signals.quality_profile import profile_quality


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 30))
def test_a_sample_is_every_nth_row_however_they_come(sizes: list[int], most: int) -> None:
    sample, at = EvenSample(most_rows=most), 0
    for size in sizes:
        sample.add(pd.DataFrame({"n": range(at, at + size)}))
        at += size
    numbers = sample.frame["n"].tolist() if len(sample.frame) else []
    assert numbers == list(range(0, at, sample.step))
    assert len(numbers) <= max(most, 1)
    assert at <= most or len(numbers) * 2 >= most // 2


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 30))
def test_a_sample_of_tables_is_that_of_frames(sizes: list[int], most: int) -> None:
    texts = [None, "a", "b", "NA", "1", "ü", "2026-01-02"]
    of_tables, of_frames, at = EvenSample(most_rows=most), EvenSample(most_rows=most), 0
    for size in sizes:
        columns = {
            "n": pa.array(range(at, at + size), pa.int64()),
            "gaps": pa.array([None if row % 3 else row / 7 for row in range(at, at + size)], pa.float32()),
            "text": pa.array([texts[row % (1 + at % 7)] for row in range(at, at + size)], pa.string()),
            "bytes": pa.array([b"x" if row % 2 else None for row in range(at, at + size)], pa.binary()),
            "empty": pa.nulls(size, pa.string()),
        }
        of_frames.add(pa.table(columns).to_pandas())
        is_read_as_dictionary = ("text", "bytes", "empty")
        columns |= {name: columns[name].dictionary_encode() for name in is_read_as_dictionary}
        of_tables.add(pa.record_batch(columns))
        at += size
    assert of_tables.step == of_frames.step
    assert of_tables.frame["bytes"].dtype == object
    pd.testing.assert_frame_equal(of_tables.frame.astype(object), of_frames.frame.astype(object), check_dtype=False)
    assert profile_quality(of_tables.frame) == profile_quality(of_frames.frame)


def test_a_sample_holds_no_lists_but_requested_ones() -> None:
    frame = pd.DataFrame({"age": [1, 2], "vector": [[0.1], [0.2]]})
    everything, vectors = EvenSample(), EvenSample(["vector"])
    for reader in (everything, vectors):
        reader.add(frame)
    assert (list(everything.frame), list(vectors.frame)) == (["age"], ["vector"])


def test_a_sample_is_bounded_in_values_too() -> None:
    sample = EvenSample(most_cells=100)
    for _ in range(10):
        sample.add(pd.DataFrame({"a": range(20), "b": range(20)}))
    assert sample.frame.size <= 100
    assert sample.finding == f"one row in {sample.step} of 200 was looked at"


def test_rows_that_were_compared_have_filled_their_samples() -> None:
    frames = [pd.DataFrame({"age": range(start, start + 500)}) for start in (0, 500)]
    rows = Rows(frames)
    rows.request("all")
    compare(profile(pd.concat(frames)), rows)
    assert rows.sample("all").frame["age"].tolist() == list(range(1000))
    assert rows.columns == ("age",)


def test_a_sample_reads_rows_that_were_not_read_yet() -> None:
    class Counted(list[pd.DataFrame]):
        times = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            Counted.times += 1
            return super().__iter__()

    rows = Rows(Counted([pd.DataFrame({"age": [1]})]))
    rows.request("one")
    rows.request("other", ["age"], 1)
    assert [len(rows.sample(name).frame) for name in ("one", "other")] == [1, 1]
    assert Counted.times == 1


def test_columns_are_chosen_of_tables_of_any_kind() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    for source in (frame, [pa.RecordBatch.from_pandas(frame)]):
        (batch,) = Chosen(source, ["b", "c"])
        names = list(batch.columns) if isinstance(batch, pd.DataFrame) else batch.schema.names
        assert names == ["b"]


def test_asking_for_the_columns_costs_no_second_reading() -> None:
    readings = 0

    class Source:
        def __iter__(self) -> Iterator[pd.DataFrame]:
            nonlocal readings
            readings += 1
            yield pd.DataFrame({"age": [1, 2]})
            yield pd.DataFrame({"age": [3]})

    rows = Rows(Source())
    assert rows.columns == ("age",)
    assert [len(batch) for batch in rows] == [2, 1]
    assert readings == 1
    assert [len(batch) for batch in rows] == [2, 1]
    assert readings == 2
