"""The scoring code of the flight-delay model. It travels inside the model package and needs nothing of this project."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

NUMERIC = ("dep_hour", "arr_hour", "distance", "dep_delay")
CATEGORICAL = ("carrier", "origin", "dest")


def encode(frame: pd.DataFrame, categories: dict[str, dict[str, int]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return one float64 row per flight: the numbers as they are, categories as codes, anything unknown as NaN.

    Columns that the model does not know (such as a row id) are ignored.

    Raises:
        ValueError: a column is missing, or a numeric one holds text.
    """
    missing = [name for name in (*NUMERIC, *CATEGORICAL) if name not in frame.columns]
    if missing:
        raise ValueError(f"input lacks {', '.join(missing)}; it must have {', '.join((*NUMERIC, *CATEGORICAL))}")
    encoded = np.empty((len(frame), len(NUMERIC) + len(CATEGORICAL)), dtype=np.float64)
    for position, name in enumerate(NUMERIC):
        try:
            encoded[:, position] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as exc:
            raise ValueError(f"input column {name} must hold numbers: {exc}") from exc
    for position, name in enumerate(CATEGORICAL, start=len(NUMERIC)):
        codes = categories[name]
        encoded[:, position] = [codes.get(value, np.nan) for value in frame[name].tolist()]
    return encoded


class FlightDelayModel:
    """A trained classifier with the category codes it was trained on."""

    def __init__(self, classifier: Any, categories: dict[str, dict[str, int]]) -> None:
        self._classifier = classifier
        self._categories = categories
        self._calling = threading.local()

    def predict(self, frame: pd.DataFrame) -> list[float]:
        """Return one probability per row, in order, that the flight arrives more than 15 minutes late."""
        if len(frame) == 0:
            return []
        self._use_one_thread()
        probabilities: list[float] = self._classifier.predict_proba(encode(frame, self._categories))[:, 1].tolist()
        return probabilities

    def _use_one_thread(self) -> None:
        """Keep OpenMP from sharing a few rows among threads that then wait for each other on a busy machine.

        OpenMP keeps this setting per calling thread, and servers score in threads of their own.
        """
        if not hasattr(self._calling, "limit"):
            self._calling.limit = threadpool_limits(limits=1, user_api="openmp")


def _load_pyfunc(path: str) -> FlightDelayModel:
    """Return the model stored in a package's `data` folder; MLflow calls this with that folder's path."""
    stored = joblib.load(Path(path) / "model.joblib")  # type: ignore[no-untyped-call]
    return FlightDelayModel(stored["classifier"], stored["categories"])
