"""From a queue message to its effects: parse, decide, claim, act, record."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.fact import Fact, Ignored
from shared.domain.ids import FactKey, ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Outcome, Reaction
from shared.errors import EventError, PermanentError, RetryableError
from shared.events.envelope import Envelope, read_events
from shared.events.registry import parse_fact
from shared.logs import fields
from shared.policy.concern import concerns, unconcerned
from shared.policy.decide import decide
from shared.policy.model import Policy
from shared.ports.clock import Clock
from shared.ports.outbox import Outbox
from shared.ports.workspace import Workspace
from shared.reactions.registry import reactions
from shared.reactions.spec import ModelMemory, Performed, Releases, Work, held_back, suppression_notice
from shared.store.ledger import Claimed, Contradiction, Entry, Finished, Ledger
from shared.store.quarantine import Quarantine, Quarantined

log = logging.getLogger("vigia.process")

# After so many takeovers the plan is not unlucky, it is impossible: a person must look.
MOST_EPOCHS = 25


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

    def process(self, body: str) -> None:
        """Handle one queue message: one event or a batch, each with an outcome of its own.

        Raises:
            RetryableError: some effect has to wait; the message must come back.
        """
        try:
            envelopes = read_events(body)
        except EventError as exc:
            self._set_aside(exc, body)
            return
        delayed = [error for envelope in envelopes if (error := self._try_one(envelope, body))]
        if delayed:
            raise delayed[0]

    def resume(self, key: FactKey) -> None:
        """Carry an open fact on: take its claim over if nobody works on it, and post what was not posted."""
        claim = self.ledger.take_over(key)
        if isinstance(claim, Claimed):
            self._carry_out(claim)
        elif isinstance(claim, Finished):
            self._post(claim)

    def _try_one(self, envelope: Envelope, body: str) -> RetryableError | None:
        try:
            told = parse_fact(envelope)
        except EventError as exc:
            self._set_aside(exc, body)
            return None
        if isinstance(told, Ignored):
            self._note_ignored(told, body)
            return None
        try:
            self._handle(told, body)
        except RetryableError as exc:
            log.warning("fact.delayed", extra=fields(fact=told.key[:16], kind=told.kind, reason=exc.message))
            return exc
        return None

    def _handle(self, fact: Fact, body: str) -> None:
        concerned = [policy for policy in self.policies if concerns(fact, policy)]
        plan = tuple(reaction for policy in concerned for reaction in self._decide(fact, policy))
        remarks = () if concerned else (unconcerned(fact),)
        claim = self.ledger.claim(fact, plan, tuple(policy.digest for policy in concerned), remarks)
        match claim:
            case Claimed():
                self._carry_out(claim)
            case Finished():
                self._post(claim)
            case Contradiction(entry=entry):
                told = f"{fact.matters} now, {entry.fact.matters} before"
                message = f"fact {fact.key[:16]} ({fact.kind}, {fact.subject}) is told in two ways: {told}"
                self._set_aside(EventError("event.contradiction", message), body)

    def _decide(self, fact: Fact, policy: Policy) -> Sequence[Reaction]:
        release = self.releases.active_on(policy.endpoint.name)
        state = replace(self.models.read(policy.model), release=release)
        return decide(fact, policy, state, self.clock.now())

    def _carry_out(self, claim: Claimed) -> None:
        """Perform the recorded plan and close the claim; on passing trouble give the claim back."""
        entry = claim.entry
        try:
            performed = [self._perform(entry, number, reaction) for number, reaction in enumerate(entry.plan)]
        except RetryableError as exc:
            if entry.epoch < MOST_EPOCHS:
                self.ledger.release(claim)
                raise
            performed = [_failed(reaction, exc) for reaction in entry.plan]
        outcomes = tuple(each.outcome for each in performed)
        notices = tuple(notice for each in performed for notice in each.notices)
        has_failed = any(outcome.status == "failed" for outcome in outcomes)
        close = self.ledger.park if has_failed else self.ledger.finish
        finished = close(claim, outcomes, notices)
        log.info("fact.done", extra=fields(fact=entry.fact.key[:16], kind=entry.fact.kind, outcomes=_brief(outcomes)))
        if finished is not None:
            self._post(finished)

    def _perform(self, entry: Entry, number: int, reaction: Reaction) -> Performed:
        policy = next((p for p in self.policies if p.model == reaction.model), None)
        if policy is None:
            return held_back(reaction, f"the policy of model {reaction.model} is gone")
        work = Work(entry.fact, policy, number, self.clock.now(), self.workspace, self.models, self.releases)
        if reaction.suppressed:
            reason = reaction.suppressed
            return held_back(reaction, reason, suppression_notice(reaction, reason, work))
        try:
            return reactions()[reaction.name].perform(reaction, work)
        except PermanentError as exc:
            log.error("reaction.failed", extra=fields(reaction=reaction.name, reason=exc.message))
            return _failed(reaction, exc)

    def _post(self, finished: Finished) -> None:
        if finished.entry.notices and not finished.entry.notices_posted:
            self.outbox.post(finished.entry.notices)
            self.ledger.mark_posted(finished)

    def _set_aside(self, exc: EventError, body: str) -> None:
        identifier = self.quarantine.set_aside(Quarantined(exc.code, str(exc), body, self.clock.now()))
        log.error("event.quarantined", extra=fields(quarantine=identifier, code=exc.code, reason=exc.message))
        notice = Notice(
            NoticeKind.EVENT_QUARANTINED,
            key=f"quarantine/{identifier}",
            model=ModelName(""),
            parameters={"id": identifier, "reason": exc.message},
        )
        self.outbox.post([notice])

    def _note_ignored(self, ignored: Ignored, body: str) -> None:
        log.info("event.ignored", extra=fields(event_id=ignored.event_id, type=ignored.type, reason=ignored.reason))
        if not ignored.is_known:
            note = Quarantined("event.unknown_type", ignored.reason, body, self.clock.now())
            self.quarantine.note_ignored(note)


def _failed(reaction: Reaction, exc: PermanentError | RetryableError) -> Performed:
    return Performed(Outcome(reaction.name, "failed", str(exc)))


def _brief(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(f"{outcome.reaction}={outcome.status}" for outcome in outcomes) or "nothing to do"
