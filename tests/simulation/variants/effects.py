"""Effects, broken: names, order, plans, reservations, retries."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.domain.ids import ModelName
from shared.domain.reaction import Reaction, ReactionResult
from shared.domain.releases.release import Release
from shared.domain.state import Freeze, ModelState, Training
from shared.engine.facts.process import Processor
from shared.errors import AmbiguousWriteError, RetryableError
from shared.reactions import freeze_retraining, start_training
from shared.reactions.spec import Performed, ReactionContext
from shared.store.codec import encode
from shared.store.facts.ledger import Claimed
from shared.store.releases.models import ModelStates, _name
from shared.store.releases.releases import ReleaseStore
from tests.simulation.variants.spec import Patch, Variant
from tests.simulation.world import Parts


class DoneFirst(Processor):
    """The record is closed, then its plan is carried out."""

    def _carry_out(self, claim: Claimed) -> None:
        outcomes = tuple(ReactionResult(r.name, "suppressed" if r.suppressed else "done", "") for r in claim.entry.plan)
        if self.ledger.finish(claim, outcomes, ()) is not None:
            for number, reaction in enumerate(claim.entry.plan):
                self._perform(claim, number, reaction)


class DecidesAgain(Processor):
    """Whoever takes a claim over decides again instead of carrying the recorded plan out."""

    def _carry_out(self, claim: Claimed) -> None:
        entry = claim.entry
        if entry.epoch > 1:
            plan = self._book.plan(entry.fact, self._state, self.clock.now)
            claim = replace(claim, entry=replace(entry, plan=plan.reactions))
        super()._carry_out(claim)


class DropsWhatIsDelayed(Processor):
    """Passing trouble is logged, and the message is gone."""

    def process(self, body: str, is_first_try: bool = False) -> None:
        try:
            super().process(body, is_first_try)
        except RetryableError:
            return


class ParksWhatIsDelayed(Processor):
    """Passing trouble is taken for a refusal."""

    def _perform(self, claim: Claimed, number: int, reaction: Reaction) -> Performed:
        try:
            return super()._perform(claim, number, reaction)
        except RetryableError as exc:
            return Performed(ReactionResult(reaction.name, "failed", str(exc)))


class OverwritesMemory(ModelStates):
    """A model's state is read, changed and written, whoever wrote it meanwhile."""

    def update(self, model: ModelName, change: Callable[[ModelState], ModelState]) -> ModelState:
        updated = change(self.read(model))
        self._blobs.put(_name(model), encode(updated))
        return updated


class BelievesItsMemory(ModelStates):
    """No answer to a write is taken for success."""

    def update(self, model: ModelName, change: Callable[[ModelState], ModelState]) -> ModelState:
        model_states: list[ModelState] = []

        def remembered(state: ModelState) -> ModelState:
            model_states.append(change(state))
            return model_states[-1]

        try:
            return super().update(model, remembered)
        except AmbiguousWriteError:
            return model_states[-1]


class BelievesItsReleases(ReleaseStore):
    """No answer to the creation of a release is taken for success."""

    def create(self, release: Release) -> bool:
        try:
            return self._blobs.create(*self._new(release)) is not None
        except AmbiguousWriteError:
            return True

    @staticmethod
    def _new(release: Release) -> tuple[str, bytes, dict[str, str]]:
        metadata = {"state": release.state.value, "wake": release.wake_at.isoformat(), "settled": "no"}
        return f"releases/{release.id}.json", encode(release), metadata


def _reserve_without_looking(context: ReactionContext, retrain: Any, job: Any, cause: str) -> Any:
    """Note the training whatever other trainings were noted since the decision."""
    training = Training(job, context.key, cause, context.now)

    def note(state: ModelState) -> ModelState:
        if any(training.job == job for training in state.trainings):
            return state
        return replace(state, trainings=(*state.trainings, training))

    context.models.update(context.policy.model, note)
    return training, None


def _frozen_unless_frozen(state: ModelState, freeze: Freeze) -> ModelState:
    """Freeze whatever was frozen and lifted before."""
    return state if state.freeze else replace(state, freeze=freeze)


def _random_name(context: ReactionContext) -> str:
    return uuid.uuid4().hex[:16]


VARIANTS: tuple[Variant[Parts], ...] = (
    Variant(
        "random-names",
        "effects get random names",
        patches=(Patch(ReactionContext, "effect_name", property(_random_name)),),
    ),
    Variant("done-first", "done is written before the effects", Parts(processor=DoneFirst)),
    Variant("decides-again", "the plan is recomputed at takeover", Parts(processor=DecidesAgain)),
    Variant("drops-delayed", "a message is dropped on passing trouble", Parts(processor=DropsWhatIsDelayed)),
    Variant("parks-delayed", "passing trouble is parked", Parts(processor=ParksWhatIsDelayed)),
    Variant("memory-unconditional", "model state without compare-and-set", Parts(models=OverwritesMemory)),
    Variant("silence-is-success", "no answer to a training's note is success", Parts(models=BelievesItsMemory)),
    Variant("release-silence", "no answer to a release's creation is success", Parts(releases=BelievesItsReleases)),
    Variant(
        "no-reservation",
        "trainings are checked when deciding, not when acting",
        patches=(Patch(start_training, "_reserve", _reserve_without_looking),),
    ),
    Variant(
        "freezes-again",
        "a freeze does not remember its fact",
        patches=(Patch(freeze_retraining, "_frozen", _frozen_unless_frozen),),
    ),
)
