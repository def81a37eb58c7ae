"""`vigia policy`: look at policy files before they count. Needs neither settings nor Azure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit.errors import NEEDS_A_PERSON
from cli.kit.options import Format, OutputOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from cli.policy.check import Checked

app = typer.Typer(
    help="Check policy files; needs no settings and no Azure.", no_args_is_help=True, rich_markup_mode="rich"
)


@app.command("validate")
def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE_OR_FOLDER...", help="Policy files, people.yaml, or folders of them."),
    ],
    output: OutputOption = Format.TABLE,
) -> None:
    """Name every mistake with its file and line, or say in plain words what the policies will do.

    What a right policy may not mean is a warning: an approval that no rule asks anybody for, calls that no rule names.

    Exit code 0: every file is right. 1: there are mistakes. 2: a file or folder does not exist.

    \b
    Examples:
      vigia policy validate policies
      vigia policy validate policies/flight-delay.yaml -o json
    """
    with waiting("reading the policies"):
        from cli.policy.check import check

        checked = check(paths)
    if output is Format.JSON:
        print_json({"valid": not checked.problems, "policies": checked.policies, "problems": checked.problems})
    else:
        _print(checked)
    if checked.problems:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    \b
    Example:
      vigia policy schema > policy.schema.json
    """
    from shared.bootstrap import policy_sections
    from shared.policy.reading.json_schema import policy_schema_text

    typer.echo(policy_schema_text(policy_sections()), nl=False)


def _print(checked: Checked) -> None:
    out = console()
    for problem in checked.problems:
        out.print(text(problem, "red"), soft_wrap=True)
    if checked.problems:
        count = len(checked.problems)
        out.print(text(f"{count} {'mistake' if count == 1 else 'mistakes'}", "bold red"))
        return
    from rich.table import Table

    for policy in checked.policies:
        out.print(text(f"{policy.file} is right. What it will do:", "green"), soft_wrap=True)
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for section, sentence in policy.summary.items():
            grid.add_row(f"  {section}", text(sentence))
        for warning in policy.warnings:
            grid.add_row("  warning", text(warning, "yellow"))
        out.print(grid)
