"""`vigia monitor`: look at data now, see what was seen, and find out which floor would be quiet."""

from __future__ import annotations

import dataclasses
import sys
import webbrowser
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import HEALTHY, NEEDS_A_PERSON, AnswerCommand, CommandError
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from cli.monitor.request import LookRequest
    from shared.drift.results.signals import MonitorReport

app = typer.Typer(name="monitor", no_args_is_help=True, help="Look at a model's data: now, and as it was seen before.")


class RowFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


DRIFT = 2
TOO_LITTLE = 3
_EXITS = {"no-drift": HEALTHY, "drift": DRIFT, "insufficient-data": TOO_LITTLE, "error": NEEDS_A_PERSON}

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The model, as its policy names it.")]
ReportArgument = Annotated[
    str | None, typer.Argument(metavar="ID", help="The report, or a part of its id; by default the newest.")
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="COLUMN", help="Leave this column out; may be given again.")
]


@app.command("run", cls=AnswerCommand)
def run(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="The model; without one, only the given files are compared.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            metavar="SOURCE",
            help="What to compare with: a file or folder (parquet, CSV, JSON lines), or azureml:NAME@latest.",
        ),
    ] = None,
    current: Annotated[
        list[Path] | None,
        typer.Option("--current", metavar="FILE", help="The rows to look at, in place of those collected."),
    ] = None,
    ignore: IgnoreOption = None,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="DURATION", help="How much to look at, e.g. 24h; by default monitor.every."),
    ] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="Where the window starts (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="Where it ends; by default now.")] = None,
    min_effect: Annotated[
        float | None, typer.Option("--min-effect", metavar="0-1", help="The smallest change that matters.")
    ] = None,
    minimum_rows: Annotated[
        int | None, typer.Option("--minimum-rows", min=1, metavar="ROWS", help="Fewer rows are too little data.")
    ] = None,
    importance: Annotated[
        Path | None,
        typer.Option(
            "--importance", metavar="FILE.json", help="How much the model leans on each column; weighs the ranking."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="With files: their truth, beside a column prediction."),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", help="With --label: what is estimated, which also says what is answered.")
    ] = "roc_auc",
    report: Annotated[
        Path | None, typer.Option("--report", "--html", metavar="FILE.html", help="Also write the page.")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep the report with the model's others.")] = False,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Look at data now: what an endpoint collected, or files. It announces nothing and starts nothing.

    With files alone it needs no policy, no workspace and no network.

    Exit code 0: no drift. 2: drift. 3: too little data. 1: it could not be looked at.

    \b
    Examples:
      vigia monitor run --reference january.parquet --current july.parquet --html report.html
      vigia monitor run --reference march.parquet --current april.parquet --label delay --metric mae
      vigia monitor run flight-delay
      vigia monitor run flight-delay --window 24h -o json
      vigia monitor run flight-delay --reference azureml:flights@latest --start 2026-07-12 --end 2026-07-13
    """
    _require_folder(report)
    if save and model is None:
        raise CommandError("cli.save", "--save needs a model to keep the report with", "give MODEL, or --report")
    from cli.monitor.request import read_request

    request = read_request(reference, current, ignore, window, start, end, min_effect, minimum_rows, importance)
    if label and model is not None:
        raise CommandError("cli.label", "--label is for files alone", "the policy of the model names its labels")
    request = dataclasses.replace(request, label=label or "", metric=metric)
    with waiting("reading and comparing"):
        result = _look(model, request, settings, save)
    if report:
        _write(result, report)
    if output is Format.JSON:
        from cli.monitor.entries import entries

        print_json(entries(result))
    else:
        from cli.monitor.view import print_report

        print_report(result)
        if report:
            console().print(text(f"the page is in {report}", "dim"), soft_wrap=True)
    # The exit code is the verdict, so that scripts and CI can act on it without reading the output.
    raise typer.Exit(_EXITS[result.verdict])


@app.command("show")
def show(
    model: ModelArgument,
    report: ReportArgument = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show a monitor's runs and the newest report, or the report that is asked for.

    \b
    Examples:
      vigia monitor show flight-delay
      vigia monitor show flight-delay 20260712T03
    """
    from cli.monitor.reports import find_report, runs_of

    with waiting("reading the reports"):
        opened = context.open_app(settings)
        lines = () if report else runs_of(opened, model)
        if not lines and not report:
            context.require_policy(opened, model)
        newest = find_report(opened, model, report) if report or any(line.report for line in lines) else None
    if output is Format.JSON:
        print_json(newest if report else {"model": model, "runs": lines, "newest": newest})
        return
    from cli.monitor.view import print_report, print_runs

    if not report:
        print_runs(model, lines)
    if newest:
        print_report(newest)


@app.command("rows")
def rows(
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="How far back, in whole days of UTC.")
    ] = "7d",
    output: Annotated[RowFormat, typer.Option("--output", "-o", help="How to write them.")] = RowFormat.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to; by default here.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Write every number of all looks as a table: a row per signal and column, for Power BI, pandas or a warehouse.

    \b
    Examples:
      vigia monitor rows --since 7d
      vigia monitor rows --since 90d -o parquet --out looks.parquet
    """
    from cli.monitor.rows import read_rows, written

    _require_folder(out)
    with waiting("reading the rows"):
        content = written(read_rows(context.open_app(settings), since), output)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as exc:
        raise CommandError("cli.file", f"{out} cannot be written: {exc.strerror}", "give another place") from exc


@app.command("report")
def write_report(
    model: ModelArgument,
    report: ReportArgument = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.html", help="Where to write it; by default ID.html here. -: to standard output."
        ),
    ] = None,
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Write a report's page: one file that needs nothing else, for mail and for tickets.

    \b
    Examples:
      vigia monitor report flight-delay --open
      vigia monitor report flight-delay 20260712T03 --out drift.html
    """
    from cli.monitor.reports import find_report
    from shared.texts.monitor_report.page import render_report

    _require_folder(out)
    with waiting("reading the report"):
        stored = find_report(context.open_app(settings), model, report)
    if str(out) == "-":
        sys.stdout.write(render_report(stored))
        return
    file = out or Path(f"{stored.id}.html")
    _write(stored, file)
    console().print(text(f"{file}: {stored.sentence}"), soft_wrap=True)
    if opens and not webbrowser.open(file.absolute().as_uri()):
        raise CommandError("cli.browser", "no browser could be opened", f"open {file} yourself")


@app.command("calibrate")
def calibrate(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="The model whose stored reports to look at.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", metavar="FILE", help="Past data in time order, cut into windows, in place of reports."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=100, help="Rows per window, with --files.")] = 2000,
    ignore: IgnoreOption = None,
    signal: Annotated[str, typer.Option("--signal", help="Which signal.")] = "data-drift",
    alarms: Annotated[
        str, typer.Option("--alarms-at-most", metavar="PERCENT", help="The share of windows that may alarm.")
    ] = "1%",
    persistence: Annotated[
        str, typer.Option("--persistence", metavar="K of N", help="Drifted windows it takes to alarm, e.g. 2 of 3.")
    ] = "1 of 1",
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Say how often each floor would have alarmed on a model's own past, and which one would have been quiet.

    Exit code 0: there is such a floor. 1: there is none. 2: it could not be found out.

    \b
    Examples:
      vigia monitor calibrate flight-delay
      vigia monitor calibrate flight-delay --persistence '2 of 3' --alarms-at-most 5%
      vigia monitor calibrate --files january.parquet --rows 5000 -o json
    """
    from cli.monitor.calibrate import CalibrationRequest, entries, from_files, from_reports, print_calibration

    request = CalibrationRequest.read(signal, alarms, persistence)
    if (model is None) == (not files):
        raise CommandError("cli.nothing", "give either a model or --files", "e.g. vigia monitor calibrate flight-delay")
    with waiting("judging the past"):
        calibration = (
            from_files(files, rows, frozenset(ignore or ()), request)
            if files
            else from_reports(context.open_app(settings), model or "", request)
        )
    if output is Format.JSON:
        print_json(entries(calibration))
    else:
        print_calibration(calibration, request.persistence)
    if calibration.floor is None:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("spark")
def spark(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it; made if it is not there.")],
) -> None:
    """Write the Spark component that counts windows too large for one machine, to be registered in the workspace.

    \b
    Examples:
      vigia monitor spark component
    """
    from shared.drift.spark.package import write_package

    try:
        component = write_package(folder)
    except OSError as exc:
        raise CommandError("cli.file", f"{folder} cannot be written: {exc.strerror}", "give another place") from exc
    console().print(f"az ml component create --file {component}", soft_wrap=True)


def _look(model: str | None, request: LookRequest, settings: Path | None, save: bool) -> MonitorReport:
    from cli.monitor.run import look_at_files, look_at_model
    from shared.texts.monitor_report.page import render_report

    if model is None:
        return look_at_files(request, datetime.now(UTC))
    opened = context.open_app(settings)
    report = look_at_model(opened, model, request)
    if save:
        opened.monitor_reports.save(report, render_report(report))
    return report


def _require_folder(file: Path | None) -> None:
    if file and not file.absolute().parent.is_dir():
        raise CommandError("cli.no_folder", f"there is no folder for {file}", "make it first")


def _write(report: MonitorReport, file: Path) -> None:
    from shared.texts.monitor_report.page import render_report

    try:
        file.write_text(render_report(report), encoding="utf-8")
    except OSError as exc:
        raise CommandError("cli.file", f"{file} cannot be written: {exc.strerror}", "give another place") from exc
