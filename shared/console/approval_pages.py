"""The pages on which people decide. GET never acts; only a form that its reader submits does."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import parse_qsl, quote

from shared.console import csrf
from shared.console.page import Page, message_page, page_headers, render_page, within
from shared.console.principal import Principal
from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Vote
from shared.engine.releases.approvals import Approvals, Choice, Question, VoteResult, bar_to_vote
from shared.errors import PermanentError, RetryableError
from shared.policy.reading.people import Directory
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.store.releases.releases import ReleaseStore
from shared.texts.catalogue import section, text
from shared.texts.languages import preferred
from shared.texts.values import ValueWriter
from shared.texts.version_card.page import render_card

LARGEST_FORM = 16 * 1024


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who is signed in, their language, and the address as which they decide; "" when it belongs to another."""

    principal: Principal
    writer: ValueWriter
    decides_as: str

    @property
    def email(self) -> str:
        return self.principal.email

    @property
    def locale(self) -> str:
        return self.writer.locale

    def gave(self, vote: Vote) -> bool:
        return vote.person == self.decides_as or (bool(vote.oid) and vote.oid == self.principal.oid)


@dataclass(frozen=True, slots=True)
class _Form:
    choice: Choice
    reason: str
    digest: str
    token: str


@dataclass(frozen=True, slots=True)
class ApprovalPages:
    """Each method answers one request of a signed-in principal, whatever its role.

    Args:
        workspace: whose questions these are, by its name in workspaces.yaml; "" for the app's own.
        elsewhere: those of the other workspaces, by name, for the overview.
    """

    approvals: Approvals
    people: Directory
    blobs: BlobStore
    clock: Clock
    releases: ReleaseStore
    workspace: str = ""
    elsewhere: Mapping[str, Approvals] = field(default_factory=dict)

    def overview(self, principal: Principal, accept_language: str) -> Page:
        """List the open questions of all workspaces, the most urgent first."""

        def page(visitor: Visitor) -> Page:
            places = {self.workspace: self.approvals, **self.elsewhere}
            open_questions = [(question, name) for name, them in places.items() for question in them.open_questions()]
            return render_page(
                "approvals.html.j2",
                200,
                visitor.locale,
                email=visitor.email,
                questions=sorted(open_questions, key=lambda placed: placed[0].request.expires_at),
                within=within,
                steps=section(visitor.locale, "step"),
                moment=visitor.writer.moment,
            )

        return self._answered(principal, accept_language, page)

    def show(self, release: str, principal: Principal, accept_language: str) -> Page:
        """Show one question with its evidence, and the form to those who may decide."""

        def page(visitor: Visitor) -> Page:
            question = self.approvals.question(ReleaseId(release))
            return self._unknown(visitor) if question is None else self._question_page(question, visitor)

        return self._answered(principal, accept_language, page)

    def card(self, release: str, principal: Principal, accept_language: str) -> Page:
        """Show the card of a release's version."""

        def page(visitor: Visitor) -> Page:
            if (card := self.releases.card(ReleaseId(release))) is None:
                return self._unknown(visitor)
            nonce, back = secrets.token_urlsafe(16), within(f"/api/approvals/{quote(release, safe='')}", self.workspace)
            return Page(200, render_card(card, nonce=nonce, back=back), page_headers(nonce))

        return self._answered(principal, accept_language, page)

    def decide(self, release: str, body: bytes, principal: Principal, accept_language: str) -> Page:
        """Record the vote of a submitted form, and return its outcome."""

        def page(visitor: Visitor) -> Page:
            if (form := _parse(body)) is None:
                return message_page(400, visitor.locale, "bad_form", email=visitor.email)
            return self._decide(ReleaseId(release), form, visitor)

        return self._answered(principal, accept_language, page)

    def _answered(self, principal: Principal, accept_language: str, page: Callable[[Visitor], Page]) -> Page:
        visitor = self._visitor(principal, accept_language)
        if not principal.may_decide:
            return message_page(403, visitor.locale, "no_role", email=visitor.email)
        try:
            return page(visitor)
        except PermanentError:
            return self._unknown(visitor)
        except RetryableError:
            return message_page(503, visitor.locale, "unavailable", email=visitor.email)

    def _decide(self, release: ReleaseId, form: _Form, visitor: Visitor) -> Page:
        secret = csrf.stored_secret(self.blobs)
        # Before anything is read or voted: the token binds the form to its reader and to the evidence that they saw.
        if not csrf.is_valid(form.token, secret, visitor.principal.key, release, form.digest, self.clock.now()):
            return message_page(403, visitor.locale, "bad_token", email=visitor.email)
        outcome = self.approvals.vote(
            release,
            form.digest,
            visitor.decides_as,
            form.choice,
            form.reason,
            oid=visitor.principal.oid,
            addresses=visitor.principal.addresses,
        )
        question = self.approvals.question(release)
        if question is None:
            return self._unknown(visitor)
        if outcome.code == "reason_missing":
            return self._question_page(question, visitor, status=outcome.status, problem=outcome.code)
        return _outcome_page(outcome, question.request, visitor)

    def _question_page(self, question: Question, visitor: Visitor, status: int = 200, problem: str = "") -> Page:
        request = question.request
        secret = csrf.stored_secret(self.blobs)
        return render_page(
            "approval.html.j2",
            status,
            visitor.locale,
            email=visitor.email,
            question=question,
            within=partial(within, workspace=self.workspace),
            evidence=_evidence(request, visitor.locale),
            step=section(visitor.locale, "step").get(request.step, request.step),
            problem=problem,
            barred=bar_to_vote(request, visitor.decides_as, visitor.principal.addresses),
            has_answered=any(visitor.gave(vote) for vote in question.votes),
            token=csrf.issue(secret, visitor.principal.key, request.release, request.digest, self.clock.now()),
            moment=visitor.writer.moment,
        )

    def _visitor(self, principal: Principal, accept_language: str) -> Visitor:
        decides_as = self.people.decides_as(principal.oid, principal.email)
        person = self.people.people.get(decides_as)
        if person is None:
            return Visitor(principal, ValueWriter(preferred(accept_language), "UTC"), decides_as)
        return Visitor(principal, ValueWriter(person.locale, person.time_zone), decides_as)

    def _unknown(self, visitor: Visitor) -> Page:
        return message_page(404, visitor.locale, "unknown", email=visitor.email)


def _evidence(request: ApprovalRequest, locale: str) -> list[tuple[str, str]]:
    """Return the evidence as label and value, with our own terms in the reader's language."""
    labels, causes = section(locale, "label"), section(locale, "cause")
    return [
        (labels.get(name, name), causes.get(value, value) if name == "cause" else value)
        for name, value in request.evidence
    ]


def _outcome_page(outcome: VoteResult, request: ApprovalRequest, visitor: Visitor) -> Page:
    decided = outcome.decision.choice if outcome.decision else ""
    return message_page(
        outcome.status,
        visitor.locale,
        outcome.code,
        email=visitor.email,
        model=request.model,
        version=request.version,
        by=", ".join(outcome.by),
        outcome=text(visitor.locale, "outcome", decided) if decided else "",
        reason=outcome.decision.reason if outcome.decision else "",
        missing=visitor.writer.number(str(outcome.missing)),
        expires=visitor.writer.moment(request.expires_at),
    )


def _parse(body: bytes) -> _Form | None:
    """Return the form, None for anything that our page did not send."""
    if len(body) > LARGEST_FORM:
        return None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=8)
    except ValueError:
        return None
    values = dict(pairs)
    choice = values.get("choice")
    if len(values) != len(pairs) or choice not in ("approve", "reject"):
        return None
    return _Form(
        "approve" if choice == "approve" else "reject",
        values.get("reason", ""),
        values.get("digest", ""),
        values.get("token", ""),
    )
