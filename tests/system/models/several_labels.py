"""What is true of a handwritten digit: several labels per row."""

from __future__ import annotations

import pandas as pd

from tests.system.models import ten_classes
from tests.system.models.place import OwnModel

TRAITS = {"even": {0, 2, 4, 6, 8}, "round": {0, 6, 8, 9}, "large": {5, 6, 7, 8, 9}}


def rows() -> pd.DataFrame:
    frame = ten_classes.rows()
    traits = [[trait for trait, digits in TRAITS.items() if digit in digits] for digit in frame["digit"]]
    return frame.drop(columns="digit").assign(traits=pd.Series(traits))


MODEL = OwnModel(
    name="traits",
    rows=rows,
    options="--label traits --slice-by pen --metric f1_micro --bound 0.8",
    code=(("policies/traits.yaml", "margin: 0.02", "margin: 0.15"),),
    worse='return answer.assign(prediction=[["even"]] * len(answer))',
    worse_because="f1_micro is",
    biased=(
        "return answer.assign(prediction=["
        'labels if pen == "thick" else [] for labels, pen in zip(answer["prediction"], frame["pen"])])'
    ),
    biased_because="f1_micro of pen thin",
    drift=ten_classes.MODEL.drift,
)
