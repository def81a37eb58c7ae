"""Problems of a policy file, each with its line and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.errors import PolicyError

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `line` counts from 1; `key` is empty when the whole file is meant.
    `message` says what is wrong and, after a semicolon, what to write instead."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.key}: " if self.key else "") + self.message


class PolicyProblemsError(PolicyError):
    """Every mistake of the files, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(code="policy.invalid", message="\n".join(map(str, self.problems)))


def key_text(loc: Loc) -> str:
    """Return a path as people read it: ("gates", 0, "metric") as gates[0].metric."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word: str, vocabulary: Sequence[str]) -> str:
    """Return the remedy for an unknown word: the closest one of the vocabulary, else all of it."""
    close = difflib.get_close_matches(word, vocabulary, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(vocabulary)}" if vocabulary else "remove it"
