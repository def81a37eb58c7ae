"""infra/watch: rules and workbook read what Vigia really sends, and each rule fires when it should.

The rows are those that the exporter sends while the app works, as Application Insights keeps them. Only their times are
moved: what a sweep says once is what sixty sweeps an hour say.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from functions.traced import traced
from local.monitor.telemetry import Row, TelemetryReceiver, query
from shared import logs
from shared.adapters.otel.outlet import Outlet
from shared.domain.notice import Notice, NoticeKind
from shared.domain.releases.release import ReleaseRequest
from shared.errors import RetryableError
from shared.ports.queues import EVENTS
from tests.infra.files import INFRA, load_yaml
from tests.unit.engine.dead_letter_world import DeadLetterWorld
from tests.unit.engine.fact_world import LEASE, MODEL, Killed, drift, registered

RULES = {rule["name"]: rule for rule in load_yaml(INFRA / "watch" / "rules.yaml")["rules"]}
PARTS = {part["title"]: part for part in load_yaml(INFRA / "watch" / "workbook.yaml")["parts"]}
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThan": lambda value, threshold: value > threshold,
    "LessThan": lambda value, threshold: value < threshold,
}
Tables = Mapping[str, list[Row]]
Act = Callable[[DeadLetterWorld], None]


def minutes(text: str) -> timedelta:
    return timedelta(minutes=int(text.removeprefix("PT").removesuffix("M")))


def fires(name: str, tables: Tables, now: datetime = NOW) -> bool:
    """Return whether the rule fires at `now`, as Azure Monitor evaluates it."""
    rule = RULES[name]

    def is_met(at: datetime) -> bool:
        rows = query(rule["query"], tables, at - minutes(rule["window"]), at)
        values = [row[rule["measure"]] for row in rows if row[rule["measure"]] is not None]
        return bool(values) and COMPARE[rule["operator"]](max(values), rule["threshold"])

    return all(is_met(now - count * minutes(rule["every"])) for count in range(rule["failing"]))


@contextmanager
def recording() -> Iterator[Callable[[Act], Tables]]:
    """Give what makes rows of what a world does: sent by the exporter, and kept once a minute for the last hour."""
    factory = logging.getLogRecordFactory()
    logs.set_up_logging()

    def rows_of(act: Act) -> Tables:
        with TelemetryReceiver() as receiver:
            outlet = Outlet({"APPLICATIONINSIGHTS_CONNECTION_STRING": receiver.connection_string})
            outlet.attach()
            try:
                act(DeadLetterWorld())
            finally:
                outlet.flush()
                outlet.detach()
                outlet.close()
            return repeated(with_requests(receiver.tables()))

    try:
        yield rows_of
    finally:
        logging.setLogRecordFactory(factory)


@pytest.fixture
def record() -> Iterator[Callable[[Act], Tables]]:
    with recording() as rows_of:
        yield rows_of


def with_requests(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Add what the host writes itself: one request for each call of a function."""
    calls = [row for row in tables.get("AppDependencies", ()) if row["Name"] == "function"]
    return {**tables, "AppRequests": [{**row, "Name": row["Properties"]["function"]} for row in calls]}


def repeated(tables: Tables, every: timedelta = timedelta(minutes=1), until: datetime = NOW) -> Tables:
    moments = [until - timedelta(seconds=1) - count * every for count in range(int(timedelta(hours=1) / every))]
    return {name: [{**row, "TimeGenerated": at} for at in moments for row in rows] for name, rows in tables.items()}


def a_good_day(world: DeadLetterWorld) -> None:
    """Let something happen, and run the sweep's timer and a function over it."""

    def process(message: func.QueueMessage) -> None:
        world.process(message.get_body().decode())

    for body in (drift(), registered()):
        traced(process)(func.QueueMessage(body=body))
    minute(world)


def minute(world: DeadLetterWorld) -> None:
    with logs.with_facts(workspace="ws-ml"):  # as the sweep's timer does
        world.sweep.run()
    world.arrivals.look()


def leave_open(world: DeadLetterWorld) -> None:
    """Have a worker die over an event, and Azure ML refuse the job to everybody after it, for two hours."""
    world.fuse.burns_on, world.fuse.is_late = "put open/ledger/", True
    with pytest.raises(Killed):
        world.process(drift("7@1"))
    world.clock.advance(LEASE + timedelta(hours=2))
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")] * 5
    minute(world)


def forget_a_release(world: DeadLetterWorld) -> None:
    world.process(registered())
    world.queues.messages.clear()
    world.clock.advance(timedelta(minutes=30))
    minute(world)


def take_nothing(world: DeadLetterWorld) -> None:
    world.queues.send(EVENTS, drift())
    world.clock.advance(timedelta(minutes=20))
    minute(world)


def poison(world: DeadLetterWorld) -> None:
    world.poison(drift())
    world.clock.advance(timedelta(minutes=1))
    minute(world)


def give_up(world: DeadLetterWorld) -> None:
    world.give_up(registered("7"), name="a")
    world.clock.advance(timedelta(minutes=1))
    minute(world)


def err(world: DeadLetterWorld) -> None:
    def process(message: func.QueueMessage) -> None:
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        traced(process)(func.QueueMessage(body=b"{}"))


def reach_nobody(world: DeadLetterWorld) -> None:
    notice = Notice(NoticeKind.TRAINING_FAILED, "k", MODEL, {"job": "j", "reason": "r"})
    world.app.outbox.post([notice])
    for name in world.app.outbox.undelivered():
        world.app.outbox.deliver(name)


BAD: dict[str, Act] = {
    "old-claim": leave_open,
    "overdue-release": forget_a_release,
    "waiting-queue": take_nothing,
    "poison": poison,
    "dead-letters": give_up,
    "failed-functions": err,
    "unexpected-errors": err,
    "failed-notices": reach_nobody,
}


def test_no_rule_fires_while_all_is_well(record: Callable[[Act], Tables]) -> None:
    tables = record(a_good_day)

    assert {row["Message"] for row in tables["AppTraces"]} >= {"decision", "fact.done", "heartbeat", "queue.state"}
    assert [name for name in RULES if fires(name, tables)] == []


@pytest.mark.parametrize("name", BAD)
def test_a_rule_fires_on_what_vigia_logs_then(name: str, record: Callable[[Act], Tables]) -> None:
    assert fires(name, record(BAD[name]))


def test_a_silent_vigia_is_noticed_after_ten_minutes(record: Callable[[Act], Tables]) -> None:
    tables = record(a_good_day)

    assert not fires("no-heartbeat", tables, NOW + timedelta(minutes=9))
    assert fires("no-heartbeat", tables, NOW + timedelta(minutes=10))


def test_a_sweep_that_comes_every_third_minute_is_late(record: Callable[[Act], Tables]) -> None:
    once_a_minute = record(a_good_day)
    once = {name: rows[: len(rows) // 60] for name, rows in once_a_minute.items()}

    assert fires("late-sweep", repeated(once, timedelta(minutes=3)))


def test_every_rule_has_a_case() -> None:
    assert {*BAD, "no-heartbeat", "late-sweep"} == set(RULES)


def a_day_with_everything(world: DeadLetterWorld) -> None:
    a_good_day(world)
    world.process(drift("7@2"))  # held back: one training is under way
    reach_nobody(world)
    err(world)
    (release,) = world.releases.open_ids()
    world.releases.ask(release, ReleaseRequest("abort", "ana@example.com", "no", world.clock.now()))
    world.app.reconciler.reconcile(release)
    give_up(world)


@pytest.fixture(scope="module")
def everything() -> Tables:
    """Return the rows of a day on which everything is logged that a query reads."""
    with recording() as rows_of:
        return rows_of(a_day_with_everything)


@pytest.mark.parametrize("title", PARTS)
def test_a_part_of_the_workbook_shows_what_happened(title: str, everything: Tables) -> None:
    decision = next(row for row in everything["AppTraces"] if row["Message"] == "decision")
    text = PARTS[title]["query"].replace("{correlation_id}", decision["OperationId"])

    assert query(text, everything, NOW - timedelta(days=1), NOW)


def unlogged(queries: Iterable[str], tables: Tables) -> set[str]:
    """Return the facts that queries read and nothing logs: to Azure Monitor, such a one is empty for ever."""
    read = {name for text in queries for name in re.findall(r"Properties[.](\w+)", text)}
    return read - {name for rows in tables.values() for row in rows for name in row["Properties"]}


def test_every_fact_that_a_query_reads_is_logged(everything: Tables) -> None:
    assert unlogged((item["query"] for item in (*RULES.values(), *PARTS.values())), everything) == set()
    misspelt = RULES["poison"]["query"].replace("poison)", "poisoned)")
    assert unlogged([misspelt], everything) == {"poisoned"}


def test_a_decision_is_found_with_its_dimensions(record: Callable[[Act], Tables]) -> None:
    text = PARTS["What was decided?"]["query"]

    rows: list[dict[str, Any]] = query(text, record(a_good_day), NOW - timedelta(minutes=1), NOW)

    decided = {row["reaction"]: row for row in rows}
    assert {"start-training", "open-release"} <= set(decided)
    assert decided["open-release"].items() >= {"kind": "model-registered", "model": "churn", "suppressed": ""}.items()
    assert len(decided["open-release"]["correlation_id"]) == 32
