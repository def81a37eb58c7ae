"""Whether another training has something new to learn, by what was read right before it would start. Pure."""

from __future__ import annotations

from shared.domain.training import BeforeTraining, Newcomer, Recipe
from shared.policy.deciding.guardrails import MEASURED_CAUSES

# A training of these causes learns from the data that the workspace has now. Not among them: the arrival of new data,
# and a person's request.
CAUSES_THAT_BRING_NOTHING = MEASURED_CAUSES | {"schedule"}


def unconfirmed_guardrail(before_training: BeforeTraining) -> str | None:
    """Return that a measurement was only told: what it is about is not there, or nobody took it."""
    return (
        f"not confirmed: {before_training.doubt}; nothing is trained on what was only told"
        if before_training.doubt
        else None
    )


def undecided_guardrail(before_training: BeforeTraining, cause: str) -> str | None:
    """Return that a training already runs, or that its version's release is not decided yet."""
    if cause not in MEASURED_CAUSES:
        return None
    if before_training.running:
        return f"training under way: {before_training.running} has not ended"
    if before_training.newcomer is None:
        return None
    return (
        f"release under way: {_stands(before_training.newcomer)}; if it is promoted, the next window shows its effect"
    )


def nothing_new_guardrail(before_training: BeforeTraining, cause: str) -> str | None:
    """Return that the training would repeat one that was done: of the version that serves, or the last one."""
    recipe = before_training.recipe
    if cause not in CAUSES_THAT_BRING_NOTHING or recipe is None or not recipe.fixes_its_data:
        return None
    same = next((made for made in before_training.made if made.recipe == recipe), None)
    if same is None:
        return None
    which = f"{same.job}, which made version {same.serving} that serves," if same.serving else f"{same.job}"
    return (
        f"nothing new to learn: {which} ran {_words(recipe)}, and so would this training; register a new version of "
        "the data or the component, change the inputs, or ask: vigia events trigger retraining-requested"
    )


def _stands(newcomer: Newcomer) -> str:
    if newcomer.release:
        return f"{newcomer.release} is being decided"
    if newcomer.version:
        return f"version {newcomer.version} is registered, and its release is about to be opened"
    return f"{newcomer.job} has completed, and its version is about to be registered"


def _words(recipe: Recipe) -> str:
    return f"{recipe.component} with {', '.join(f'{name} {value}' for name, value in sorted(recipe.inputs.items()))}"
