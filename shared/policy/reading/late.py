"""Policies and people that are loaded at first use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

from shared.errors import PolicyError
from shared.logs import fields
from shared.policy.reading.people import Directory, Person
from shared.policy.sections.model import Policy

log = logging.getLogger("vigia.policy")


class LatePolicies(Sequence[Policy]):
    """The policies, loaded at first use.

    Posting a notice uses none, so that running releases go on, and can be rolled back, while a file is invalid.
    """

    def __init__(self, load: Callable[[], tuple[Policy, ...]]) -> None:
        self._load = load

    @overload
    def __getitem__(self, index: int) -> Policy: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Policy]: ...
    def __getitem__(self, index: int | slice) -> Policy | Sequence[Policy]:
        return self._load()[index]

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


class LatePeople(Mapping[str, Person]):
    """The people of people.yaml, loaded at first use.

    While the file is invalid it lists nobody, so that everybody is written to in English and UTC: the file says how
    people are addressed, never whether something is done, and a rollback must not wait for a time zone. Each use then
    logs the error and reads the file again.
    """

    def __init__(self, load: Callable[[], Directory]) -> None:
        self._load = load
        self._loaded: Mapping[str, Person] | None = None

    def __getitem__(self, address: str) -> Person:
        return self._people()[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._people())

    def __len__(self) -> int:
        return len(self._people())

    def _people(self) -> Mapping[str, Person]:
        if self._loaded is None:
            try:
                self._loaded = self._load().people
            except PolicyError as exc:
                log.error("people.broken", extra=fields(reason=str(exc)))
                return {}
        return self._loaded
