"""Policies that are read only when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from shared.policy.model import Policy


class LatePolicies(Sequence[Policy]):
    """The policies, read when they are first looked at.

    Posting a notice looks at none, so that running releases go on, and can be rolled back, while a file is broken.
    """

    def __init__(self, load: Callable[[], tuple[Policy, ...]]) -> None:
        self._load = load

    @overload
    def __getitem__(self, index: int) -> Policy: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Policy]: ...
    def __getitem__(self, index: int | slice) -> Policy | Sequence[Policy]:
        return self._load()[index]

    def __len__(self) -> int:
        return len(self._load())
