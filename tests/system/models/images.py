"""Handwritten digits as images of eight by eight: classes of small arrays, watched by the arrays themselves."""

from __future__ import annotations

import pandas as pd

from tests.system.models import ten_classes
from tests.system.models.place import OwnModel

PIXELS = """

def pixels(frame: pd.DataFrame) -> Any:
    return [list(image) for image in frame["image"]]


def _load_pyfunc("""


def rows() -> pd.DataFrame:
    frame = ten_classes.rows()
    names = [name for name in frame.columns if name.startswith("pixel")]
    return frame[["row_id", "pen", "digit"]].assign(image=pd.Series(frame[names].to_numpy().tolist()))


MODEL = OwnModel(
    name="images",
    rows=rows,
    options="--label digit --task classification --slice-by pen --metric f1_macro --bound 0.8",
    code=(
        ("policies/images.yaml", "kind: tabular", "kind: vision"),
        ("policies/images.yaml", "on: [drift, new-data]", "on: [new-data]"),
        ("policies/images.yaml", "  data_drift: {", "  embedding_drift: {column: image}\n  data_drift: {"),
        ("policies/images.yaml", "margin: 0.02", "margin: 0.15"),
        ("policies/images.yaml", 'metric: "f1_macro", min_ratio', "metric: accuracy, min_ratio"),
        ("train/images_model.py", "\n\ndef _load_pyfunc(", PIXELS),
        ("train/train.py", "import Model\n", "import Model, pixels\n"),
        (
            "train/train.py",
            "    columns = ColumnTransformer(",
            "    images = FunctionTransformer(pixels)\n"
            "    return make_pipeline(images, RandomForestClassifier(random_state=0)).fit(frame, label)\n"
            "    columns = ColumnTransformer(",
        ),
        ("train/train.py", "import OrdinalEncoder\n", "import FunctionTransformer, OrdinalEncoder\n"),
    ),
    worse=ten_classes.MODEL.worse,
    worse_because="f1_macro is",
    biased=ten_classes.MODEL.biased,
    biased_because="accuracy of pen thin",
    drift=lambda frame: frame.assign(image=pd.Series([[8 - x / 2 for x in image] for image in frame["image"]])),
)
