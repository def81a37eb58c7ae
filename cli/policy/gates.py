"""`vigia gates`: judge an evaluation's file by a policy's gates. Needs neither settings nor Azure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit.errors import HEALTHY, NEEDS_A_PERSON
from cli.kit.options import Format, OutputOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.releases.verdict import GateResult

TOO_LITTLE = 3

app = typer.Typer(
    help="Judge your own evaluations; needs no settings and no Azure.", no_args_is_help=True, rich_markup_mode="rich"
)


@app.callback()
def gates() -> None:
    """Judge your own evaluations; needs no settings and no Azure."""


@app.command("check")
def check(
    scores: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCORES...",
            help="What the evaluation wrote: parquet, CSV or JSON lines, a metrics.json, or folders of them; "
            "columns as docs/reference/evaluation.md has them for each kind of model.",
        ),
    ],
    policy: Annotated[Path, typer.Option("--policy", metavar="FILE", help="The policy whose gates judge.")],
    training_data: Annotated[
        Path | None, typer.Option("--training-data", metavar="FILE", help="The rows that the version was trained on.")
    ] = None,
    first_release: Annotated[
        bool, typer.Option("--first-release", help="No champion serves yet, so there is none to be worse than.")
    ] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Judge an evaluation by every gate of a policy, as a release would.

    Gates that look at the model's record or its training job are inconclusive: a file does not hold them.

    Exit code 0: every gate passes. 1: one fails. 3: none fails, but one is inconclusive. 2: it could not be judged.

    \b
    Examples:
      vigia gates check scores.parquet --policy policies/flight-delay.yaml
      vigia gates check scores.csv --policy policies/flight-delay.yaml --training-data january.parquet -o json
    """
    with waiting("reading and judging"):
        from cli.policy.gates_check import judged

        results = judged(scores, policy, training_data, has_champion=not first_release)
    if output is Format.JSON:
        print_json(results)
    else:
        _print(results)
    raise typer.Exit(_exit_code(results))


def _exit_code(results: Sequence[GateResult]) -> int:
    verdicts = {result.verdict.value for result in results}
    return NEEDS_A_PERSON if "fail" in verdicts else TOO_LITTLE if "inconclusive" in verdicts else HEALTHY


_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


def _print(results: Sequence[GateResult]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_column(overflow="fold")
    for result in results:
        grid.add_row(text(result.verdict, _STYLES[result.verdict]), text(result.gate, "bold"), text(result.reason))
    console().print(grid)
