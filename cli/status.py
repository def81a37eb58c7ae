"""`vigia status`: how the models are, and whether somebody is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import context
from cli.errors import HEALTHY, NEEDS_A_PERSON
from cli.options import Format, OutputOption, SettingsOption
from cli.output import print_json, waiting

if TYPE_CHECKING:
    from cli.status_report import Report


def command(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.", show_default=False)] = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show each model's champion, traffic, release, trainings and monitor, and the work that is not settled.

    Exit code 0: all is well. 1: something needs a person: a release that is held, failed, lost or waits for
    approval, a freeze, traffic that is not where it should be, a monitor that fails, a workspace that cannot be
    read, an event in quarantine, a fact that could not be acted on, a notice that could not be delivered.
    2: the status could not be read.

    \b
    Examples:
      vigia status
      vigia status flight-delay -o json
      vigia status || echo "somebody should look"
    """
    with waiting("reading the status"):
        report = _gathered(settings, model)
    if output is Format.JSON:
        print_json(_as_json(report))
    else:
        from cli.status_view import print_report

        print_report(report)
    raise typer.Exit(NEEDS_A_PERSON if report.attention else HEALTHY)


def _gathered(settings: Path | None, model: str | None) -> Report:
    app = context.open_app(settings)
    if model is not None:
        context.known_policy(app, model)
    from cli.status_report import gather

    return gather(app, model)


def _as_json(report: Report) -> dict[str, object]:
    return {
        "at": report.at,
        "healthy": not report.attention,
        "attention": report.attention,
        "models": report.models,
        "unsettled": report.unsettled,
    }
