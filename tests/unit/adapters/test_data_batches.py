"""What is downloaded of a blob, however its table lies in it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.adapters.tables.data_batches import StoredFile, TableBatches


@pytest.mark.parametrize(("rows", "columns", "row_group"), [(300_000, 4, 300_000), (20_000, 40, 2_000)])
def test_a_table_is_hardly_downloaded_more_than_once(rows: int, columns: int, row_group: int) -> None:
    chance = np.random.default_rng(1)
    table = pa.table({f"c{number}": chance.normal(size=rows) for number in range(columns)})
    written = io.BytesIO()
    pq.write_table(table, written, row_group_size=row_group, use_dictionary=False)
    content = written.getvalue()
    lengths: list[int] = []

    def download(file: StoredFile, offset: int, length: int) -> bytes:
        assert file.name == "t.parquet"
        lengths.append(length)
        return content[offset : offset + length]

    batches = TableBatches([StoredFile("t.parquet", len(content), "e")], download)
    read = [batch.column(0).to_numpy() for batch in batches]
    assert np.concatenate(read).tolist() == table.column(0).to_pylist()
    assert sum(lengths) < 1.5 * len(content)
    assert max(lengths[1:]) >= 512 * 1024, "in long stretches, each of which is a request"
    assert len(lengths) < 2 + 2 * len(content) / 2**20
