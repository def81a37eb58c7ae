from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import ReleaseId
from shared.domain.messages import (
    LARGEST_MESSAGE,
    DeliverNotice,
    LargeEvent,
    MakeDigest,
    PostedAlert,
    WakeRelease,
    event_body,
    read_notice_message,
)
from shared.errors import PermanentError

HEX = "0123456789abcdef"
releases = st.text(min_size=1).map(ReleaseId)
times = st.datetimes(timezones=st.just(UTC))
notices = st.text(HEX, min_size=64, max_size=64).map(lambda digits: DeliverNotice(f"outbox/{digits}.json"))
bursts = st.text(HEX, min_size=32, max_size=32).map(MakeDigest)
large_events = st.text(HEX, min_size=64, max_size=64).map(lambda digits: LargeEvent(f"events/{digits}.json"))


@given(st.builds(WakeRelease, releases, st.none() | times))
def test_a_wake_up_reads_as_it_was_written(message: WakeRelease) -> None:
    assert WakeRelease.from_body(message.to_body()) == message


@given(notices | bursts)
def test_a_message_about_notices_reads_as_it_was_written(message: DeliverNotice | MakeDigest) -> None:
    assert read_notice_message(message.to_body()) == message


@given(large_events)
def test_a_pointer_reads_as_it_was_written(message: LargeEvent) -> None:
    assert LargeEvent.from_body(message.to_body()) == message


@given(st.text(), times)
def test_an_alert_reads_as_it_was_written(text: str, at: datetime) -> None:
    message = PostedAlert(text, at)
    body = message.to_body(lambda _: pytest.fail("it fits"))
    assert PostedAlert.from_body(body) == message
    assert PostedAlert.from_body(event_body(body, lambda _: pytest.fail("it fits"))) is None, "from outside it is none"


def test_bodies_on_the_wire_stay_as_they_are() -> None:
    at = datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert WakeRelease(ReleaseId("churn-7")).to_body() == '{"release": "churn-7"}'
    assert (
        WakeRelease(ReleaseId("churn-7"), at).to_body() == '{"release": "churn-7", "at": "2026-11-20T07:00:00+00:00"}'
    )
    assert DeliverNotice("outbox/0.json").to_body() == '{"notice": "outbox/0.json"}'
    alert = PostedAlert("{}", at).to_body(lambda _: pytest.fail("it fits"))
    assert alert == '{"vigia-alert": "{}", "at": "2026-11-20T07:00:00+00:00"}'
    assert MakeDigest("00").to_body() == '{"storm": "00"}'
    assert LargeEvent("events/0.json").to_body() == '{"vigia-large-event": "events/0.json"}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["release", "at", "notice", "storm"]), inner),
)


@given(st.text() | json_values.map(json.dumps))
def test_any_body_is_read_or_refused_with_a_code(body: str) -> None:
    assert _refusal(WakeRelease.from_body, body) in ("", "releases.unreadable")
    assert _refusal(read_notice_message, body) in ("", "outbox.unreadable")


def _refusal(read: Callable[[str], object], body: str) -> str:
    try:
        read(body)
    except PermanentError as exc:
        return exc.code
    return ""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"release": ""}', id="no_id"),
        pytest.param('{"release": 7}', id="id_is_a_number"),
        pytest.param('{"release": "churn-7", "at": ""}', id="no_time"),
    ],
)
def test_a_wake_up_without_a_release_or_with_half_a_time_is_refused(body: str) -> None:
    with pytest.raises(PermanentError, match="a message of queue releases cannot be read"):
        WakeRelease.from_body(body)


@given(st.text(st.characters(exclude_categories=[]), max_size=50))
def test_an_event_that_fits_is_its_own_body(event: str) -> None:
    body = event_body(event, lambda _: pytest.fail("it fits"))

    assert body == event.encode(errors="backslashreplace").decode()


def test_an_event_that_does_not_fit_is_stored_and_pointed_at() -> None:
    stored: list[str] = []

    def store(event: str) -> LargeEvent:
        stored.append(event)
        return LargeEvent("events/0.json")

    event = "ã" * (LARGEST_MESSAGE // 2 + 1)

    assert event_body(event, store) == LargeEvent("events/0.json").to_body()
    assert stored == [event]
