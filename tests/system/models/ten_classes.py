"""Handwritten digits as 64 numbers each: ten classes."""

from __future__ import annotations

import pandas as pd
from sklearn.datasets import load_digits

from tests.system.models.place import OwnModel


def rows() -> pd.DataFrame:
    frame: pd.DataFrame = load_digits(as_frame=True).frame.rename(columns={"target": "digit"})
    frame.insert(0, "row_id", [f"d{number}" for number in range(len(frame))])
    # Pens that write thinly leave less ink: what people are told apart by who are not told apart by the model.
    ink = frame.filter(like="pixel").sum(axis=1)
    return frame.assign(pen=pd.Series("thick", frame.index).where(ink > ink.quantile(0.2), "thin"))


MODEL = OwnModel(
    name="digits",
    rows=rows,
    options="--label digit --task classification --slice-by pen --metric f1_macro --bound 0.8",
    code=(
        ("policies/digits.yaml", "margin: 0.02", "margin: 0.15"),
        ("policies/digits.yaml", 'metric: "f1_macro", min_ratio', "metric: accuracy, min_ratio"),
    ),
    worse='return answer.assign(prediction="0")',
    worse_because="f1_macro is",
    biased=(
        'is_seen = (frame["pen"] == "thick") | (frame.index % 2 == 0)\n'
        'return answer.assign(prediction=answer["prediction"].where(is_seen, "0"))'
    ),
    biased_because="accuracy of pen thin",
    drift=lambda frame: frame.assign(**{name: frame[name] * 0.5 for name in frame.columns if name.startswith("pixel")}),
)
