"""Every hostile input is refused with an error of ours that says what is wrong, or ignored with a reason: quickly, in
little memory, and never by any other exception."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter

import pytest

from shared.store.facts.quarantine import Quarantine
from tests.corpus.parquet_files import HOSTILE as PARQUET
from tests.corpus.reading import Case, cases
from tests.fuzz.parsers import PARSERS, warm_up
from tests.unit.engine.fact_world import World

MOST_SECONDS = 2.0
MOST_BYTES = 64 * 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def parsers_are_warm() -> None:
    warm_up()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases()])
def test_hostile_input(case: Case) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        result = PARSERS[case.parser](case.body)
        seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert result.outcome == case.outcome, result
    assert case.says in result.message
    assert result.outcome == "accepted" or result.code or result.message
    assert seconds < MOST_SECONDS
    assert peak < MOST_BYTES


def test_there_are_enough_of_them() -> None:
    hostile = Counter(case.parser for case in cases() if case.name != "good")
    assert sum(hostile.values()) + len(PARQUET) >= 300
    assert set(hostile) | {"parquet", "principals-inside"} == set(PARSERS)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.id) for c in cases() if c.parser == "events" and c.outcome != "accepted"]
)
def test_hostile_event_ends_in_quarantine_or_is_noted_as_ignored(case: Case) -> None:
    world = World()
    body = case.body.decode(errors="backslashreplace")
    for _ in range(2):
        world.process(body)

    quarantine = Quarantine(world.memory)
    assert len(list(quarantine.items())) == (case.outcome == "refused")
    assert len(list(quarantine.ignored())) == (case.outcome == "ignored")
    assert world.kinds == (["event-quarantined"] if case.outcome == "refused" else [])
    assert list(world.ledger.keys()) == []


def test_a_bad_event_of_a_batch_takes_no_other_with_it() -> None:
    good = next(case for case in cases() if case.id == "events-good").body.decode()
    bad = next(case for case in cases() if case.id == "events-model-true").body.decode()
    world = World()
    world.process(f"[{bad}, {good}, {bad}]")

    assert len(list(world.ledger.keys())) == 1
    assert len(list(Quarantine(world.memory).items())) == 1
