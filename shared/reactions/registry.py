"""Finds the reactions: every module of this package that exports a SPEC, or several."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pydantic import BaseModel

import shared.reactions
from shared.reactions.spec import ReactionSpec


@cache
def reactions() -> dict[str, ReactionSpec]:
    """Return every reaction by name, in the order of their files."""
    specs: dict[str, ReactionSpec] = {}
    for module_info in pkgutil.iter_modules(shared.reactions.__path__):
        module = importlib.import_module(f"{shared.reactions.__name__}.{module_info.name}")
        spec = getattr(module, "SPEC", ())
        specs |= {one.name: one for one in (spec if isinstance(spec, tuple) else (spec,))}
    return specs


def sections() -> dict[str, type[BaseModel]]:
    """Return the policy sections that the reactions read, by YAML key."""
    return {key: section for spec in reactions().values() for key, section in spec.sections.items()}
