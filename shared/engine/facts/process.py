"""From a queue message to its effects: parse, decide, claim, act, record."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from shared.domain.fact import Fact, Ignored, RunEnded
from shared.domain.ids import FactKey, correlation_of
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.domain.state import Challenger, ModelState
from shared.engine.notices.access import notify_refusal
from shared.errors import EventError, PermanentError, RetryableError, VigiaError
from shared.events.registry import read_fact
from shared.events.run_ended import outcome_of
from shared.events.wire.batch import events_in
from shared.events.wire.own_workspace import Home
from shared.logs import fields, span
from shared.policy.deciding.book import PolicyBook
from shared.policy.reading.people import Directory
from shared.policy.sections.model import Policy
from shared.ports.clock import Clock
from shared.ports.labels import LabelDesk
from shared.ports.outbox import Outbox
from shared.ports.workspace import Workspace
from shared.reactions.registry import reactions
from shared.reactions.spec import Looks, ModelMemory, Performed, ReactionContext, Releases, held_back, notify_held_back
from shared.store.facts.ledger import Claimed, Contradiction, Entry, Finished, Ledger
from shared.store.facts.quarantine import Quarantine, Quarantined, quarantine_notice

log = logging.getLogger("vigia.process")

# After so many attempts a person must look. The sweep makes one a minute, so that a service that is down for hours
# costs nothing, and what is still impossible after about a day is parked.
MOST_EPOCHS = 1440
# A policy is gone once so many attempts missed it. A deployment replaces workers one after another: one of before may
# take over what one with a newer policy has begun, and cannot say that it was not done.
MOST_WITHOUT_POLICY = 15
# A message that failed too often comes again as a new one, later than that: some try of it may have claimed the fact.
NEW_FOR = timedelta(minutes=2)
# For so long after an event the job may still be shown as it was before.
SHOWN_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Processor:
    """Turns event bodies into effects, each exactly once per fact."""

    policies: tuple[Policy, ...]
    ledger: Ledger
    models: ModelMemory
    workspace: Workspace
    releases: Releases
    outbox: Outbox
    quarantine: Quarantine
    clock: Clock
    home: Home | None = None
    labels: LabelDesk | None = None
    people: Directory = field(default_factory=Directory)
    looks: Looks | None = None

    @cached_property
    def _book(self) -> PolicyBook:
        return PolicyBook(self.policies)

    def process(self, body: str, is_first_try: bool = False) -> None:
        """Handle one queue message: one event or a batch, each with an outcome of its own.

        Args:
            is_first_try: no worker has had this message before.

        Raises:
            RetryableError: some effect has to wait; the message must come back.
            PermanentError: a stored record cannot be read; the message belongs into the poison queue.
        """
        errors = [error for raw in events_in(body) if (error := self._try_one(raw, is_first_try))]
        if errors:
            raise errors[0]

    def resume(self, key: FactKey) -> None:
        """Continue an open fact: take its claim over if no worker holds it, and post the notices that were not posted.

        Raises:
            RetryableError: a reaction has to wait, or the storage does not answer.
            PermanentError: the stored entry cannot be read.
        """
        claim = self.ledger.take_over(key)
        if not isinstance(claim, Claimed | Finished):
            return
        with _fact_span(claim.entry.fact):
            if isinstance(claim, Claimed):
                self._carry_out(claim)
            else:
                self._post(claim)

    def _try_one(self, raw: str, is_first_try: bool) -> VigiaError | None:
        """Handle one event; return the error instead of raising it, so that the next event has its turn."""
        try:
            self._take(raw, is_first_try)
        except VigiaError as exc:
            log.warning("event.delayed", extra=fields(code=exc.code, reason=exc.message))
            notify_refusal(exc, self.outbox, self.clock.now())
            return exc
        return None

    def _take(self, raw: str, is_first_try: bool) -> None:
        try:
            fact = read_fact(raw, self.clock.now(), self.home)
        except EventError as exc:
            self._set_aside(exc, raw)
            return
        if isinstance(fact, Ignored):
            self._note_ignored(fact, raw)
            return
        with _fact_span(fact):
            try:
                self._handle(fact, raw, is_first_try)
            except EventError as exc:
                self._set_aside(exc, raw)

    def _handle(self, fact: Fact, raw: str, is_first_try: bool) -> None:
        plan = self._book.plan(fact, self._state, self.clock.now)
        # Only where something would be done: an event is a hint, and reading the job costs a call.
        if plan.reactions and isinstance(fact.body, RunEnded):
            shown = self._read_again(fact, fact.body)
            if shown != fact:
                fact, plan = shown, self._book.plan(shown, self._state, self.clock.now)
        digests = tuple(policy.digest for policy in plan.concerned)
        # The plan is written before anything is done: a worker that takes over runs this plan, whatever the policies
        # say by then.
        is_new = is_first_try and abs(self.clock.now() - fact.occurred_at) < NEW_FOR
        claim = self.ledger.claim(fact, plan.reactions, digests, plan.remarks, raw, is_new)
        match claim:
            case Claimed():
                self._carry_out(claim)
            case Finished(entry=entry):
                if not entry.plan:  # done by its claim
                    _log_decisions(entry)
                self._post(claim)
            case Contradiction(entry=entry):
                versions = f"{fact.matters} now, {entry.fact.matters} before"
                message = (
                    f"fact {fact.key[:16]} ({fact.kind}, {fact.subject}) is reported with different values: {versions}"
                )
                self._set_aside(EventError("event.contradiction", message), raw)

    def _read_again(self, fact: Fact, ended: RunEnded) -> Fact:
        """Return the fact as Azure ML shows it: what an event says of a training of ours is a hint.

        Raises:
            RetryableError: the job has not ended; the service may show the end a little later than its event says so.
            EventError: it has not ended long after the event, or there is no such job.
        """
        job = self.workspace.job(ended.run)
        outcome = outcome_of(job.status) if job else None
        if outcome:
            return replace(fact, body=replace(ended, outcome=outcome), matters=(outcome,))
        shown = f"shows it as {job.status}" if job else "knows no such job"
        message = f"an event says that run {ended.run} {ended.outcome}, but Azure ML {shown}"
        if timedelta(0) <= self.clock.now() - fact.occurred_at < SHOWN_WITHIN:
            raise RetryableError("run.not_ended", message)
        raise EventError("event.contradiction", message)

    def _state(self, policy: Policy) -> ModelState:
        """Return the stored state of the policy's model, with the release that is under way."""
        state, release = self.models.read(policy.model), self.releases.under_way(policy.endpoint.name)
        if release is None:
            return replace(state, release=None, challenger=None)
        challenger = Challenger(release.challenger.deployment, not release.state.is_before_serving)
        return replace(state, release=release.id, challenger=challenger)

    def _carry_out(self, claim: Claimed) -> None:
        """Perform the recorded plan and close the claim. When something has to wait, give the claim back and raise.

        Raises:
            RetryableError: a reaction has to wait.
        """
        entry = claim.entry
        _log_decisions(entry)
        try:
            performed = [self._perform(claim, number, reaction) for number, reaction in enumerate(entry.plan)]
        except RetryableError:
            self.ledger.release(claim)
            raise
        outcomes = tuple(done.outcome for done in performed)
        notices = tuple(notice for done in performed for notice in done.notices)
        has_failed = any(outcome.status == "failed" for outcome in outcomes)
        # The notices are stored in the record that closes the claim: without it a crash right after would lose them.
        close = self.ledger.park if has_failed else self.ledger.finish
        finished = close(claim, outcomes, notices)
        age = round((self.clock.now() - entry.fact.occurred_at).total_seconds(), 3)
        log.info("fact.done", extra=fields(outcomes=_brief(outcomes), failed=has_failed, seconds_since_event=age))
        if finished is not None:
            self._post(finished)

    def _perform(self, claim: Claimed, number: int, reaction: Reaction) -> Performed:
        entry = claim.entry
        if entry.attempts > MOST_EPOCHS:
            message = f"given up after {MOST_EPOCHS} attempts, each of which ended before it could say why"
            return _failed(entry, number, reaction, PermanentError("process.given_up", message))
        policy = next((p for p in self.policies if p.model == reaction.model), None)
        if policy is None and entry.attempts <= MOST_WITHOUT_POLICY:
            raise RetryableError("process.policy_missing", f"this worker has no policy for model {reaction.model}")
        if policy is None:
            return held_back(reaction, f"the policy of model {reaction.model} is gone")
        context = ReactionContext(
            entry.fact,
            policy,
            number,
            claim.at,
            self.workspace,
            self.models,
            self.releases,
            self.labels,
            self.people,
            self.looks,
        )
        spec = reactions().get(reaction.name)
        try:
            if reaction.suppressed:
                return spec.hold_back(reaction, context) if spec else notify_held_back(reaction, context)
            return reactions()[reaction.name].perform(reaction, context)
        except RetryableError as exc:
            if entry.attempts < MOST_EPOCHS:
                raise
            return _failed(entry, number, reaction, exc)
        except PermanentError as exc:
            return _failed(entry, number, reaction, exc)

    def _post(self, finished: Finished) -> None:
        if finished.entry.notices and not finished.entry.notices_posted:
            # Marked after they are posted: posted twice they are one notice; marked first, a crash would lose them.
            self.outbox.post(finished.entry.notices)
            self.ledger.mark_posted(finished)

    def _set_aside(self, exc: EventError, raw: str) -> None:
        identifier = self.quarantine.set_aside(Quarantined(exc.code, str(exc), raw, self.clock.now()))
        log.error("event.quarantined", extra=fields(quarantine=identifier, code=exc.code, reason=exc.message))
        self.outbox.post([quarantine_notice(identifier, exc.message)])

    def _note_ignored(self, ignored: Ignored, raw: str) -> None:
        log.info("event.ignored", extra=fields(event_id=ignored.event_id, type=ignored.type, reason=ignored.reason))
        if not ignored.is_known:
            note = Quarantined("event.ignored", ignored.reason, raw, self.clock.now())
            self.quarantine.note_ignored(note)


def _fact_span(fact: Fact) -> AbstractContextManager[None]:
    """Return the span of what is done about a fact; all its lines name the fact."""
    about = {"fact": fact.key[:16], "kind": fact.kind, "subject": fact.subject, "event_id": fact.event_id}
    return span("fact", correlation_of(fact.key), **about)


def _log_decisions(entry: Entry) -> None:
    """Log each decision of a plan that is about to be carried out; again when another worker takes the plan over, so
    that a crash right after the claim keeps no decision from being seen."""
    about = {"policies": ",".join(digest[:16] for digest in entry.policy_digests), "attempt": entry.attempts}
    for reaction in entry.plan:
        chosen = {"reaction": reaction.name, "model": reaction.model, "why": reaction.why}
        log.info("decision", extra=fields(**about, **chosen, suppressed=reaction.suppressed))
    if not entry.plan:
        log.info("decision", extra=fields(**about, reaction="none", why="; ".join(entry.remarks)))


def _failed(entry: Entry, number: int, reaction: Reaction, exc: VigiaError) -> Performed:
    """Return that the reaction cannot be done, and the notice that calls a person."""
    fact = entry.fact
    about = fields(reaction=reaction.name, model=reaction.model, code=exc.code, reason=exc.message)
    log.error("reaction.failed", extra=about)
    notice = Notice(
        NoticeKind.EVENT_QUARANTINED,
        key=f"parked/{fact.key[:16]}-{number}",
        model=reaction.model,
        parameters={"id": fact.key[:16], "event_type": fact.kind, "reason": f"{reaction.name}: {exc.message}"},
    )
    return Performed(ReactionResult(reaction.name, "failed", str(exc)), (notice,))


def _brief(outcomes: Sequence[ReactionResult]) -> str:
    return ", ".join(f"{outcome.reaction}={outcome.status}" for outcome in outcomes) or "nothing to do"
