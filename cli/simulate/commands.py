"""`vigia simulate`: what a policy's rollout would do with good and with bad versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit.errors import NEEDS_A_PERSON, CommandError
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting
from cli.simulate.cells import COLUMNS, SEED, row

if TYPE_CHECKING:
    from cli.simulate.study import Study


def command(
    policy: Annotated[Path, typer.Argument(metavar="POLICY", help="The policy file.")],
    requests: Annotated[
        float | None,
        typer.Option("--requests", min=0.001, help="The endpoint's requests per minute.", show_default=False),
    ] = None,
    lowest: Annotated[
        float | None,
        typer.Option("--at-night", min=0, help="Requests per minute at four in the morning, when traffic has a day."),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Take the traffic of the last day from the endpoint's log (reads Azure).")
    ] = False,
    latency: Annotated[
        float | None, typer.Option("--latency", min=0.01, help="Also try a version this many times as slow, e.g. 1.3.")
    ] = None,
    errors: Annotated[
        str | None, typer.Option("--errors", metavar="PERCENT", help="Also try a version failing this much more: 2%.")
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=50, max=100_000, help="Releases per kind of version.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same releases.")] = SEED,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Also write a page with plots.")
    ] = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Release good and bad versions under a policy, thousands of times, on simulated traffic; nothing is changed.

    It runs the release's own steps and judge on virtual time. Without traffic options the policy's expected_traffic
    counts, else 1,000 requests per minute. Ready: the version is deployed, gates and people have agreed.

    Exit code 0: the policy decides. 1: it cannot, and what would let it is named. 2: it could not be simulated.

    \b
    Examples:
      vigia simulate policies/flight-delay.yaml --requests 600
      vigia simulate policies/flight-delay.yaml --requests 600 --at-night 20 --report rollout.html
      vigia simulate policies/flight-delay.yaml --learn -o json
    """
    if report and not report.absolute().parent.is_dir():
        raise CommandError("cli.no_folder", f"there is no folder for {report}", "make it first")
    with waiting(f"releasing {runs:,} versions of each kind"):
        from cli.simulate.study import StudyRequest, study

        studied = study(StudyRequest(policy, requests, lowest, learn, latency, errors, runs, seed, settings))
    if report:
        from cli.simulate.page import page

        report.write_text(page(studied), encoding="utf-8")
    if output is Format.JSON:
        print_json(studied.as_json())
    else:
        _print(studied)
        if report:
            console().print(text(f"the plots are in {report}", "dim"), soft_wrap=True)
    if not studied.decides:
        raise typer.Exit(NEEDS_A_PERSON)


def _print(study: Study) -> None:
    from rich import box
    from rich.table import Table

    out = console()
    out.print(text(study.headline, "bold green" if study.decides else "bold red"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("version", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for result in study.results:
        table.add_row(*map(text, row(result)))
    out.print(table)
    out.print(text(study.small_print, "dim"), soft_wrap=True)
    for line in study.advice_lines:
        out.print(text(line, "yellow"), soft_wrap=True)
