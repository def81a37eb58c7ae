"""`vigia doctor`: what a model needs to be trained, released and watched, and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import NEEDS_A_PERSON
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from cli.doctor.finding import Finding
    from shared.bootstrap import App

STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model of a policy.")],
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Check that everything is there which the policy of a model names, and say what to do about what is not.

    Looks at the policy, components and their inputs, data and its columns, versions, endpoint, data collector, people,
    and at what whoever calls may read. Nothing is written or started.

    Exit code 0: nothing is wrong, though something may not be there yet. 1: something has to be done. 2: it could not
    look.

    \b
    Examples:
      vigia doctor flight-delay
      vigia doctor flight-delay -o json
    """
    with waiting("looking at the workspace"):
        findings = tuple(_findings(context.open_app(settings), model))
    if output is Format.JSON:
        print_json({"model": model, "findings": findings})
    else:
        _print(findings)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(NEEDS_A_PERSON)


def _findings(app: App, model: str) -> Iterator[Finding]:
    from cli.doctor import serving
    from cli.doctor.components import components
    from cli.doctor.data import data
    from cli.doctor.finding import Status, ok, warn
    from cli.doctor.rights import rights
    from cli.policy.warnings import warnings

    policy = context.require_policy(app, model)
    yield ok("policy", f"{policy.path} is right")
    for warning in warnings(policy, app.people):
        yield warn("policy", *_halves(warning))
    granted = tuple(rights(app, policy))
    yield from granted
    if granted[0].status is Status.FAIL:
        return  # all else is read over Azure ML
    ml = app.workspace.ml
    yield from components(ml, policy)
    yield from data(app, policy)
    yield from serving.model(app.workspace, ml, policy)
    yield from serving.endpoint(app.workspace, ml, policy)


def _halves(warning: str) -> tuple[str, str]:
    """Return what is so, and what to write, of a sentence that has both."""
    detail, _, remedy = warning.partition("; ")
    return detail, remedy


def _print(findings: tuple[Finding, ...]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        grid.add_row(text(finding.status, STYLES[finding.status]), text(f"{finding.subject}: {finding.detail}"))
        if finding.remedy:
            grid.add_row("", text(f"→ {finding.remedy}", "dim"))
    console().print(grid)
