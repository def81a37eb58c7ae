"""The job that counts a window on Spark, with the code that counts it in one process.

It runs on what Azure ML's serverless Spark offers: Python 3.11, PySpark 3.5, pandas 2.2, pyarrow 19, numpy 1.26
(runtime 3.5; 3.4, which is retired, had Python 3.10, pandas 1.5, pyarrow 14). Source:
github.com/microsoft/synapse-spark-runtime, Synapse-Python311-CPU.yml and Synapse-Python310-CPU.yml, read 2026-11-20.
"""

from __future__ import annotations

import argparse
import base64
import functools
import itertools
import operator
import pickle
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from shared.drift.profiles.blocks import BlockTally, placed
from shared.drift.profiles.counting import Tally
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.profile import filled, planned
from shared.drift.profiles.reference import Profile
from shared.drift.profiles.stored import counts_from_bytes, counts_to_bytes
from shared.drift.profiles.survey import Survey
from shared.drift.profiles.surveys import add_survey, survey_of_part
from shared.drift.rows.collected import RequestWindow, frames, moment, request_of

ARROW_ROWS = 65_536
UNREADABLE = "$unreadable"
FINDINGS = {
    "repeated": "{} requests were collected twice: they count once",
    "unreadable": "{} lines are not collected requests: they are left out",
}
COUNTS, PROFILE = "counts", "profile"
# The value of an argument that is not given: an empty one would vanish from a job's command line.
NOTHING = "-"

PartMapper = Callable[[Iterator[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Count a window of collected requests, and profile training data first if no profile is given."""
    from pyspark.sql import SparkSession

    given = _parser().parse_args(arguments)
    spark = SparkSession.builder.appName("vigia-count-window").getOrCreate()
    configure(spark)
    if given.profile:
        reference = Profile.from_bytes(read_blob(spark, f"{given.profile.rstrip('/')}/{PROFILE}"))
    else:
        reference = profile_table(training_table(spark, given.training_data), ignored(given.ignore))
    window = RequestWindow(moment(given.start), moment(given.end), given.leave_out.removeprefix(NOTHING))
    counts = count_collected(spark, given.collected, window, reference)
    write_blob(spark, f"{given.result.rstrip('/')}/{PROFILE}", reference.to_bytes())
    write_blob(spark, f"{given.result.rstrip('/')}/{COUNTS}", counts_to_bytes(counts))
    sys.stdout.write(f"counted {counts.rows} rows against {reference.rows} of the reference {counts.reference}\n")
    return 0


def ignored(text: str) -> frozenset[str]:
    """Return the columns that an argument names: "a,b%2Cc" are "a" and "b,c"."""
    return frozenset(unquote(name) for name in text.split(",") if name and text != NOTHING)


def configure(spark: Any) -> None:
    """Set what reading needs: times in UTC, and batches long enough to be worth counting."""
    # A time without a zone is UTC in one process, too; the session's zone would move it.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(ARROW_ROWS))


def training_table(spark: Any, uri: str) -> Any:
    """Return the rows of a parquet file, or of those in a folder, without columns of lists or structures.

    Raises:
        SystemExit: Spark cannot read them; the message says what to write instead.
    """
    try:
        table = spark.read.option("recursiveFileLookup", "true").option("pathGlobFilter", "*.parquet").parquet(uri)
    except Exception as exc:
        # Errors come out of Java under many names.
        nanos = " Write its times in microseconds: Spark reads no nanoseconds." if "NANOS" in str(exc) else ""
        raise SystemExit(f"{uri} is not parquet that Spark reads.{nanos} {str(exc)[:500]}") from exc
    return plain_columns(table)


def plain_columns(table: Any) -> Any:
    """Return the table without the columns that the reader of one process leaves out, too."""
    names = [
        f"`{column.name.replace('`', '``')}`"
        for column in table.schema.fields
        if column.dataType.typeName() not in {"array", "map", "struct"} and not column.name.startswith("__index_level_")
    ]
    return table.select(*names)


def profile_table(table: Any, ignore: frozenset[str] = frozenset()) -> Profile:
    """Return the profile of a DataFrame of Spark: a first pass chooses the edges, a second counts around them.

    Blocks follow the order of the parts, which is that of the rows in a file.
    """
    survey = survey_of_part(0, ignore)
    # Each part's survey may hold as many sampled cells as the whole's: one per core.
    parts = table.coalesce(max(1, table.sparkSession.sparkContext.defaultParallelism))
    rows: dict[int, int] = {}
    for row in parts.mapInArrow(_by_part(_survey, ignore), "part long, survey binary").collect():
        part = pickle.loads(row["survey"])  # noqa: S301 - this job's own workers wrote it
        rows[row["part"]] = part.rows
        add_survey(survey, part)
    # Parts arrive in any order; the profile has the columns in the table's.
    order = {name: place for place, name in enumerate(table.columns)}
    survey.columns = dict(sorted(survey.columns.items(), key=lambda item: order[item[0]]))
    plan = planned(survey)
    given = plan.to_bytes(), first_rows(rows)
    counted = parts.mapInArrow(_by_part(_count_blocks, given), "counts binary, blocks binary").collect()
    blocks = [pickle.loads(row["blocks"]) for row in counted]  # noqa: S301 - likewise
    total = sum((counts_from_bytes(bytes(row["counts"])) for row in counted), WindowCounts(plan.digest))
    return filled(plan, total, functools.reduce(operator.add, blocks) if blocks else None)


def first_rows(rows: Mapping[int, int]) -> dict[int, int]:
    """Return the number of each part's first row, given how many rows each part has."""
    ends = itertools.accumulate(rows[part] for part in sorted(rows))
    return {part: end - rows[part] for part, end in zip(sorted(rows), ends, strict=True)}


def count_collected(spark: Any, folder: str, window: RequestWindow, reference: Profile) -> WindowCounts:
    """Return the counts of collected requests; one that was written twice, by its record's id, counts once."""
    from pyspark.sql import functions as sql

    hours = ",".join(window.hours)
    lines = spark.read.text(f"{folder.rstrip('/')}/{{{hours}}}/*.jsonl")
    records = lines.mapInArrow(_by_part(_parse, window), "id string, request string")
    # Records without an id are not copies of each other.
    key = sql.when(sql.col("id") == "", sql.expr("uuid()")).otherwise(sql.col("id"))
    once = (
        records.withColumn("id", key)
        .groupBy("id")
        .agg(sql.first("request").alias("request"), sql.count("*").alias("times"))
    )
    work = _by_part(_count_requests, reference.to_bytes())
    return added(once.mapInArrow(work, "counts binary, repeated long, unreadable long").collect(), reference)


def added(parts: Iterable[Any], reference: Profile) -> WindowCounts:
    """Return the counts of all parts, with a finding for the requests that were repeated or unreadable."""
    total = WindowCounts(reference.digest)
    extra: Counter[str] = Counter()
    for part in parts:
        total += counts_from_bytes(bytes(part["counts"]))
        extra.update({name: part[name] for name in FINDINGS})
    return replace(total, findings=tuple(text.format(extra[name]) for name, text in FINDINGS.items() if extra[name]))


def read_blob(spark: Any, folder: str) -> bytes:
    """Return what `write_blob` wrote."""
    rows = spark.read.text(folder).collect()
    return base64.b64decode("".join(row["value"] for row in rows))


def write_blob(spark: Any, folder: str, content: bytes) -> None:
    """Write bytes through Spark alone, whose file systems are those of its cluster: as a text file in the folder."""
    rows = spark.createDataFrame([(base64.b64encode(content).decode(),)], "value string")
    rows.coalesce(1).write.mode("overwrite").text(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="count_window.py", description=main.__doc__)
    parser.add_argument("--collected", required=True, help="folder of the data collector, above its years")
    parser.add_argument("--start", required=True, help="ISO time")
    parser.add_argument("--end", required=True, help="ISO time; not in the window itself")
    parser.add_argument("--leave-out", default=NOTHING, help="requests whose id begins so are not counted")
    parser.add_argument("--training-data", default="", help="parquet to profile, without --profile")
    parser.add_argument(
        "--ignore", default=NOTHING, help="columns of the training data, quoted as in URLs, with commas"
    )
    parser.add_argument("--profile", default="", help="folder of an earlier job's result")
    parser.add_argument("--result", required=True, help="folder to write to")
    return parser


def _by_part(work: Callable[..., Iterable[pa.RecordBatch]], given: Any) -> PartMapper:
    """Return the work with what it needs, which travels with it."""
    return functools.partial(work, given)


def _part_number() -> int:
    from pyspark import TaskContext

    context: Any = TaskContext.get()
    return int(context.partitionId()) if context else 0


def _survey(
    ignore: frozenset[str], batches: Iterable[Any], number: Callable[[], int] | None = None
) -> Iterator[pa.RecordBatch]:
    part = (number or _part_number)()
    survey: Survey = survey_of_part(part, ignore)
    for batch in batches:
        survey.add(batch)
    yield _cells(part=part, survey=pickle.dumps(survey))


def _count_blocks(
    given: tuple[bytes, dict[int, int]], batches: Iterable[Any], number: Callable[[], int] | None = None
) -> Iterator[pa.RecordBatch]:
    content, first = given
    plan = Profile.from_bytes(content)
    tally = BlockTally(plan, plan.digest)
    for batch in placed(batches, first.get((number or _part_number)(), 0)):
        tally.add(batch)
    yield _cells(counts=counts_to_bytes(tally.counts()), blocks=pickle.dumps(tally.blocks()))


def _parse(window: RequestWindow, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        records: list[tuple[str, str]] = []
        for line in batch.column(0).to_pylist():
            try:
                record = request_of(line, window) if line and line.strip() else None
            except ValueError:
                # One id for all: grouping by it makes one row of them, with their number.
                record = UNREADABLE, ""
            if record:
                records.append(record)
        ids, requests = [text for text, _ in records], [text for _, text in records]
        arrays = [pa.array(ids, type=pa.string()), pa.array(requests, type=pa.string())]
        yield pa.RecordBatch.from_arrays(arrays, names=["id", "request"])


def _count_requests(profile: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    extra = dict.fromkeys(FINDINGS, 0)

    def requests() -> Iterator[str]:
        for batch in batches:
            for name, request, times in zip(*(column.to_pylist() for column in batch.columns)):  # noqa: B905
                if name == UNREADABLE:
                    extra["unreadable"] += times
                else:
                    extra["repeated"] += times - 1
                    yield request

    reference = Profile.from_bytes(profile)
    tally = Tally(reference, reference.digest)
    for frame in frames(requests()):
        tally.add(frame)
    yield _cells(counts=counts_to_bytes(tally.counts()), **extra)


def _cells(**cells: bytes | int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([cell]) for cell in cells.values()], names=list(cells))


if __name__ == "__main__":
    sys.exit(main())
