"""Which of several workspaces an event is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.domain.fact import Fact
from shared.errors import EventError, VigiaError
from shared.events.registry import read_fact
from shared.events.wire.batch import events_in
from shared.events.wire.own_workspace import Home
from shared.logs import with_facts
from shared.policy.deciding.book import PolicyBook


class EventProcessor(Protocol):
    def process(self, body: str, is_first_try: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace: what is its own, its policies, and what processes its events. The first is the app's own."""

    name: str
    home: Home
    book: PolicyBook
    processor: EventProcessor

    def process(self, body: str, is_first_try: bool) -> None:
        with with_facts(workspace=self.home.workspace.rpartition("/")[2]):
            self.processor.process(body, is_first_try)


@dataclass(frozen=True, slots=True)
class Router:
    """Hands each event to the workspaces that it concerns."""

    places: Sequence[Place]

    def process(self, body: str, is_first_try: bool = False) -> None:
        """Handle one queue message: one event or a batch, each with an outcome of its own.

        Args:
            is_first_try: no worker has had this message before.

        Raises:
            VigiaError: the first that a workspace met, once all others had their turn; the message must come back, and
                what was done of it is then known as done.
        """
        if len(self.places) == 1:
            self.places[0].process(body, is_first_try)
            return
        errors: list[VigiaError] = []
        for raw in events_in(body):
            for place in route(raw, self.places):
                try:
                    place.process(raw, is_first_try)
                except VigiaError as exc:
                    errors.append(exc)
        if errors:
            raise errors[0]


def route(raw: str, places: Sequence[Place]) -> Sequence[Place]:
    """Return the workspaces that an event is for.

    It names one, by its source, the resource, the storage or what a budget counts: those that it names. It names none,
    as an event of our own topic may: those whose policies it concerns. What concerns nobody, and what cannot be read,
    is the app's own workspace's, which notes it or sets it aside.
    """
    try:
        fact = read_fact(raw, datetime.now(UTC))
    except EventError:
        return places[:1]
    if not isinstance(fact, Fact):
        return places[:1]
    named = [place for place in places if place.home.is_named_by(fact)]
    return named or [place for place in places if _concerns(fact, place)] or places[:1]


def _concerns(fact: Fact, place: Place) -> bool:
    placed = place.home.place(fact)
    return isinstance(placed, Fact) and bool(place.book.about(placed))
