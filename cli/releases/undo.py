"""`vigia releases undo`: bring an earlier version back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.confirm import confirm
from cli.kit.errors import CommandError
from cli.kit.options import (
    ByOption,
    Format,
    OutputOption,
    ReasonOption,
    SettingsOption,
    TimeoutOption,
    YesOption,
    person,
    required_text,
)
from cli.kit.output import waiting
from cli.releases.opened import NOTHING_DONE, await_serving, show_opened

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy


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
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    with waiting("reading the policies"):
        app = context.open_app(settings)
        policy = _policy(app, model)
    confirm(f"Release version {to} of {policy.model} again?", yes, "undo", NOTHING_DONE)
    with waiting("opening the release"):
        from shared.domain.ids import ModelVersion
        from shared.engine.releases.reopen import Wish
        from shared.release.sections.to_plan import plan_from

        wish = Wish(policy.model, policy.endpoint.name, ModelVersion(to), requester, reason)
        release = await_serving(app, app.undoer.open(wish, plan_from(policy)), timeout)
    show_opened(release, output, timeout)


def _policy(app: App, model: str | None) -> Policy:
    if model is not None:
        return context.require_policy(app, model)
    policies = list(app.policies)
    if len(policies) != 1:
        names = ", ".join(policy.model for policy in policies) or "none"
        raise CommandError("cli.model", f"which model? there are policies for: {names}", "give MODEL before --to")
    return policies[0]
