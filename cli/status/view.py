"""Lays the status out for a person: a block per model, what is still open, and who is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.kit.output import console, counted, text
from cli.kit.times import ago, span
from cli.releases.line import state_text

if TYPE_CHECKING:
    from cli.releases.line import ReleaseLine
    from cli.status.report import ModelStatus, OpenWork, Report, Share
    from shared.domain.state import Training

Row = tuple[str, RenderableType]

_OUTCOME_STYLES = {"completed": "green", "failed": "bold red", "canceled": "yellow"}
_VERDICT_STYLES = {"drift": "yellow", "no-drift": "green", "error": "bold red"}


def print_report(report: Report, workspace: str | None = None, to: Console | None = None) -> None:
    """Print a report; `workspace` heads it where there are several, "" the app's own."""
    out = to or console()
    if workspace is not None:
        out.rule(text(f"workspace {workspace}" if workspace else "the app's own workspace", "bold"))
    for status in report.models:
        out.print(_block(status, report.at))
    if not report.models:
        out.print(text("There is no policy yet, so there is no model to watch.", "dim"), "")
    out.print(_open_work(report.open_work))
    out.print(_needed(report.attention))


def _block(status: ModelStatus, now: datetime) -> RenderableType:
    mark = text("▲ needs a person", "bold yellow") if status.attention else text("● well", "green")
    title = Text.assemble(text(status.model, "bold"), "  ", mark)
    return Group(title, Padding(_grid(_rows(status, now)), (0, 0, 1, 2)))


def _rows(status: ModelStatus, now: datetime) -> Iterator[Row]:
    yield "endpoint", text(f"{status.endpoint}, {_endpoint_state(status)}")
    yield "champion", _champion(status)
    yield "traffic", _traffic(status)
    for release in status.releases:
        yield "release", _release(release, now)
    if status.freeze:
        yield "frozen", text(f"{status.freeze.reason} ({ago(status.freeze.since, now)})", "yellow")
    yield "trainings", Group(*_trainings(status.trainings, now))
    if status.waiting:
        since = f"waits to be trained on since {ago(status.waiting.since, now)}: {status.waiting.what}"
        yield "new data", text(since)
    if status.monitor:
        run = status.monitor
        verdict = text(run.verdict, _VERDICT_STYLES.get(run.verdict, "dim"))
        yield "monitor", Text.assemble(verdict, text(f", {ago(run.end, now)}: {run.sentence}"))
    else:
        yield "monitor", text("has not run yet", "dim")
    for run in status.standing_drift:
        drift = text("drift", _VERDICT_STYLES["drift"])
        yield "", Text.assemble(text("still "), drift, text(f" in {run.signal}, {ago(run.end, now)}: {run.sentence}"))
    for fact in status.parked:
        yield "parked", text(f"{fact.kind}: {fact.problem} (vigia why {fact.key[:16]})", "yellow")


def _endpoint_state(status: ModelStatus) -> str:
    if status.endpoint_state:
        return status.endpoint_state
    return "unknown" if status.traffic_problem else "not there yet"


def _champion(status: ModelStatus) -> Text:
    if status.champion_deployment is None:
        return text("none", "dim")
    version = f"version {status.champion}" if status.champion else "unknown version"
    return text(f"{version} on {status.champion_deployment}", "bold")


def _traffic(status: ModelStatus) -> RenderableType:
    if status.traffic_problem:
        return text(f"cannot be read: {status.traffic_problem}", "red")
    if not status.traffic:
        return text("none: nothing is deployed", "dim")
    table = Table.grid(padding=(0, 1))
    for share in status.traffic:
        table.add_row(
            text(share.deployment), _bar(share), text(f"{share.percent:>3} %"), text(_share_words(share), "dim")
        )
    return table


def _bar(share: Share) -> Text:
    full = round(share.percent / 5)
    return Text.assemble(("█" * full, "cyan"), ("░" * (20 - full), "dim"))


def _share_words(share: Share) -> str:
    version = f"version {share.version}" if share.version else "unknown version"
    return version if share.state == "Succeeded" else f"{version}, {share.state}"


def _release(release: ReleaseLine, now: datetime) -> RenderableType:
    first = Text.assemble(text(f"{release.id}: "), state_text(release.state))
    if release.percent is None:
        first.append(f", {ago(release.entered_at, now)}")
    else:
        step = f", {release.step}" if release.step else ""
        share = f", {release.percent} % of the traffic" if release.percent else ""
        first.append(f"{step}{share}, for {span(now - release.entered_at)}")
    lines = [first, text(release.reason, "dim")]
    if release.held_because:
        lines.append(text(f"held: {release.held_because}", "yellow"))
    return Group(*(line for line in lines if line.plain))


def _trainings(trainings: Iterable[Training], now: datetime) -> Iterator[Text]:
    yield from [_training(training, now) for training in trainings] or [text("none yet", "dim")]


def _training(training: Training, now: datetime) -> Text:
    row = f", number {training.chain + 1} in a row" if training.chain else ""
    line = text(f"{training.job}: {training.cause}, {ago(training.started_at, now)}{row}, ")
    if training.outcome is None:
        return line.append_text(text("not known to have ended", "dim"))
    reason = f": {training.problem}" if training.problem else ""
    return line.append_text(text(f"{training.outcome}{reason}", _OUTCOME_STYLES[training.outcome]))


def _open_work(work: OpenWork) -> RenderableType:
    counts = (
        (len(work.open_facts), "fact", "in progress"),
        (len(work.parked_facts), "fact", "that could not be acted on"),
        (len(work.quarantined), "event", "in quarantine"),
        (work.poison, "message", "that failed too often"),
        (work.undelivered_notices, "notice", "on the way"),
        (work.failed_notices, "notice", "not delivered"),
    )
    lines = [f"{counted(count, what)} {where}" for count, what, where in counts if count]
    if work.given_up:
        lines.append(f"{counted(work.given_up, 'delivery', 'deliveries')} given up by Event Grid")
    return text("Open work: " + (", ".join(lines) if lines else "nothing"), "" if lines else "dim")


def _needed(attention: tuple[str, ...]) -> RenderableType:
    if not attention:
        return text("Nothing needs a person.", "green")
    return Group(text("Needs a person:", "bold yellow"), _grid(("  -", text(line)) for line in attention))


def _grid(rows: Iterable[Row]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return grid
