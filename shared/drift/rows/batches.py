"""Rows in pieces: any source is read batch by batch, on as many threads as requested."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import pandas as pd
import pyarrow as pa

# A pandas DataFrame, or a pyarrow RecordBatch or Table.
Batch = Any
# One batch, or what gives batches: a port's reader, a list, a generator.
Source = Any
FRAME_ROWS = 131_072
# Arrow's default allocator gives memory back while the next batch is read, and it has to be cleared for that: a tenth
# of a look's CPU. This one, where a build has it, keeps what was free for less than so many milliseconds.
if "jemalloc" in pa.supported_memory_backends():
    pa.set_memory_pool(pa.jemalloc_memory_pool())
    pa.jemalloc_set_decay_ms(50)
THREADS = 2


class Worker(Protocol):
    def add(self, batch: Batch) -> None: ...


AnyBatch = TypeVar("AnyBatch")
AnyWorker = TypeVar("AnyWorker", bound=Worker)


def is_batch(source: Source) -> bool:
    return isinstance(source, pd.DataFrame | pa.Table | pa.RecordBatch)


def pieces(source: Source) -> Iterator[Batch]:
    """Yield a source's batches; a table that is in memory already is cut, not copied."""
    for batch in [source] if is_batch(source) else source:
        if isinstance(batch, pa.Table):
            yield from batch.to_batches(max_chunksize=FRAME_ROWS)
        elif isinstance(batch, pd.DataFrame) and len(batch) > FRAME_ROWS:
            yield from (batch.iloc[start : start + FRAME_ROWS] for start in range(0, len(batch), FRAME_ROWS))
        else:
            yield batch


def named_columns(batch: Batch) -> Iterator[tuple[str, Any]]:
    """Yield each column with its name as text, in order, repeated names included."""
    if isinstance(batch, pd.DataFrame):
        for position, name in enumerate(batch.columns):
            yield str(name), batch.iloc[:, position]
    else:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            yield str(name), column


def row_count(batch: Batch) -> int:
    return len(batch) if isinstance(batch, pd.DataFrame) else int(batch.num_rows)


def findings_of(source: Source) -> tuple[str, ...]:
    """Return what the source itself found odd about its rows; complete once it was read to its end."""
    return () if is_batch(source) else tuple(getattr(source, "findings", ()))


def ahead(batches: Iterable[AnyBatch]) -> Iterator[AnyBatch]:
    """Yield batches, of which a thread of its own reads the next meanwhile: always the same one, since a library's
    allocator keeps memory for each thread."""
    waiting = iter(batches)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, waiting, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, waiting, None)
            yield batch


def share_out(batches: Iterable[Batch], workers: Sequence[AnyWorker]) -> None:
    """Give each batch to one of the workers, each of which has a thread of its own.

    No more batches are in memory than there are workers, and one that is read meanwhile.

    Raises:
        Whatever reading or counting raises; the other workers then stop at their next batch.
    """
    waiting, one_at_a_time = ahead(batches) if len(workers) > 1 else iter(batches), threading.Lock()
    stopped = threading.Event()

    def work(worker: AnyWorker) -> None:
        try:
            while not stopped.is_set():
                with one_at_a_time:
                    batch = next(waiting, None)
                if batch is None:
                    return
                worker.add(batch)
                del batch  # before the next one is waited for
        except BaseException:
            stopped.set()
            raise

    if len(workers) == 1:
        work(workers[0])
        return
    with ThreadPoolExecutor(len(workers)) as pool:
        for done in [pool.submit(work, worker) for worker in workers]:
            done.result()
    pa.default_memory_pool().release_unused()
