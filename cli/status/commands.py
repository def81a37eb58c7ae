"""`vigia status`: the state of the models, and what needs a person."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import HEALTHY, NEEDS_A_PERSON, NOT_DONE
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import print_json, waiting

if TYPE_CHECKING:
    from cli.status.report import Report

POLL_SECONDS = 2.0


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.", show_default=False)] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            "--timeout",
            min=0,
            metavar="SECONDS",
            help="Wait so long until no release is under way and all is well.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show each model's champion, traffic, release, trainings and monitor, and the work that is still open.

    Of all workspaces that the app serves, unless one is named.

    Exit code 0: all is well. 1: something needs a person: a release that is held, failed, lost or waits for
    approval, a last training that failed, a freeze, traffic that is not where it should be, a monitor that fails, a
    workspace that cannot be read, an event in quarantine, a fact that could not be acted on, a notice that could not
    be delivered.
    2: the status could not be read; or, with --timeout, a release is still under way.

    \b
    Examples:
      vigia status
      vigia status flight-delay -o json
      vigia status flight-delay --timeout 3600
      vigia status || echo "somebody should look"
    """
    with waiting("reading the status"):
        reports = _gathered(settings, model, timeout)
    if output is Format.JSON:
        first, *others = [_as_json(report) for report in reports.values()]
        print_json(first | ({"workspaces": dict(zip([*reports][1:], others, strict=True))} if others else {}))
    else:
        from cli.status.view import print_report

        for workspace, report in reports.items():
            print_report(report, workspace if len(reports) > 1 else None)
    if timeout is not None and any(map(_is_under_way, reports.values())):
        raise typer.Exit(NOT_DONE)
    raise typer.Exit(NEEDS_A_PERSON if any(report.attention for report in reports.values()) else HEALTHY)


def _gathered(settings: Path | None, model: str | None, timeout: int | None) -> dict[str, Report]:
    """Return the reports by workspace: of all that the app serves, when neither one nor a model is named."""
    apps = {context.WORKSPACE.get(): context.open_app(settings)}
    if model is not None:
        context.require_policy(apps[context.WORKSPACE.get()], model)
    elif not context.WORKSPACE.get():
        apps |= {name: context.open_app(settings, name) for name in context.further_workspaces(apps[""])}
    from cli.status.report import gather

    give_up = time.monotonic() + (timeout or 0)
    while True:
        reports = {name: gather(app, model) for name, app in apps.items()}
        is_open = any(report.attention or _is_under_way(report) for report in reports.values())
        if not is_open or time.monotonic() >= give_up:
            return reports
        time.sleep(POLL_SECONDS)


def _is_under_way(report: Report) -> bool:
    from shared.domain.releases.release import ReleaseState

    return any(not ReleaseState(release.state).is_terminal for model in report.models for release in model.releases)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "at": report.at,
        "healthy": not report.attention,
        "attention": report.attention,
        "models": report.models,
        "unsettled": report.open_work,
    }
