"""One batch scoring run: `python -m local.azureml.batch.score --model DIR --input PATH --output FILE`.

A model without a script: `predict` is called once per file, CSV columns have the types of the model's signature, and
each row of `row,prediction,file` (no header) is one row of input. Source:
https://learn.microsoft.com/azure/machine-learning/how-to-mlflow-batch, "Analyze outputs" and "Review support for file
types". A script has `init()` and `run(mini_batch)`, which gets paths and returns a list or a DataFrame:
https://learn.microsoft.com/azure/machine-learning/how-to-batch-scoring-script.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from local.azureml.online.serve import ModelError, load_pyfunc, load_script

ScoreFiles = Callable[[list[Path]], str]

_PARQUET = {".parquet", ".pqt"}
# The signature's types that a CSV file can hold, as pandas names them.
_TYPES = {"string": "str", "double": "float64", "float": "float32", "long": "int64", "integer": "int32"}


class InputFileError(Exception):
    """A file can't be read: the job fails, whatever its error threshold."""


class TooManyErrorsError(Exception):
    """More files failed than the error threshold allows, or all of them."""


@dataclass(frozen=True)
class Limits:
    """`error_threshold` is how many files may fail; -1: any number."""

    mini_batch_size: int
    max_retries: int
    error_threshold: int


def files_of(path: Path) -> list[Path]:
    """Return the file, or the files of the folder by name; folders in it aren't looked into, as in the service."""
    return [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())


def column_types(model: Path) -> dict[str, str]:
    """Return pandas' types for the columns of the model's signature; empty when it has none."""
    inputs = ((yaml.safe_load((model / "MLmodel").read_text()) or {}).get("signature") or {}).get("inputs")
    columns = json.loads(inputs) if isinstance(inputs, str) else inputs or []
    return {
        column["name"]: _TYPES[column["type"]]
        for column in columns
        if "name" in column and column.get("type") in _TYPES
    }


def read_table(file: Path, types: dict[str, str]) -> pd.DataFrame:
    """Read a CSV or parquet file.

    Raises:
        InputFileError: it can't be read; in the service's words.
    """
    kind = file.suffix.lower()
    if kind not in {".csv", *_PARQUET}:
        raise InputFileError(f"Error processing input file: '{file}'. File type '{kind[1:]}' is not supported.")
    try:
        # dtype takes all columns of the signature, so that a missing one is left for the model to name.
        return pd.read_parquet(file) if kind in _PARQUET else pd.read_csv(file, dtype=types)
    except Exception as exc:
        # The border to the user's data: pandas and pyarrow raise many kinds of errors for a damaged file.
        raise InputFileError(f"Error processing input file: '{file}'. Exception: {exc}") from exc


def with_model(model: Path) -> ScoreFiles:
    """Return what scores files with an MLflow model."""
    loaded, types = load_pyfunc(model), column_types(model)

    def score(files: list[Path]) -> str:
        return "".join(to_rows(loaded.predict(read_table(file, types)), file.name) for file in files)

    return score


def to_rows(predictions: Any, file: str) -> str:
    """Return one CSV line per prediction: the row's number in its file, the prediction as it is, the file's name."""
    frame = predictions if isinstance(predictions, pd.DataFrame) else pd.DataFrame({"prediction": list(predictions)})
    rows = frame.reset_index(drop=True)
    rows.insert(0, "row", range(len(rows)), allow_duplicates=True)
    rows["file"] = file
    return rows.to_csv(header=False, index=False, lineterminator="\n")


def model_dir(model: Path, name: str) -> Path:
    """Return a folder in which a script finds the registered folder (or file) under its own name, as in the service."""
    if model.is_file():
        return model.parent
    holder = Path(tempfile.mkdtemp(prefix="model-", dir=model.parent))
    (holder / name).symlink_to(model.absolute(), target_is_directory=True)
    return holder


def with_script(script: Path) -> ScoreFiles:
    """Return what hands files to a scoring script."""
    module = load_script(script)

    def score(files: list[Path]) -> str:
        result = module.run([str(file) for file in files])
        if isinstance(result, pd.DataFrame):
            return result.to_csv(header=False, index=False, sep=" ", lineterminator="\n")
        return "".join(f"{line}\n" for line in result)

    return score


def score_all(files: list[Path], score: ScoreFiles, limits: Limits) -> Iterator[str]:
    """Yield the lines of each mini-batch that could be scored.

    Raises:
        TooManyErrorsError: as soon as the threshold is passed, and at the end when no mini-batch could be scored.
    """
    failed = 0
    for start in range(0, len(files), limits.mini_batch_size):
        batch = files[start : start + limits.mini_batch_size]
        lines = attempt(batch, score, limits.max_retries)
        if lines is not None:
            yield lines
            continue
        failed += len(batch)
        print(f"could not be scored: {', '.join(file.name for file in batch)}", flush=True)
        if limits.error_threshold != -1 and failed > limits.error_threshold:
            text = f"{failed} files could not be scored; the error threshold is {limits.error_threshold}"
            raise TooManyErrorsError(text)
    print(f"scored {len(files) - failed} of {len(files)} files", flush=True)
    if failed and failed == len(files):
        raise TooManyErrorsError("no file could be scored")


def attempt(batch: list[Path], score: ScoreFiles, max_retries: int) -> str | None:
    """Return a mini-batch's lines, or None when all tries failed.

    Raises:
        InputFileError: an input itself cannot be read; no other try would help.
    """
    for _ in range(1 + max_retries):
        try:
            return score(batch)
        except InputFileError:
            raise
        except Exception:
            # The border to the user's model: whatever it raises is a failed try.
            traceback.print_exc()
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.azureml.batch.score", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder, or file")
    parser.add_argument("--model-name", default="model", help="what that folder is called where it was registered")
    parser.add_argument("--input", type=Path, required=True, help="a file, or a folder of files")
    parser.add_argument("--output", type=Path, required=True, help="the file that gets the rows")
    parser.add_argument("--summary-only", action="store_true", help="write no rows")
    parser.add_argument(
        "--script", type=Path, help="a scoring script with init() and run(); else the model is MLflow's"
    )
    parser.add_argument("--mini-batch-size", type=int, default=10, help="files per mini-batch")
    parser.add_argument("--max-retries", type=int, default=3, help="further tries of a mini-batch that failed")
    parser.add_argument("--error-threshold", type=int, default=-1, help="files that may fail; -1: any number")
    options = parser.parse_args()
    os.environ["AZUREML_MODEL_DIR"] = str(model_dir(options.model, options.model_name))
    os.environ["AZUREML_BI_OUTPUT_PATH"] = str(options.output.parent)
    limits = Limits(options.mini_batch_size, options.max_retries, options.error_threshold)
    try:
        score = with_script(options.script) if options.script else with_model(options.model)
        with (Path(os.devnull) if options.summary_only else options.output).open("w", newline="") as output:
            for lines in score_all(files_of(options.input), score, limits):
                output.write(lines)
    except (ModelError, InputFileError, TooManyErrorsError) as exc:
        print(f"ERROR:azureml:{exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
