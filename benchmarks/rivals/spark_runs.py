"""Counts a window on local Spark and in this process, and prints what was the same; run by the benchmark `spark`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.profile import filled, profile
from shared.drift.profiles.reference import Profile
from shared.drift.profiles.stored import counts_from_bytes, counts_to_bytes
from shared.drift.spark import job


def main(reference: Path, window: Path, parts: int) -> dict[str, Any]:
    """Return seconds and whether counts and report are equal, for a window cut into so many parts."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.memory", "4g").config("spark.log.level", "ERROR").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    job.configure(spark)
    started = time.perf_counter()
    one = profile(Rows(reference))
    here = count(one, Rows(window))
    alone = time.perf_counter()
    table = job.training_table(spark, str(window)).repartition(parts)
    there = count_table(table, one)
    spread = time.perf_counter()
    made = job.profile_table(job.training_table(spark, str(reference)).repartition(parts))
    # Its edges may lie elsewhere; what it counts around them must be the reference's own rows.
    exact = filled(made, count(made, Rows(reference)))
    return {
        "rows": here.rows,
        "equal": here.to_dict() == there.to_dict(),
        "profile_equal": exact == made,
        "alone_s": alone - started,
        "spark_s": spread - alone,
    }


def count_table(table: Any, reference: Profile) -> WindowCounts:
    """Return the table's counts, each part counted by one worker as the job counts requests."""
    content = reference.to_bytes()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        plan = Profile.from_bytes(content)
        counted = counts_to_bytes(count(plan, batches, threads=1))
        yield pa.RecordBatch.from_arrays([pa.array([counted])], names=["counts"])

    parts = table.mapInArrow(work, "counts binary").collect()
    return sum((counts_from_bytes(bytes(row["counts"])) for row in parts), WindowCounts(reference.digest))


class Rows:
    """A parquet file, batch by batch; can be read again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Any:
        for batch in pq.ParquetFile(self._path).iter_batches(65_536):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=batch.schema)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
