"""Airports and airlines in sentences: named entities, each right only when its type, start and end are."""

from __future__ import annotations

import random

import pandas as pd

from tests.system.models.place import OwnModel
from tests.system.models.timetable import whole_year

SENTENCES = (
    "{air} flight {number} from {one} to {two} was late",
    "passengers of {air} wait in {one}",
    "there is fog over {two} and {one}",
    "{air} has left {one} at {number}",
    "a quiet day in {two}",
)
TAGGER = '''

def learned(frame: pd.DataFrame, label: Any) -> dict[str, str]:
    """Return the type of each word that was an entity, by how the training sentences mark it."""
    types = {}
    for sentence, entities in zip(frame["sentence"], label, strict=True):
        words = sentence.split()
        for entity in entities:
            kind, start, _ = entity.split(":")
            types[words[int(start)]] = kind
    return types


def _load_pyfunc('''
PREDICT = """\
        found = [
            [f"{self._pipeline[word]}:{at}:{at + 1}" for at, word in enumerate(words.split()) if word in self._pipeline]
            for words in frame["sentence"]
        ]
        return pd.DataFrame({"prediction": found})

    def _unused(self, frame: pd.DataFrame) -> Any:
        pipeline, labels = self._pipeline
"""


def rows() -> pd.DataFrame:
    """Return sentences over the carriers and airports of the timetable; an entity is TYPE:START:END, in words."""
    flights, chance = whole_year().sample(3000, random_state=1), random.Random(1)
    sentences, entities = [], []
    for air, one, two in zip(flights["carrier"], flights["origin"], flights["dest"], strict=True):
        names = {"air": air, "one": one, "two": two}
        words = chance.choice(SENTENCES).format(**names, number=chance.randrange(9999)).split()
        kinds = {air: "AIRLINE", one: "AIRPORT", two: "AIRPORT"}
        sentences.append(" ".join(words))
        entities.append([f"{kinds[word]}:{at}:{at + 1}" for at, word in enumerate(words) if word in kinds])
    frame = pd.DataFrame({"sentence": sentences, "length": [len(text) for text in sentences]})
    frame.insert(0, "row_id", [f"s{number}" for number in range(len(frame))])
    return frame.assign(desk=flights["origin"].to_numpy(), entities=pd.Series(entities))


MODEL = OwnModel(
    name="entities",
    rows=rows,
    options="--label entities --slice-by desk --metric f1_micro --bound 0.8",
    code=(
        ("policies/entities.yaml", "kind: tabular", "kind: text"),
        ("policies/entities.yaml", "on: [drift, new-data]", "on: [new-data]"),
        ("policies/entities.yaml", 'ignore: ["row_id"]', "ignore: [row_id, sentence]"),
        ("policies/entities.yaml", "margin: 0.02", "margin: 0.3"),
        ("train/entities_model.py", "\n\ndef _load_pyfunc(", TAGGER),
        ("train/entities_model.py", "        pipeline, labels = self._pipeline\n", PREDICT),
        ("train/train.py", "import Model\n", "import Model, learned\n"),
        ("train/train.py", "    numbers = make_column", "    return learned(frame, label)\n    numbers = make_column"),
        (
            "train/train.py",
            "    flags = MultiLabelBinarizer(classes=pipeline[1])\n",
            '    return sum(map(list.__eq__, answer["prediction"], map(list, frame[LABEL]))) / len(frame)\n'
            "    flags = MultiLabelBinarizer(classes=pipeline[1])\n",
        ),
    ),
    worse='return answer.assign(prediction=[["AIRPORT:0:1"]] * len(answer))',
    worse_because="f1_micro is",
    biased=(
        "return answer.assign(prediction=["
        'names if desk != "LGA" else names[:1] for names, desk in zip(answer["prediction"], frame["desk"])])'
    ),
    biased_because="f1_micro of desk LGA",
    drift=lambda frame: frame.assign(length=frame["length"] * 3),
)
