"""A metric's value, by the way that gates take."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from shared.metrics.catalogue import find_metric
from shared.metrics.rows import CHALLENGER, read_sample


def measure_metric(name: str, labels: ArrayLike, scores: ArrayLike) -> float:
    table = pd.DataFrame({"label": labels, "challenger_score": scores})
    return read_sample(find_metric(name), table, CHALLENGER).estimate().value
