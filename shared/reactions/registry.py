"""Finds the reactions: each ReactionSpec that a module of this package exports, SPEC or further ones."""

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
        specs |= {spec.name: spec for spec in vars(module).values() if isinstance(spec, ReactionSpec)}
    return specs


def sections() -> dict[str, type[BaseModel]]:
    """Return the policy sections that the reactions read, by YAML key."""
    return {key: section for spec in reactions().values() for key, section in spec.sections.items()}
