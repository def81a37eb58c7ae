"""All broken variants by name, and how to run one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tests.simulation.variants import effects, ledger, notices
from tests.simulation.variants.spec import Variant
from tests.simulation.world import Parts

VARIANTS: dict[str, Variant] = {v.name: v for v in (*ledger.VARIANTS, *effects.VARIANTS, *notices.VARIANTS)}


@contextmanager
def broken(name: str | None) -> Iterator[Parts]:
    """Break what the variant breaks, and give the parts to run with; production's own for None."""
    if name is None:
        yield Parts()
        return
    variant = VARIANTS[name]
    patchers = [patch.object(p.owner, p.name, p.value) for p in variant.patches]
    for patcher in patchers:
        patcher.start()
    try:
        yield variant.parts
    finally:
        for patcher in patchers:
            patcher.stop()
