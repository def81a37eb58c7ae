"""Approval clicked twice: same person and choice, same answer; otherwise 409 naming who decided."""

from __future__ import annotations

import re

from shared.console.page import Page
from shared.domain.releases.release import ReleaseState
from tests.hazards.offices import BEN, CARLA, ReleaseOffice


def test_the_same_person_and_choice_gets_the_same_answer() -> None:
    world = ReleaseOffice()
    release = world.ask()
    form = world.form(release, BEN)

    first, second = world.send(release, BEN, form), world.send(release, BEN, form)

    assert (first.status, second.status) == (200, 200)
    assert _message(first) == _message(second)
    assert len(world.decisions()) == 1


def test_everybody_else_hears_who_decided() -> None:
    world = ReleaseOffice()
    release = world.ask()
    late = world.form(release, CARLA)
    world.send(release, BEN)

    other = world.send(release, CARLA, late, choice="reject", reason="too risky")

    assert other.status == 409
    assert BEN in other.body
    world.run(until=lambda: world.release(release).state is ReleaseState.DEPLOYING)
    assert world.release(release).reason == f"approved by {BEN}"


def test_the_same_person_who_changed_their_mind_is_too_late() -> None:
    world = ReleaseOffice()
    release = world.ask()
    form = world.form(release, BEN)
    world.send(release, BEN, form)

    assert world.send(release, BEN, form, choice="reject", reason="on second thoughts").status == 409


def _message(page: Page) -> str:
    """Return the page without what is new on each."""
    return re.sub(r'nonce="[^"]*"', "", page.body)
