"""The corpus: YAML files of hostile inputs, one file per parser, each input with a name.

good:                                 # a document that is fine, for `change` and `without`
cases:
  name-of-the-case:
    text: '{"id": NaN}'               # or parts: [['[', 1000], 'x'], or base64: …, or yaml: …
    change: {data.ModelName: true}    # or: `good` with these dotted keys replaced, as JSON
    without: [data.ModelVersion]      # or: `good` without these keys
    says: NaN                         # a part of the refusal
    outcome: refused                  # ignored: taken, and nothing follows
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    parser: str
    name: str
    body: bytes
    says: str
    outcome: str

    @property
    def id(self) -> str:
        return f"{self.parser}-{self.name}"


@cache
def cases() -> tuple[Case, ...]:
    """Return every case of every file."""
    return tuple(case for file in sorted(FOLDER.glob("*.yaml")) for case in _file(file))


def _file(file: Path) -> Iterator[Case]:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    good = document.get("good")
    if good is not None:
        # The good document is a seed for fuzzing, and shows that each change of it is what makes it bad.
        yield Case(file.stem, "good", _encoded(good), "", "accepted")
    for name, case in document["cases"].items():
        yield Case(file.stem, name, _body(case, good), str(case.get("says", "")), case.get("outcome", "refused"))


def _body(case: Mapping[str, Any], good: Any) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    if "encode" in case:
        return base64.b64encode(str(case["encode"]).encode())
    if "parts" in case:
        return _encoded("".join(part if isinstance(part, str) else part[0] * part[1] for part in case["parts"]))
    if "change" in case or "without" in case:
        changed = copy.deepcopy(good)
        if isinstance(changed, str):
            for old, new in case["change"].items():
                assert old in changed, f"{old!r} is not in the good document"
                changed = changed.replace(old, new)
            return _encoded(changed)
        for key, value in case.get("change", {}).items():
            *parents, last = key.split(".")
            _down(changed, parents)[last] = value
        for key in case.get("without", ()):
            *parents, last = key.split(".")
            del _down(changed, parents)[last]
        return _encoded(changed)
    return _encoded(case["text"])


def _down(document: Any, keys: list[str]) -> Any:
    for key in keys:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _encoded(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="surrogatepass")
