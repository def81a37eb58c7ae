"""`vigia freeze` and `vigia unfreeze`: stop a model's retraining by hand, and allow it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import ByOption, Format, OutputOption, SettingsOption, person, required_text
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.domain.state import ModelState

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The model, as its policy names it.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; people will read it.")
]
# What a freeze made by hand has in place of the fact that caused it.
BY_HAND = "by-hand"


def freeze(
    model: ModelArgument,
    reason: ReasonOption,
    by: ByOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Stop all retraining of a model until somebody unfreezes it.

    Trainings that run go on.

    \b
    Example:
      vigia freeze flight-delay --reason "labels of last week are wrong"
    """
    cause = f"{required_text(reason, '--reason')} ({person(by, settings)})"
    with waiting("freezing"):
        state = _freeze(settings, model, cause)
    assert state.freeze is not None
    _tell(state, output, f"retraining of {model} is frozen: {state.freeze.reason}")


def unfreeze(
    model: ModelArgument,
    reason: ReasonOption,
    by: ByOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Let a model be retrained again, whoever or whatever froze it.

    \b
    Example:
      vigia unfreeze flight-delay --reason "labels are fixed"
    """
    cause = f"{required_text(reason, '--reason')} ({person(by, settings)})"
    with waiting("unfreezing"):
        state, lifted = _unfreeze(settings, model)
    _tell(state, output, f"retraining of {model} is allowed again: {cause}; it was frozen for: {lifted}")


def _freeze(settings: Path | None, model: str, reason: str) -> ModelState:
    app = context.open_app(settings)
    policy = context.require_policy(app, model)

    from shared.domain.ids import FactKey
    from shared.domain.state import Freeze

    freeze = Freeze(reason=reason, since=app.clock.now(), fact=FactKey(BY_HAND))

    def freeze_once(state: ModelState) -> ModelState:
        if state.freeze and state.freeze.until is None:
            raise CommandError(
                "cli.frozen",
                f"retraining of {model} is frozen already: {state.freeze.reason}",
                "unfreeze it first to give another reason",
            )
        return replace(state, freeze=freeze)

    app.models.update(policy.model, freeze_once)
    return app.models.read(policy.model)


def _unfreeze(settings: Path | None, model: str) -> tuple[ModelState, str]:
    app = context.open_app(settings)
    policy = context.require_policy(app, model)
    lifted: list[str] = []

    def lift(state: ModelState) -> ModelState:
        if state.freeze is None:
            raise CommandError("cli.not_frozen", f"retraining of {model} is not frozen", "there is nothing to lift")
        lifted.append(state.freeze.reason)
        return replace(state, freeze=None)

    app.models.update(policy.model, lift)
    return app.models.read(policy.model), lifted[-1]


def _tell(state: ModelState, output: Format, sentence: str) -> None:
    if output is Format.JSON:
        print_json({"model": state.model, "freeze": state.freeze})
    else:
        console().print(text(sentence), soft_wrap=True)
