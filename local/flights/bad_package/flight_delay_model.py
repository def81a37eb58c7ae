"""Scoring code with a fault that only live traffic shows: each request waits for a slow, unreliable service.

The package keeps the former code as `champion_scoring.py`, so the predictions are the same. Batches are scored without
the look-up, so an evaluation on stored flights finds nothing wrong.
"""

from __future__ import annotations

import hashlib
import time

import pandas as pd
from champion_scoring import FlightDelayModel  # type: ignore[import-not-found]
from champion_scoring import _load_pyfunc as _load_without_weather

LOOK_UP_SECONDS = 0.06
FAILING_PERCENT = 8
LARGEST_ONLINE_REQUEST = 100


class WeatherUnavailableError(Exception):
    """The weather service refused the airport."""


class WeatherAwareModel:
    """The former model behind a look-up of the weather."""

    def __init__(self, model: FlightDelayModel) -> None:
        self._model = model

    def predict(self, frame: pd.DataFrame) -> list[float]:
        """Return one probability per row, in order; small (live) requests wait for the look-up and may fail."""
        if 0 < len(frame) <= LARGEST_ONLINE_REQUEST:
            _look_up_weather(frame)
        probabilities: list[float] = self._model.predict(frame)
        return probabilities


def _look_up_weather(frame: pd.DataFrame) -> None:
    time.sleep(LOOK_UP_SECONDS)
    # By the first row, so that the same request always fares the same.
    digest = hashlib.sha256("|".join(map(str, frame.iloc[0].tolist())).encode()).digest()
    if int.from_bytes(digest[:4], "big") % 100 < FAILING_PERCENT:
        raise WeatherUnavailableError("the weather service answered 503")


def _load_pyfunc(path: str) -> WeatherAwareModel:
    return WeatherAwareModel(_load_without_weather(path))
