"""`vigia plan`: what releasing a version would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import HEALTHY, CommandError
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from cli.releases.plan_report import PlanReport

WOULD_CHANGE = 2
_STYLES = {"+": "green", "~": "yellow", "-": "red"}


def command(
    version: Annotated[str, typer.Argument(metavar="MODEL:VERSION", help="Which version of which model.")],
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show what releasing a version would do: gates, people to ask, traffic, deployments, times. It changes nothing.

    Exit code 0: nothing would change. 2: something would. 1: that could not be found out.

    \b
    Examples:
      vigia plan flight-delay:4
      vigia plan flight-delay:4 -o json
    """
    with waiting("reading the policy, the endpoint and the releases"):
        report = _gathered(settings, version)
    if output is Format.JSON:
        print_json(report)
    else:
        _print(report)
    raise typer.Exit(HEALTHY if report.nothing else WOULD_CHANGE)


def _gathered(settings: Path | None, version: str) -> PlanReport:
    model, _, number = version.rpartition(":")
    if not model or not number:
        raise CommandError("cli.version", f"{version!r} is no version of a model", "write MODEL:VERSION, e.g. churn:4")
    app = context.open_app(settings)
    policy = context.require_policy(app, model)
    from cli.releases.plan_report import gather
    from shared.domain.ids import ModelVersion

    return gather(app, policy, ModelVersion(number))


def _print(report: PlanReport) -> None:
    from shared.release.core.words import duration

    out = console()
    if report.nothing:
        out.print(text(f"Nothing would change: {report.nothing}."), soft_wrap=True)
        return
    out.print(text(f"Release {report.release} on endpoint {report.endpoint}", "bold"))
    for label, lines in (("waits", report.waits), ("gate", report.gates), ("asks", report.asks)):
        for line in lines:
            out.print(text(f"  {label}: {line}"), soft_wrap=True)
    for change in report.changes:
        out.print(text(f"  {change.sign} {change.what}", _STYLES[change.sign]), soft_wrap=True)
    times = f"It takes {duration(report.at_least)} or more; with every deadline used up, {duration(report.at_most)}."
    out.print(text(times), soft_wrap=True)
