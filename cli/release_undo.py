"""`vigia releases undo`: bring an earlier version back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import context
from cli.errors import NOT_DONE, CommandError
from cli.options import (
    ByOption,
    Format,
    OutputOption,
    ReasonOption,
    SettingsOption,
    TimeoutOption,
    YesOption,
    is_interactive,
    person,
    required_text,
)
from cli.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.model import Policy


def undo(
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="The version that is to serve again.")],
    reason: ReasonOption,
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="Which model; not needed when there is one.", show_default=False),
    ] = None,
    by: ByOption = None,
    yes: YesOption = False,
    timeout: TimeoutOption = 0,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Release an earlier version once more. It served before, so no gates, no evaluation and no approval are asked
    for again (an approval is where the policy says for_undo: always); the steps, the judgement and the watching are
    those of any release.

    \b
    Example:
      vigia releases undo flight-delay --to 2 --reason "worse on holidays" --timeout 3600
    """
    why, who = required_text(reason, "--reason"), person(by)
    with waiting("reading the policies"):
        app = context.open_app(settings)
        policy = _policy(app, model)
    confirm(f"Release version {to} of {policy.model} again?", yes, "undo")
    with waiting("opening the release"):
        from cli.release_requests import awaited
        from shared.domain.ids import ModelVersion
        from shared.engine.undo import UndoWish
        from shared.release.plan import plan_from

        wish = UndoWish(policy.model, policy.endpoint.name, ModelVersion(to), who, why)
        opened = app.undoer.open(wish, plan_from(policy))
        release = awaited(app, opened, lambda seen: 100 in seen.traffic_steps, timeout)
    serves = 100 in release.traffic_steps and release.ends_as is None
    if output is Format.JSON:
        print_json({"id": release.id, "state": release.state, "reason": release.reason, "done": serves})
    else:
        console().print(text(f"release {release.id} is {release.state}: {release.reason}"), soft_wrap=True)
    if timeout and not serves:
        raise typer.Exit(NOT_DONE)


def _policy(app: App, model: str | None) -> Policy:
    if model is not None:
        return context.known_policy(app, model)
    policies = list(app.policies)
    if len(policies) != 1:
        names = ", ".join(policy.model for policy in policies) or "none"
        raise CommandError("cli.model", f"which model? there are policies for: {names}", "give MODEL before --to")
    return policies[0]


def confirm(question: str, yes: bool, what: str) -> None:
    """Have the person at the terminal agree.

    Raises:
        CommandError: nobody is there, or they do not.
    """
    if yes:
        return
    if not is_interactive():
        raise CommandError("cli.unconfirmed", f"nobody is here to confirm the {what}", "add --yes")
    if not typer.confirm(question, err=True):
        raise CommandError("cli.unconfirmed", "nothing was released", "")
