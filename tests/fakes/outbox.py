"""Notices that were handed over."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.notice import Notice


class FakeOutbox:
    """An `Outbox`; `notices` by key, in the order of their first posting."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}
        self.errors: list[Exception] = []

    def post(self, notices: Sequence[Notice]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        for notice in notices:
            self.notices.setdefault(notice.key, notice)

    @property
    def kinds(self) -> list[str]:
        return [notice.kind.value for notice in self.notices.values()]
