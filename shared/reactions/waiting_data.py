"""New data that no training has read whole: held back by a guardrail, or a folder that is still being written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain.fact import DataArrived, Fact, RetrainingRequested
from shared.domain.state import ModelState, WaitingData
from shared.reactions.spec import ReactionContext

# Who asks for the training when the data need wait no longer: no person.
REQUESTED_BY = "new-data"
# A folder that no file came to for so long is complete, as far as anybody can tell.
SETTLES_AFTER = timedelta(minutes=10)
LATER = "; the data waits, and is trained on once that is over"
_INCOMPLETE = f"waiting for the rest: a training starts once no file came for {SETTLES_AFTER.seconds // 60} min"


def incomplete(fact: Fact) -> str | None:
    """Return that more may come: a folder is written file by file, and nothing tells which is the last."""
    return _INCOMPLETE if isinstance(fact.body, DataArrived) and not fact.body.data else None


def is_incomplete(reason: str | None) -> bool:
    """Return whether that is all that holds a training back: nothing that people need hear of."""
    return reason == _INCOMPLETE


def with_waiting(state: ModelState, context: ReactionContext) -> ModelState:
    """Return the state with the fact's data waiting, if it is about data; the newest arrival says when it is complete.

    A worker that a later training has overtaken has nothing to add.
    """
    data = context.fact.body
    if not isinstance(data, DataArrived) or any(training.started_at > context.now for training in state.trainings):
        return state
    ready_at = context.now if data.data else context.now + SETTLES_AFTER
    waiting = state.waiting or WaitingData(context.now, ready_at, "")
    what = f"{data.data}:{data.version}" if data.data and data.version else data.data or data.location
    return replace(state, waiting=WaitingData(waiting.since, max(waiting.ready_at, ready_at), what))


def still_waiting(state: ModelState, context: ReactionContext) -> WaitingData | None:
    """Return what a training that starts now, whatever its cause, does not read whole."""
    return state.waiting if state.waiting and state.waiting.ready_at > context.now else None


def trained_meanwhile(state: ModelState, fact: Fact) -> str | None:
    """Return that another training has read the data that this one was asked for."""
    is_our_request = isinstance(fact.body, RetrainingRequested) and fact.body.requested_by == REQUESTED_BY
    return "the data that waited was trained on meanwhile" if is_our_request and state.waiting is None else None
