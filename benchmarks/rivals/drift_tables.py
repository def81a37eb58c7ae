"""The parquet files that drift detectors are compared on."""

from __future__ import annotations

from pathlib import Path

CATEGORIES = 20
PIECE = 250_000


def categorical(columns: int) -> int:
    """Return how many of the columns hold categories, a fifth; the others hold numbers."""
    return columns // 5


def write_table(path: Path, rows: int, columns: int, seed: int, shift: float = 0.0) -> None:
    """Write random numbers, moved by `shift` standard deviations, and evenly spread categories."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    names = pa.array([f"category-{number}" for number in range(CATEGORIES)])
    texts = [f"category_{number}" for number in range(categorical(columns))]
    numbers = [f"number_{number}" for number in range(columns - len(texts))]
    schema = pa.schema([*((name, pa.float64()) for name in numbers), *((name, pa.string()) for name in texts)])
    with pq.ParquetWriter(path, schema, use_dictionary=texts) as writer:
        for start in range(0, rows, PIECE):
            size = min(PIECE, rows - start)
            drawn = [pa.array(random.normal(shift, 1.0, size)) for _ in numbers]
            drawn += [names.take(pa.array(random.integers(0, CATEGORIES, size))) for _ in texts]
            writer.write_table(pa.table(drawn, schema=schema))
