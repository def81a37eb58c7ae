"""What a broken variant is made of, and how to run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar
from unittest.mock import patch

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Patch:
    """`owner.name` is `value` while the variant runs."""

    owner: object
    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Variant(Generic[P]):
    """`breaks` is the safety property that goes, in one sentence; it is caught within ten seeds from `first` on.
    Without `parts` of its own it has production's."""

    name: str
    breaks: str
    parts: P | None = None
    patches: tuple[Patch, ...] = ()
    first: int = 0


@contextmanager
def running(variant: Variant[P] | None, own: P) -> Iterator[P]:
    """Break what the variant breaks, and give the parts to run with; `own`, production's, where it has none."""
    with ExitStack() as stack:
        for change in variant.patches if variant else ():
            stack.enter_context(patch.object(change.owner, change.name, change.value))
        yield variant.parts if variant and variant.parts else own
