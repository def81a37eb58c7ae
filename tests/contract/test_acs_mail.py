"""E-mail by Azure Communication Services, against the inbox's imitation of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.addresses import HOST, Addresses
from local.inbox import Inbox
from shared.adapters.acs_mail import AcsMailChannel
from shared.adapters.channels import configured_channels
from shared.adapters.channels.email import EmailChannel
from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.engine.notices.outbox import NoticeOutbox
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError, SettingsError
from shared.policy.reading.people import Directory
from shared.ports.channels import Channel, Message, Recipient
from shared.store.notices.outbox import OutboxStore, Stored, blob_name
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.local.running import call, running
from tests.settings import settings_for
from tests.unit.channels.messages import ANA, a_message
from tests.unit.outbox.policies import a_policy


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox(0, 0)
    with running(inbox):
        yield inbox


def channel_to(endpoint: str) -> Channel:
    return configured_channels(settings_for(VIGIA_ACS_ENDPOINT=endpoint, VIGIA_MAIL_FROM="vigia@example.com"))["email"]


@pytest.fixture
def channel(inbox: Inbox) -> Channel:
    return channel_to(f"http://{HOST}:{inbox.port}/acs/")


def received(inbox: Inbox) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = call("GET", f"http://{HOST}:{inbox.port}/_local/messages")[1]
    return messages


def faults(inbox: Inbox, **values: int) -> None:
    assert call("PUT", f"http://{HOST}:{inbox.port}/_local/acs-faults", values)[0] == 204


def an_attempt(began: datetime | None = None) -> Message:
    return replace(a_message(), first_sent_at=began or datetime.now(UTC))


def test_a_mail_arrives_whole(inbox: Inbox, channel: Channel) -> None:
    channel.send(replace(an_attempt(), title="flight-delay 3: revertida — ação"), ANA)

    [mail] = received(inbox)
    assert mail["subject"] == "flight-delay 3: revertida — ação"
    assert (mail["to"], mail["body"]["from"]) == (["ana@example.com"], "vigia@example.com")
    assert (mail["kind"], mail["key"]) == ("rolled-back", "release/flight-delay-3/4-rolled-back")
    assert "too many errors" in mail["body"]["text"]
    assert "too many errors" in mail["body"]["html"]
    assert mail["warnings"] == []


def test_the_same_attempt_is_one_mail_and_another_is_another(inbox: Inbox, channel: Channel) -> None:
    attempt = an_attempt()
    for _ in range(3):
        channel.send(attempt, ANA)
    assert len(received(inbox)) == 1

    channel.send(attempt, Recipient("ben@example.com", "Ben"))
    channel.send(replace(attempt, key="another"), ANA)
    channel.send(an_attempt(datetime.now(UTC) - timedelta(seconds=30)), ANA)
    assert len(received(inbox)) == 4


def test_over_the_quota_it_is_tried_again_as_a_new_attempt(inbox: Inbox, channel: Channel) -> None:
    faults(inbox, busy=1, retry_after_seconds=17)
    with pytest.raises(RetryableError, match=r"429: TooManyRequests.* retry after 17 s") as caught:
        channel.send(an_attempt(), ANA)
    assert caught.value.retry_after == timedelta(seconds=17)
    assert not isinstance(caught.value, AmbiguousWriteError)


def test_a_lost_answer_is_not_a_refusal(inbox: Inbox, channel: Channel) -> None:
    faults(inbox, lost=1)
    attempt = an_attempt()
    with pytest.raises(AmbiguousWriteError, match="did not answer"):
        channel.send(attempt, ANA)
    channel.send(attempt, ANA)
    assert len(received(inbox)) == 1


def test_what_the_service_has_forgotten_is_tried_again_as_a_new_attempt(inbox: Inbox, channel: Channel) -> None:
    with pytest.raises(RetryableError, match="412") as caught:
        channel.send(an_attempt(datetime.now(UTC) - timedelta(minutes=10)), ANA)
    assert not isinstance(caught.value, AmbiguousWriteError)


def test_a_refused_mail_is_not_sent_again(inbox: Inbox) -> None:
    channel = AcsMailChannel(f"http://{HOST}:{inbox.port}/acs", "", settings_credential())
    with pytest.raises(PermanentError, match="400: BadRequest, senderAddress"):
        channel.send(an_attempt(), ANA)


def test_what_is_no_address_is_never_sent(inbox: Inbox, channel: Channel) -> None:
    with pytest.raises(PermanentError, match="is not a mail address"):
        channel.send(an_attempt(), Recipient("ana@example.com\r\nBcc: eve@example.com", "Ana"))
    assert received(inbox) == []


def test_a_service_out_of_reach_is_tried_again() -> None:
    with pytest.raises(RetryableError, match="is out of reach") as caught:
        channel_to(f"http://{HOST}:{Addresses.free().inbox}/acs").send(an_attempt(), ANA)
    assert not isinstance(caught.value, AmbiguousWriteError)


def test_the_token_is_in_no_log_and_no_error(
    inbox: Inbox, channel: Channel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.core.credentials import AccessToken

    from shared.adapters.credentials import LoopbackCredential

    monkeypatch.setattr(LoopbackCredential, "get_token", lambda *_, **__: AccessToken("canary-token", 2**40))
    caplog.set_level(logging.DEBUG)
    faults(inbox, busy=1)
    with pytest.raises(RetryableError) as caught:
        channel.send(an_attempt(), ANA)
    assert "canary-token" not in caplog.text + str(caught.value) + repr(channel)


def test_with_both_configured_mails_go_by_the_service_that_recognises_repetitions() -> None:
    both = {"VIGIA_SMTP_HOST": HOST, "VIGIA_ACS_ENDPOINT": f"http://{HOST}:1/acs"}
    assert isinstance(configured_channels(settings_for(**both))["email"], AcsMailChannel)
    assert isinstance(configured_channels(settings_for(VIGIA_SMTP_HOST=HOST))["email"], EmailChannel)


@pytest.mark.parametrize(
    "endpoint", ["http://acs.example", "acs.example", "https://", "https://user:hidden@acs.example", "https://a/?x=1"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    settings = replace(settings_for(), acs_endpoint=endpoint)
    with pytest.raises(SettingsError, match="VIGIA_ACS_ENDPOINT"):
        configured_channels(settings)


def test_an_unsigned_token_never_leaves_this_machine() -> None:
    with pytest.raises(SettingsError, match=r"VIGIA_ACS_ENDPOINT must be http://127\.0\.0\.1"):
        settings_for(VIGIA_ACS_ENDPOINT="https://acs.example")


class _DyingStore(OutboxStore):
    """Dies once, when the outbox is about to note what it sent."""

    is_armed = True

    def note(self, stored: Stored, change: Any) -> Stored:
        if self.is_armed and stored.record.deliveries is not None:
            self.is_armed = False
            raise KeyboardInterrupt
        return super().note(stored, change)


def test_a_worker_killed_between_sending_and_noting_repeats_nothing(inbox: Inbox, channel: Channel) -> None:
    clock = FakeClock(datetime.now(UTC))
    blobs = MemoryBlobStore(clock.now)
    outbox = NoticeOutbox(
        store=_DyingStore(blobs),
        queue=FakeQueues(clock),
        clock=clock,
        policies=(a_policy("flight-delay", {"on": ["rolled-back"], "to": ["approvers"], "by": ["email"]}),),
        people=Directory({}),
        channels={"email": channel},
        public_url="https://vigia.example",
    )
    notice = Notice(NoticeKind.ROLLED_BACK, "k", ModelName("flight-delay"), {"version": "3"})
    outbox.post([notice])
    with pytest.raises(KeyboardInterrupt):
        outbox.deliver(blob_name(notice.key))
    assert len(received(inbox)) == 1

    clock.advance(timedelta(minutes=2))
    outbox.deliver(blob_name(notice.key))
    assert sorted(mail["to"][0] for mail in received(inbox)) == ["ana@example.com", "ben@example.com"]


def settings_credential() -> Any:
    from shared.adapters.credentials import credential_for

    return credential_for(settings_for())
