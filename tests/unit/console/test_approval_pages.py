from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from shared.console.approval_pages import ApprovalPages
from shared.console.page import Page
from shared.console.principal import Principal
from shared.engine.releases.approvals import Approvals
from shared.policy.reading.people import Directory, Person
from shared.ports.queues import RELEASES
from shared.store.releases.approvals import ApprovalRecords
from shared.store.releases.releases import ReleaseStore
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.unit.approvals.questions import ANA, BEN, EVE, RELEASE, a_request

APPROVER = frozenset({"Approver"})


def _person(email: str) -> Principal:
    return Principal(email, APPROVER)


class Console:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.blobs = MemoryBlobStore(self.clock.now)
        self.queue = FakeQueues(self.clock)
        self.approvals = Approvals(ApprovalRecords(self.blobs), self.queue, self.clock)
        people = Directory({BEN: Person(BEN, "Ben", "pt-BR", "America/Sao_Paulo")})
        self.pages = ApprovalPages(self.approvals, people, self.blobs, self.clock, ReleaseStore(self.blobs))

    def show(self, email: str = ANA, languages: str = "") -> Page:
        return self.pages.show(RELEASE, _person(email), languages)

    def send(self, email: str = ANA, opened_by: str = "", **changes: str) -> Page:
        """Open the page as somebody, and send its form with changes."""
        form = _form(self.show(opened_by or email)) | {"choice": "approve", "reason": ""} | changes
        return self.pages.decide(RELEASE, urlencode(form).encode(), _person(email), "")


def _form(page: Page) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body))


@pytest.fixture
def console() -> Console:
    console = Console()
    console.approvals.open(a_request())
    return console


def test_the_page_shows_what_is_to_be_decided(console: Console) -> None:
    page = console.show()
    assert page.status == 200
    for expected in (
        "May version 3 of flight-delay go on?",
        "roc_auc",
        "pass: 0.74",
        ANA,
        BEN,
        "21 Nov 2026, 09:00 (UTC)",
    ):
        assert expected in page.body
    assert page.body.count("<form") == 1


def test_pages_speak_the_readers_language(console: Console) -> None:
    page = console.show(BEN, "es")
    assert '<html lang="pt-BR">' in page.body
    assert "21 de nov. de 2026, 06:00 (UTC-3)" in page.body
    assert "¿Puede continuar" in console.show(ANA, "es-MX,es;q=0.9").body


def test_a_form_decides_and_wakes_the_release(console: Console) -> None:
    page = console.send(reason="fine")
    assert (page.status, "Approved" in page.body) == (200, True)
    decision = console.approvals.decision(RELEASE, "d1")
    assert decision is not None
    assert (decision.choice, decision.by) == ("approved", (ANA,))
    assert len(console.queue.texts(RELEASES)) == 1
    assert "<form" not in console.show(BEN).body


def test_a_thousand_reads_have_no_effect(console: Console) -> None:
    console.show()  # the first page ever makes the app's secret
    calls = [call for call in console.blobs.calls if not call.startswith(("get", "list"))]
    for number in range(1000):
        email = (ANA, BEN, EVE, "carla@example.com")[number % 4]
        assert console.show(email).status == 200
        assert console.pages.overview(_person(email), "").status == 200
    assert [call for call in console.blobs.calls if not call.startswith(("get", "list"))] == calls
    assert console.queue.messages == []
    assert console.approvals.decision(RELEASE, "d1") is None


def test_reading_after_the_deadline_does_not_settle_it(console: Console) -> None:
    console.clock.advance(timedelta(days=2))
    assert "expired" in console.show().body
    assert not any("decision" in item.name for item in console.blobs.list("approvals/"))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"token": ""}, id="no_token"),
        pytest.param({"token": "1700000000.abc"}, id="made_up_token"),
        pytest.param({"digest": "d2"}, id="token_of_other_evidence"),
        pytest.param({"opened_by": BEN}, id="another_persons_token"),
    ],
)
def test_a_form_that_its_sender_did_not_open_decides_nothing(console: Console, changes: dict[str, str]) -> None:
    page = console.send(ANA, **changes)
    assert page.status == 403
    assert console.approvals.decision(RELEASE, "d1") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"choice=maybe",
        b"choice=approve&choice=reject",
        b"\xff\xfe",
        b"choice=%FF",
        b"choice=approve&" + b"x=" + b"y" * 20_000,
        b"&".join(b"a%d=1" % number for number in range(50)),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_forms_that_our_page_never_sent_are_refused(console: Console, body: bytes) -> None:
    assert console.pages.decide(RELEASE, body, _person(ANA), "").status == 400


def test_a_rejection_without_reason_shows_the_question_again(console: Console) -> None:
    page = console.send(choice="reject")
    assert page.status == 400
    assert "<form" in page.body
    assert "To reject, say why" in page.body
    assert console.send(choice="reject", reason="recall fell").status == 200


def test_who_may_not_decide_sees_the_evidence_but_no_form(console: Console) -> None:
    for email in (EVE, "carla@example.com"):
        page = console.show(email)
        assert (page.status, "<form" in page.body) == (200, False)
        assert "pass: 0.74" in page.body


def test_without_a_role_nothing_is_shown(console: Console) -> None:
    reader = Principal(ANA, frozenset({"Reader"}))
    for page in (
        console.pages.overview(reader, ""),
        console.pages.show(RELEASE, reader, ""),
        console.pages.decide(RELEASE, b"choice=approve", reader, ""),
    ):
        assert page.status == 403
        assert "flight-delay" not in page.body


@pytest.mark.parametrize("release", ["never-asked", "../secrets/csrf", "a b", "<script>", "x" * 999])
def test_an_unknown_question_is_not_found(console: Console, release: str) -> None:
    assert console.pages.show(release, _person(ANA), "").status == 404


def test_answers_that_come_too_late_say_who_or_when(console: Console) -> None:
    form = _form(console.show(BEN)) | {"choice": "approve", "reason": ""}
    console.send(ANA)
    late = console.pages.decide(RELEASE, urlencode(form).encode(), _person(BEN), "")
    assert (late.status, ANA in late.body) == (409, True)

    other = Console()
    other.approvals.open(a_request())
    form = _form(other.show()) | {"choice": "approve", "reason": ""}
    other.clock.advance(timedelta(hours=24))
    expired = other.pages.decide(RELEASE, urlencode(form).encode(), _person(ANA), "")
    assert (expired.status, "21 Nov 2026" in expired.body) == (410, True)


def test_a_question_whose_release_has_ended_says_why(console: Console) -> None:
    form = _form(console.show()) | {"choice": "approve", "reason": ""}
    console.approvals.close(RELEASE, "d1", "aborted, eve asked to abort: <b>a bug</b>")

    late = console.pages.decide(RELEASE, urlencode(form).encode(), _person(ANA), "")

    assert (late.status, "No longer open" in late.body) == (410, True)
    for page in (late, console.show()):
        assert "eve asked to abort: &lt;b&gt;a bug&lt;/b&gt;" in page.body
    assert "<form" not in console.show().body
    assert "flight-delay" not in console.pages.overview(_person(ANA), "").body


def test_new_evidence_voids_an_open_page(console: Console) -> None:
    form = _form(console.show()) | {"choice": "approve", "reason": ""}
    console.approvals.open(a_request(digest="d2", requested_at=console.clock.now() + timedelta(minutes=1)))
    page = console.pages.decide(RELEASE, urlencode(form).encode(), _person(ANA), "")
    assert (page.status, "evidence has changed" in page.body) == (409, True)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'


def test_hostile_evidence_and_reasons_stay_text() -> None:
    console = Console()
    console.approvals.open(a_request(quorum=2, submitter=HOSTILE, evidence=((HOSTILE, HOSTILE),)))
    console.send(reason=HOSTILE)
    page = console.show(BEN)
    assert "<script" not in page.body
    assert "<img" not in page.body
    assert page.body.count("{{ 7*7 }}") == 4


def test_pages_run_nothing_and_are_kept_nowhere(console: Console) -> None:
    page = console.show()
    policy = page.headers["Content-Security-Policy"]
    (nonce,) = re.findall(r"style-src 'nonce-([^']+)'", policy)
    for directive in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert f'<style nonce="{nonce}">' in page.body
    assert "style=" not in page.body
    assert "<script" not in page.body
    assert page.headers["Cache-Control"] == "no-store"
    assert console.show().headers["Content-Security-Policy"] != policy


def test_the_overview_lists_what_waits_and_says_when_nothing_does(console: Console) -> None:
    assert 'href="/api/approvals/flight-delay-3"' in console.pages.overview(_person(ANA), "").body
    console.send(ANA)
    assert "Nothing waits for a decision." in console.pages.overview(_person(ANA), "").body


ONE, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def signed_in(email: str, oid: str, *others: str) -> Principal:
    return Principal(email, APPROVER, oid=oid, addresses=frozenset({email, *others}))


def answered(console: Console, principal: Principal, choice: str = "approve") -> Page:
    form = _form(console.pages.show(RELEASE, principal, "")) | {"choice": choice, "reason": "because"}
    return console.pages.decide(RELEASE, urlencode(form).encode(), principal, "")


def test_one_person_with_two_addresses_has_one_answer() -> None:
    console = Console()
    console.approvals.open(a_request(quorum=2))

    form = _form(console.pages.show(RELEASE, signed_in(ANA, ONE), "")) | {"choice": "approve", "reason": ""}

    for email in (ANA, BEN):
        console.pages.decide(RELEASE, urlencode(form).encode(), signed_in(email, ONE), "")

    assert console.approvals.decision(RELEASE, "d1") is None
    assert "<form" not in console.pages.show(RELEASE, signed_in(BEN, ONE), "").body


def test_two_people_decide_whatever_their_addresses() -> None:
    console = Console()
    console.approvals.open(a_request(quorum=2))

    for principal in (signed_in(ANA, ONE), signed_in(BEN, OTHER)):
        assert answered(console, principal).status == 200

    assert (decision := console.approvals.decision(RELEASE, "d1")) is not None
    assert (decision.choice, decision.by) == ("approved", (ANA, BEN))


def test_an_address_that_was_given_to_somebody_else_decides_nothing() -> None:
    console = Console()
    console.pages = replace(console.pages, people=Directory({ANA: Person(ANA, "Ana", oid=ONE)}))
    console.approvals.open(a_request())

    impostor = console.pages.show(RELEASE, signed_in(ANA, OTHER), "")
    renamed = answered(console, signed_in("ana.silva@example.com", ONE))

    assert (impostor.status, "<form" in impostor.body) == (200, False)
    assert renamed.status == 200
    assert (decision := console.approvals.decision(RELEASE, "d1")) is not None
    assert decision.by == (ANA,)


def test_a_submitter_is_known_under_each_of_their_addresses() -> None:
    console = Console()
    console.approvals.open(a_request(submitter="ana.silva@example.com"))

    shown = console.pages.show(RELEASE, signed_in(ANA, ONE, "ana.silva@example.com"), "")

    assert "<form" not in shown.body
