"""One comparison of two parquet files in a process of its own, by Vigia or by somebody else's library.

Run by the library's own interpreter, so nothing but the standard library is imported before the clock of the import
starts: `python drift_runs.py LIBRARY REFERENCE WINDOW`. Prints one JSON object: seconds of wall clock and of CPU from
the files to the verdicts, seconds of imports, and the peak of memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module

Comparison = Callable[[], object]


def ours(reference: str, window: str) -> Comparison:
    """Take the app's first look of a version: the training data is profiled, then a window is compared with it."""
    from benchmarks.monitoring.watched_files import WatchedFiles

    WatchedFiles.import_all()
    return WatchedFiles(reference, window).look


def ours_stored(reference: str, window: str) -> Comparison:
    """Take the app's next look, which finds the references that the first one stored."""
    from benchmarks.monitoring.watched_files import WatchedFiles

    watched = WatchedFiles(reference, window)
    watched.look()
    return watched.look


def floor(reference: str, window: str) -> Comparison:
    """Read both files and sort each column of numbers, on two threads: what an exact comparison cannot do without."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np
    import pyarrow.parquet as pq

    def work() -> None:
        for path in (reference, window):
            names = pq.read_schema(path).names
            table = pq.read_table(path, read_dictionary=[name for name in names if name.startswith("category")])
            with ThreadPoolExecutor(2) as pool:
                columns = [table[name] for name in names if name.startswith("number")]
                list(pool.map(lambda column: np.sort(column.to_numpy()).size, columns))

    return work


def evidently(reference: str, window: str) -> Comparison:
    import pandas as pd
    from evidently import Report  # type: ignore[import-not-found]
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

    def work() -> object:
        report = Report([DataDriftPreset()]).run(pd.read_parquet(window), pd.read_parquet(reference))
        return report.dict()

    return work


def nannyml(reference: str, window: str) -> Comparison:
    import nannyml as nml  # type: ignore[import-not-found]
    import pandas as pd

    def work() -> object:
        old, new = pd.read_parquet(reference), pd.read_parquet(window)
        calculator = nml.UnivariateDriftCalculator(column_names=list(old.columns))
        return calculator.fit(old).calculate(new).to_df()

    return work


def frouros(reference: str, window: str) -> Comparison:
    import pandas as pd
    from frouros.detectors.data_drift import ChiSquareTest, KSTest  # type: ignore[import-not-found]

    def work() -> object:
        old, new = pd.read_parquet(reference), pd.read_parquet(window)
        p_values = {}
        for name in old.columns:
            detector = KSTest() if name.startswith("number") else ChiSquareTest()
            detector.fit(X=old[name].to_numpy())
            p_values[name] = detector.compare(X=new[name].to_numpy())[0].p_value
        return p_values

    return work


LIBRARIES = {library.__name__: library for library in (ours, ours_stored, floor, evidently, nannyml, frouros)}


def peak_megabytes() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main(library: str, reference: str, window: str) -> None:
    began = time.perf_counter()
    # All of them read with it; most import it only when they do.
    import_module("pyarrow.parquet")
    work = LIBRARIES[library](reference, window)
    imported, wall, cpu = time.perf_counter() - began, time.perf_counter(), time.process_time()
    work()
    measured = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "imports": imported}
    print(json.dumps({**measured, "peak_mb": peak_megabytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
