"""Looks: of each subject one at a time, whatever dies on the way and however often a message is delivered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.messages import LookAt
from shared.engine.monitors.rows.budget import LABELS_BEGIN_WITHIN, LONGEST_LOOK
from shared.errors import PermanentError
from shared.ports.blobs import Written
from shared.ports.queues import LOOKS
from shared.store.monitors.look_claims import LEASE, LookClaim, LookClaims
from tests.fakes.app import MemoryApp, take_looks
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.unit.engine.fact_world import MODEL, SETTINGS, Killed
from tests.unit.engine.monitors.test_run_due import HOUR, World
from tests.unit.engine.signal_world import PERFORMANCE, SignalWorld


class Interrupted(MemoryBlobStore):
    """A store before whose writes something else happens; `dies_at` is the call that ends the worker."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.before_write: Callable[[], None] = lambda: None
        self.dies_at = -1

    def _write(self, name: str, body: bytes, metadata: Mapping[str, str] | None) -> Written:
        if len(self.calls) == self.dies_at:
            raise Killed
        return super()._write(name, body, metadata)

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        self._interrupt()
        return super().create(name, body, metadata)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        self._interrupt()
        return super().replace(name, body, etag, metadata)

    def _interrupt(self) -> None:
        happens, self.before_write = self.before_write, lambda: None
        happens()


class Unconditional(LookClaims):
    """Broken: writes whatever was there before."""

    def __init__(self, blobs: Any) -> None:
        class Puts:
            get = staticmethod(blobs.get)

            @staticmethod
            def create(name: str, body: bytes) -> Written:
                return blobs.replace(name, body, "") or blobs.put(name, body)  # type: ignore[no-any-return]

            @staticmethod
            def replace(name: str, body: bytes, etag: str) -> Written:
                return blobs.replace(name, body, etag) or blobs.put(name, body)  # type: ignore[no-any-return]

        super().__init__(Puts())  # type: ignore[arg-type]


class NeverExpires(LookClaims):
    """Broken: a worker that died keeps its claim."""

    def take(self, subject: str, now: datetime, *_: Any) -> LookClaim | None:
        return super().take(subject, now, lease=timedelta(days=999))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 2)),
        st.tuples(st.just("give back"), st.integers(0, 2)),
        st.tuples(st.just("die"), st.integers(0, 2)),
        st.tuples(st.just("race"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    max_size=30,
)


def play(make: Callable[[Any], LookClaims], steps: list[tuple[str, int]]) -> None:
    """Have three workers take looks at one subject.

    Raises:
        AssertionError: two looked at once, or a subject that nobody looks at cannot be looked at.
    """
    clock = FakeClock()
    blobs = Interrupted(clock.now)
    claims = make(blobs)
    holding: dict[int, tuple[LookClaim, datetime]] = {}
    dead_since: datetime | None = None

    def take(worker: int) -> None:
        nonlocal dead_since
        claim = claims.take("monitor/churn", clock.now())
        alive = [other for other, (_, since) in holding.items() if clock.now() - since < LEASE]
        if claim is None:
            is_dead_recently = dead_since is not None and clock.now() - dead_since < LEASE
            assert alive or is_dead_recently, "nobody looks, and nobody may"
            return
        assert not alive, f"{worker} looks beside {alive}"
        holding[worker], dead_since = (claim, clock.now()), None

    for what, value in steps:
        if what == "wait":
            clock.advance(timedelta(minutes=value))
        elif what == "give back" and value in holding:
            claims.give_back(holding.pop(value)[0])
        elif what == "die" and value in holding:
            dead_since = max(holding.pop(value)[1], dead_since or clock.now() - LEASE)
        elif what == "take" and value not in holding:
            take(value)
        elif what == "race" and value not in holding and (value + 1) % 3 not in holding:
            blobs.before_write = lambda rival=(value + 1) % 3: take(rival)  # type: ignore[misc]
            take(value)
            blobs.before_write = lambda: None
    clock.advance(LEASE)
    assert claims.take("monitor/churn", clock.now()) is not None, "whoever died, the subject is looked at again"


@given(STEPS)
def test_one_worker_looks_at_a_time_whoever_dies(steps: list[tuple[str, int]]) -> None:
    play(LookClaims, steps)


@pytest.mark.parametrize(
    ("broken", "steps"),
    [
        pytest.param(Unconditional, [("race", 0)], id="writes_without_etag"),
        pytest.param(NeverExpires, [("take", 0), ("die", 0)], id="lease_never_ends"),
    ],
)
def test_the_game_catches_broken_claims(broken: Callable[[Any], LookClaims], steps: list[tuple[str, int]]) -> None:
    with pytest.raises(AssertionError):
        play(broken, steps)


def test_a_look_that_was_taken_since_it_was_asked_for_is_dropped() -> None:
    clock = FakeClock()
    claims = LookClaims(MemoryBlobStore(clock.now))
    asked_at = clock.now()
    clock.advance(timedelta(minutes=1))
    with claims.held("endpoints", clock.now(), asked_at) as first:
        assert first is not None
    with claims.held("endpoints", clock.now(), asked_at) as second:
        assert second is None
    with claims.held("endpoints", clock.now(), clock.now() + timedelta(seconds=1)) as third:
        assert third is not None
        assert not third.was_cut_off


def dying_world() -> tuple[World, Interrupted]:
    """Return a world that has looked once, in which a drift is to be found, and whose worker may die at any write."""
    world = World()
    world.blobs = blobs = Interrupted(world.clock.now)
    world.traffic(1000)
    world.look()
    world.traffic(1000, shift=15)
    return world, blobs


def writes_of_a_look() -> list[int]:
    world, blobs = dying_world()
    first = len(blobs.calls)
    world.look()
    calls = enumerate(blobs.calls, 1)
    return [number for number, call in calls if number > first and call.startswith(("create", "replace", "put"))]


@pytest.mark.parametrize("call", writes_of_a_look())
def test_a_worker_that_dies_at_any_write_is_taken_over_and_tells_the_drift_once(call: int) -> None:
    world, blobs = dying_world()
    blobs.dies_at = call
    with pytest.raises(Killed):
        world.look()
    blobs.dies_at = -1

    world.look(wait=LEASE)

    assert len({event.id for event in world.topic.events}) == 1
    quiet, drifted, *empty = world.runs
    assert (quiet.verdict, drifted.verdict, drifted.rows) == ("no-drift", "drift", 1000)
    assert drifted.start == quiet.end
    assert (empty[0].start if empty else world.state.window_start) == drifted.end


def app_of(world: World, queue: FakeQueues) -> MemoryApp:
    parts = {"blobs": world.blobs, "workspace": world.workspace, "workspace_files": world.files, "data": world.data}
    return MemoryApp(
        SETTINGS, world.clock, world.policies, queue=queue, publisher=world.topic, outbox=world.outbox, **parts
    )


def test_two_deliveries_at_once_are_one_look() -> None:
    world = World()
    world.traffic(1000, shift=15)
    world.clock.advance(HOUR)
    queue = FakeQueues(world.clock)
    read = world.data.collected_inputs
    second = LookAt("monitor", world.clock.now(), MODEL)

    def deliver_again(*window: Any) -> Any:
        app_of(world, queue).looks.take(second)
        return read(*window)

    world.data.collected_inputs = deliver_again  # type: ignore[method-assign,assignment]
    app_of(world, queue).looks.take(second)
    assert len(world.data.windows) == 1
    assert len(world.topic.events) == 1


def test_a_message_for_a_look_that_was_taken_meanwhile_reads_no_rows() -> None:
    world = World()
    world.traffic(1000)
    world.clock.advance(HOUR)
    queue = FakeQueues(world.clock)
    for _ in range(3):
        app_of(world, queue).monitors.ask_for_due()
    assert len(queue.texts(LOOKS)) == 3
    take_looks(app_of(world, queue))
    assert len(world.data.windows) == 1


def test_a_look_that_takes_too_long_ends_itself_and_says_what_to_do() -> None:
    world = World()
    world.traffic(1000)
    read = world.data.collected_inputs

    def slowly(*window: Any) -> Any:
        frame = read(*window)
        world.clock.advance(LONGEST_LOOK + timedelta(seconds=1))
        return frame

    world.data.collected_inputs = slowly  # type: ignore[method-assign,assignment]
    world.look()
    assert world.verdicts == ["error"]
    assert "took longer than the 8 min of a look (shorten monitor.every" in world.runs[0].sentence


def test_labels_that_a_look_has_no_time_for_get_a_look_of_their_own() -> None:
    world = SignalWorld("data_drift: {ignore: [id, vector]}", PERFORMANCE)
    world.serve_people(3000)
    world.labels_arrive(1)
    profiled = world.data.batches

    def slowly(uri: str) -> Any:
        world.clock.advance(LABELS_BEGIN_WITHIN)
        return profiled(uri)

    world.data.batches = slowly  # type: ignore[method-assign]
    world.look()
    drift, performance = world.runs
    assert (drift.signal, performance.signal) == ("data-drift", "performance")
    assert drift.report != performance.report
    assert world.state.window_start == drift.end


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '{"look": "monitor", "asked_at": "2026-11-20T09:00:00+00:00"}',
        '{"look": "endpoints", "asked_at": "2026-11-20T09:00:00"}',
        '{"look": "elsewhere", "asked_at": "2026-11-20T09:00:00+00:00"}',
        '{"look": "labels", "asked_at": "soon", "model": "churn"}',
    ],
)
def test_a_body_that_is_no_look_is_refused(body: str) -> None:
    with pytest.raises(PermanentError, match="a message of queue looks cannot be read"):
        LookAt.from_body(body)


@given(
    st.sampled_from(["monitor", "labels"]),
    st.text(min_size=1),
    st.datetimes(timezones=st.just(FakeClock().now().tzinfo)),
)
def test_a_look_reads_back_as_it_was_written(kind: Any, model: str, asked_at: datetime) -> None:
    message = LookAt(kind, asked_at, model)
    assert LookAt.from_body(message.to_body()) == message
