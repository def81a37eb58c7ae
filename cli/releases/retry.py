"""`vigia releases retry`: release a version once more that did not make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.confirm import confirm
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
    from shared.domain.ids import ModelVersion
    from shared.policy.sections.model import Policy


def retry(
    target: Annotated[
        str, typer.Argument(metavar="VERSION|ID", help="The version, or the release that did not make it.")
    ],
    reason: ReasonOption,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Of which model; not needed with an ID.", show_default=False),
    ] = None,
    by: ByOption = None,
    yes: YesOption = False,
    timeout: TimeoutOption = 0,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Release a version once more that was rolled back, rejected, aborted, or failed: a release of its own, with the
    gates, the approval and the steps that the policy has now. A version that served comes back by undo.

    \b
    Examples:
      vigia releases retry flight-delay-3 --reason "the weather service is back" --yes
      vigia releases retry 3 --model flight-delay --reason "the gate was wrong" --yes --timeout 3600
    """
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    with waiting("reading the releases"):
        app = context.open_app(settings)
        policy, version = _policy_and_version(app, target, model)
    confirm(f"Release version {version} of {policy.model} once more?", yes, "retry", NOTHING_DONE)
    with waiting("opening the release"):
        from shared.engine.releases.reopen import Wish
        from shared.release.sections.to_plan import plan_from

        wish = Wish(policy.model, policy.endpoint.name, version, requester, reason)
        release = await_serving(app, app.retrier.open(wish, plan_from(policy)), timeout)
    show_opened(release, output, timeout)


def _policy_and_version(app: App, target: str, model: str | None) -> tuple[Policy, ModelVersion]:
    """Return the policy and the version that the target means: of a model that is named, the version; else the release
    of that id, or the version of the only model."""
    from cli.releases.records import find_release
    from shared.domain.ids import ModelVersion

    policies = list(app.policies)
    if model is not None:
        return context.require_policy(app, model), ModelVersion(target)
    exists = any(item.id == target for item in app.releases.items())
    if not exists and len(policies) == 1 and not any(item.id.startswith(target) for item in app.releases.items()):
        return policies[0], ModelVersion(target)
    release = find_release(app, target)
    return context.require_policy(app, release.model), release.version
