"""`vigia notices`: notices that could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import ByOption, Format, OutputOption, SettingsOption, person, required_text
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.store.notices.outbox import Stored

app = typer.Typer(help="See and resolve notices that could not be delivered.", no_args_is_help=True)

SHORTEST_ID = 4
ID_DIGITS = 12
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, as `vigia notices failed` shows them.")]


@app.command("failed")
def failed(output: OutputOption = Format.TABLE, settings: SettingsOption = None) -> None:
    """List the notices that did not reach everybody, with the reason.

    \b
    Example:
      vigia notices failed
    """
    with waiting("reading the outbox"):
        failed = _failed(context.open_app(settings))
    if output is Format.JSON:
        print_json({"notices": [_json(stored) for stored in failed]})
        return
    if not failed:
        console().print(text("Everybody was told."))
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("id", no_wrap=True)
    for heading in ("notice", "not told", "why"):
        table.add_column(heading, overflow="fold")
    for stored in failed:
        about = f"{stored.record.notice.kind.value} {stored.record.notice.model}".rstrip()
        for delivery in stored.record.deliveries or ():
            if delivery.state == "failed":
                line = f"{delivery.to} by {delivery.channel}"
                table.add_row(text(_id(stored)), text(about), text(line), text(delivery.problem))
    console().print(table)


@app.command("retry")
def retry(
    identifiers: IdsArgument,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Send them again to those who did not get them, and to nobody else.

    \b
    Example:
      vigia notices retry n-3fa9c1d2e4b5
    """
    with waiting("asking for it"):
        app_ = context.open_app(settings)
        chosen = _chosen(app_, identifiers)
        results = {_id(stored): "queued" if app_.outbox.retry(stored.name) else "gone" for stored in chosen}
    _tell(results, output, "is on its way again")


@app.command("dismiss")
def dismiss(
    identifiers: IdsArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")],
    by: ByOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Dismiss them: they are not sent any more. Who did it, when, and why are recorded.

    \b
    Example:
      vigia notices dismiss n-3fa9c1d2e4b5 --reason "told by phone"
    """
    who, cause = person(by, settings), required_text(reason, "--reason")
    with waiting("dismissing"):
        app_ = context.open_app(settings)
        results = {_id(stored): _dismiss(app_, stored, who, cause) for stored in _chosen(app_, identifiers)}
    _tell(results, output, f"is dismissed: {cause}")


def _dismiss(app_: App, stored: Stored, by: str, reason: str) -> str:
    from shared.store.facts.resolutions import Resolution

    if not app_.outbox.dismiss(stored.name):
        return "gone"
    problems = "; ".join(delivery.problem for delivery in stored.record.deliveries or () if delivery.state == "failed")
    resolution = Resolution(_id(stored), "notice", "dismissed", by, app_.clock.now(), reason, problems)
    app_.replay.resolutions.record(resolution)
    return "dismissed"


def _failed(app_: App) -> list[Stored]:
    store = app_.outbox.store
    failed = (store.load(item.name) for item in store.in_state("failed"))
    return sorted((record for record in failed if record), key=lambda stored: stored.record.posted_at)


def _chosen(app_: App, given: Sequence[str]) -> list[Stored]:
    """Return the failed notices of these ids or their beginnings.

    Raises:
        CommandError: an id names none, or several.
    """
    by_id = {_id(stored): stored for stored in _failed(app_)}
    chosen: dict[str, Stored] = {}
    for prefix in given:
        matches = [identifier for identifier in by_id if len(prefix) >= SHORTEST_ID and identifier.startswith(prefix)]
        if len(matches) != 1:
            wrong = "is the beginning of several ids" if matches else "is the id of no notice that failed"
            raise CommandError("cli.id", f"{prefix!r} {wrong}", "`vigia notices failed` lists them")
        chosen[matches[0]] = by_id[matches[0]]
    return list(chosen.values())


def _tell(results: dict[str, str], output: Format, done: str) -> None:
    if output is Format.JSON:
        print_json({"results": results})
        return
    for identifier, result in results.items():
        outcome = "was resolved meanwhile" if result == "gone" else done
        console().print(text(f"{identifier} {outcome}"), soft_wrap=True)


def _json(stored: Stored) -> dict[str, object]:
    notice = stored.record.notice
    return {
        "id": _id(stored),
        "kind": notice.kind,
        "model": notice.model,
        "posted_at": stored.record.posted_at,
        "failed": [
            {"channel": delivery.channel, "to": delivery.to, "problem": delivery.problem}
            for delivery in stored.record.deliveries or ()
            if delivery.state == "failed"
        ],
    }


def _id(stored: Stored) -> str:
    return f"n-{stored.name.rsplit('/', 1)[-1][:ID_DIGITS]}"
