"""Every parser that meets the outside, under one signature: bytes in, an outcome out, or an exception that is a bug."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal

from shared.adapters.renewal import Renewable
from shared.adapters.tables.data import WorkspaceData
from shared.adapters.tables.parquet import read_parquet
from shared.bootstrap import policy_sections
from shared.console.approval_pages import ApprovalPages
from shared.console.principal import Principal, parse_principal
from shared.domain.fact import Ignored
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.messages import WakeRelease, read_notice_message
from shared.domain.releases.release import Release
from shared.engine.releases.approvals import Approvals
from shared.errors import VigiaError
from shared.events.alerts import read_alert
from shared.events.registry import parse_fact
from shared.events.wire.batch import events_in
from shared.events.wire.envelope import read_events
from shared.policy.reading.load import load_policy
from shared.policy.reading.people import Directory, load_people
from shared.reactions.registry import reactions
from shared.store.codec import decode
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.ledger import Entry
from shared.store.monitors.monitors import MonitorState
from shared.store.notices.outbox import OutboxRecord
from shared.store.releases.approvals import ApprovalRecords
from shared.store.releases.releases import ReleaseStore
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.settings import settings_for
from tests.unit.approvals.questions import ANA, RELEASE, a_request

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
STORED: tuple[type[Any], ...] = (Entry, Release, OutboxRecord, MonitorState)


@dataclass(frozen=True, slots=True)
class ParseResult:
    """What came of an input. `message` says why, for a refusal."""

    outcome: Literal["accepted", "ignored", "refused"]
    code: str = ""
    message: str = ""


Parser = Callable[[bytes], ParseResult]
ACCEPTED = ParseResult("accepted")


def _judged(parse: Callable[[bytes], object]) -> Parser:
    """Return a parser whose refusals are our own errors; everything else that it raises stays raised."""

    def judge(body: bytes) -> ParseResult:
        try:
            result = parse(body)
        except VigiaError as exc:
            return ParseResult("refused", exc.code, str(exc))
        return result if isinstance(result, ParseResult) else ACCEPTED

    return judge


def _text(body: bytes) -> str:
    """Return what a queue trigger makes of a message."""
    return body.decode(errors="backslashreplace")


def _event(body: bytes) -> ParseResult:
    facts = [parse_fact(envelope) for raw in events_in(_text(body)) for envelope in read_events(raw)]
    ignored = [fact for fact in facts if isinstance(fact, Ignored)]
    return ParseResult("ignored", message=ignored[0].reason) if facts and len(ignored) == len(facts) else ACCEPTED


def _raw_event(body: bytes) -> object:
    return [parse_fact(envelope) for envelope in read_events(body)]


def _alert(body: bytes) -> ParseResult:
    alert = read_alert(_text(body), NOW)
    return ParseResult("ignored", message=alert.reason) if isinstance(alert, Ignored) else ACCEPTED


def _policy(body: bytes) -> object:
    return load_policy(body.decode(errors="surrogateescape"), "x.yaml", policy_sections(), tuple(reactions().values()))


def _people(body: bytes) -> object:
    return load_people(body.decode(errors="surrogateescape"), "people.yaml")


def _form(body: bytes) -> ParseResult:
    page = _pages().decide(RELEASE, body, Principal(ANA, frozenset({"Approver"})), "en")
    return ACCEPTED if page.status == 200 else ParseResult("refused", str(page.status), page.body)


@cache
def _pages() -> ApprovalPages:
    clock = FakeClock(NOW)
    blobs = MemoryBlobStore(clock.now)
    approvals = Approvals(ApprovalRecords(blobs), FakeQueues(clock), clock)
    approvals.open(a_request())
    return ApprovalPages(approvals, Directory(), blobs, clock, ReleaseStore(blobs))


def _principal(body: bytes) -> ParseResult:
    principal = parse_principal(body.decode("latin-1"))
    if principal is None:
        return ParseResult("refused", "principal", "nobody is signed in")
    return ACCEPTED if principal.may_decide else ParseResult("ignored", message="signed in, and may not decide")


def _encoded_principal(body: bytes) -> ParseResult:
    """The same with the base64 taken for granted, so that a fuzzer gets to the JSON inside."""
    return _principal(base64.b64encode(body))


class _Container:
    """A blob container whose only blob, of the hour from nine, is the input."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def list_blobs(self, name_starts_with: str) -> list[SimpleNamespace]:
        content = SimpleNamespace(content_md5=None)
        blob = SimpleNamespace(name="inputs.jsonl", size=len(self._body), etag="1", content_settings=content)
        return [blob] if name_starts_with.endswith("/09/") else []

    def download_blob(self, name: str, offset: int, length: int) -> _Download:
        return _Download(self._body[offset : offset + length])


class _Download:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def readall(self) -> bytes:
        return self._content


def _collected(body: bytes) -> object:
    workspace: Any = None
    data = WorkspaceData(settings_for(), workspace)
    data._containers = Renewable(lambda: _Container(body))
    return list(data.collected_batches(EndpointName("e"), DeploymentName("d"), NOW - timedelta(hours=1), NOW))


def _record(body: bytes) -> ParseResult:
    """Read as each kind of stored record: refused only when none of them can be read."""
    refusals = []
    for kind in STORED:
        try:
            decode(kind, body)
        except VigiaError as exc:
            refusals.append(exc)
    if len(refusals) < len(STORED):
        return ACCEPTED
    return ParseResult("refused", refusals[0].code, str(refusals[0]))


def _large_event(body: bytes) -> ParseResult:
    opened = LargeEvents(MemoryBlobStore()).open(_text(body))
    return _event(opened.encode(errors="surrogatepass"))


PARSERS: Mapping[str, Parser] = {
    "alerts": _judged(_alert),
    "collected": _judged(_collected),
    "events": _judged(_event),
    "forms": _judged(_form),
    "notice-messages": _judged(lambda body: read_notice_message(_text(body))),
    "parquet": _judged(lambda body: read_parquet(body, "x.parquet")),
    "people": _judged(_people),
    "pointers": _judged(_large_event),
    "policies": _judged(_policy),
    "principals": _judged(_principal),
    "principals-inside": _judged(_encoded_principal),
    "raw-events": _judged(_raw_event),
    "records": _judged(_record),
    "release-messages": _judged(lambda body: WakeRelease.from_body(_text(body))),
}


def warm_up() -> None:
    """Import and build what a parser needs at its first use, so that no input is charged with it."""
    for parse in PARSERS.values():
        with contextlib.suppress(VigiaError):
            parse(b"{}")
