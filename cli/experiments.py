"""`vigia experiments`: the jobs of an experiment with what they logged, and the candidates beside the best."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from datetime import datetime

    from shared.bootstrap import App
    from shared.ports.jobs import JobRecord
    from shared.release.candidates import Candidate, Compared

app = typer.Typer(help="See the jobs of an experiment, and compare its candidates.", no_args_is_help=True)

MOST_JOBS = 500
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The experiment, or a job whose trials are meant (a sweep, AutoML).")
]
DaysOption = Annotated[int, typer.Option("--days", min=1, help="Jobs of the last so many days.")]


@dataclass(frozen=True, slots=True)
class Row:
    """A job or a trial; `version` is what it registered, "" when nothing is known."""

    record: JobRecord
    version: str


@app.command("show")
def show(
    name: NameArgument, days: DaysOption = 30, output: OutputOption = Format.TABLE, settings: SettingsOption = None
) -> None:
    """List the jobs of an experiment, or the trials of a job, with the metrics that they logged to MLflow.

    \b
    Examples:
      vigia experiments show flight-delay-training
      vigia experiments show job-3fa9c1d2e4b5a6c7-0
    """
    rows = _rows(name, days, settings)
    if output is Format.JSON:
        print_json({"experiment": name, "jobs": [_json(row) for row in rows]})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("job", "status", "version", "metrics"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        metrics = ", ".join(f"{metric} {value:.4g}" for metric, value in sorted(row.record.metrics.items()))
        table.add_row(text(row.record.name), text(row.record.status), text(row.version), text(metrics, "dim"))
    console().print(table)


@app.command("compare")
def compare(
    name: NameArgument,
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="The logged metric that decides.")],
    better: Annotated[
        str | None,
        typer.Option("--better", metavar="WAY", help="higher or lower; known of the catalogue's metrics."),
    ] = None,
    days: DaysOption = 30,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Rank the candidates of an experiment by a metric that they logged, each beside the best.

    Intervals are at 95 % for all pairs at once, since the best was chosen by the same values; they need the standard
    error, logged as METRIC_se. What chose the best does not prove it: a release's gates judge it on other rows.

    \b
    Examples:
      vigia experiments compare flight-delay-training --metric validation_roc_auc
      vigia experiments compare job-3fa9c1d2e4b5a6c7-0 --metric loss --better lower -o json
    """
    from shared.release.candidates import compared

    is_higher_better = _is_higher_better(metric, better)
    rows = {row.record.name: row for row in _rows(name, days, settings)}
    ranking = compared(_candidates(rows.values(), metric), is_higher_better)
    if not ranking:
        logged = sorted({key for row in rows.values() for key in row.record.metrics})
        hint = f"they logged {', '.join(logged)}" if logged else "they logged no metrics"
        raise CommandError("cli.no_metric", f"no completed job of {name} logged {metric}", hint)
    if output is Format.JSON:
        listed = [
            _compared_json(entry, rows[entry.candidate.job].version, place) for place, entry in enumerate(ranking)
        ]
        print_json({"experiment": name, "metric": metric, "candidates": listed})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("job", "version", metric, "behind the best", ""):
        table.add_column(heading, overflow="fold")
    for place, entry in enumerate(ranking):
        cells = (entry.candidate.job, rows[entry.candidate.job].version, _value(entry.candidate), _behind(entry, place))
        table.add_row(*(text(cell) for cell in cells), text(_verdict(entry, place)))
    console().print(table)


def _rows(name: str, days: int, settings: SettingsOption) -> list[Row]:
    with waiting("reading the workspace"):
        app_ = context.open_app(settings)
        since = app_.clock.now() - timedelta(days=days)
        jobs = [job for job in app_.workspace.recent_jobs(since, MOST_JOBS) if job.experiment == name]
        if not jobs:
            return _trials(app_, name, days)
        versions = _versions(app_, since)
        return [
            Row(replace(job, metrics=app_.workspace.job_metrics(job.name)), versions.get(job.name, "")) for job in jobs
        ]


def _trials(app_: App, name: str, days: int) -> list[Row]:
    from shared.domain.ids import JobName

    if app_.workspace.job(JobName(name)) is None:
        message = f"no job of the last {days} days is in an experiment {name}, and none has that name"
        raise CommandError(
            "cli.no_experiment", message, "write the experiment's name as the studio shows it, or --days"
        )
    return [Row(trial, "") for trial in app_.workspace.trials(JobName(name))]


def _versions(app_: App, since: datetime) -> dict[str, str]:
    models = {policy.model for policy in app_.policies}
    registered = (made for model in models for made in app_.workspace.models_after(model, since, MOST_JOBS))
    return {made.job: f"{made.name}:{made.version}" for made in registered if made.job}


def _candidates(rows: Iterable[Row], metric: str) -> list[Candidate]:
    from shared.release.candidates import Candidate

    return [
        Candidate(row.record.name, row.record.metrics[metric], row.record.metrics.get(f"{metric}_se"))
        for row in rows
        if row.record.has_succeeded and metric in row.record.metrics
    ]


def _is_higher_better(metric: str, better: str | None) -> bool:
    from shared.metrics.catalogue import known_metric

    if better not in {None, "higher", "lower"}:
        raise CommandError("cli.choice", f"--better cannot be {better!r}", "write higher or lower")
    measured = known_metric(metric.removeprefix("validation_").removeprefix("train_"))
    if better is None and measured is None:
        raise CommandError("cli.choice", f"{metric} is not in the catalogue", "write --better higher or --better lower")
    return better == "higher" if better else bool(measured and measured.is_higher_better)


def _value(candidate: Candidate) -> str:
    return f"{candidate.value:.4g}" + (f" ± {candidate.error:.2g}" if candidate.error is not None else "")


def _behind(entry: Compared, place: int) -> str:
    interval = f" ({entry.interval[0]:.4g} to {entry.interval[1]:.4g})" if entry.interval else ""
    return f"{entry.behind:.4g}{interval}" if place else ""


def _verdict(entry: Compared, place: int) -> str:
    if place == 0:
        return "best"
    if entry.interval is None:
        return "no standard error"
    return "worse" if entry.is_apart else "as good, as far as known"


def _json(row: Row) -> dict[str, object]:
    record = row.record
    created = record.created_at.isoformat() if record.created_at else None
    facts = {"job": record.name, "status": record.status, "created_at": created, "version": row.version or None}
    return {**facts, "metrics": dict(record.metrics)}


def _compared_json(entry: Compared, version: str, place: int) -> dict[str, object]:
    interval = list(entry.interval) if entry.interval else None
    facts = {"job": entry.candidate.job, "version": version or None, "value": entry.candidate.value}
    return {
        **facts,
        "standard_error": entry.candidate.error,
        "behind": entry.behind,
        "interval": interval,
        "verdict": _verdict(entry, place),
    }
