"""All broken variants by name, and how to run one."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.simulation.variants import effects, ledger, notices
from tests.simulation.variants.spec import Variant, running
from tests.simulation.world import Parts

VARIANTS: dict[str, Variant[Parts]] = {v.name: v for v in (*ledger.VARIANTS, *effects.VARIANTS, *notices.VARIANTS)}


def broken(name: str | None) -> AbstractContextManager[Parts]:
    """Break what the variant breaks, and give the parts to run with; production's own for None."""
    return running(VARIANTS[name] if name is not None else None, Parts())
