"""`vigia events explain`: what yesterday's events are to Vigia, and what the policies would do about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import NEEDS_A_PERSON, CommandError
from cli.options import Format, OutputOption
from cli.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.engine.explain import Explained
    from shared.events.home import Home
    from shared.policy.model import Policy

DEFAULT_POLICIES = Path("policies")
STDIN = "-"


def explain(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="One JSON object, an array, or one a line; - is standard input."),
    ],
    policies: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Policy folder, or one file; ./policies when it exists, else none.", show_default=False
        ),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(
            metavar="ARM_ID",
            help="Our workspace: what other workspaces and topics tell is ignored. Without it, every source counts.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="ARM_ID", help="With --workspace: another source that counts.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The file is the bare output of Evidently or NannyML about this model, without its envelope.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Say what each event, alert or result in a file is to Vigia, and what the policies would do.

    Takes events as Event Grid delivers them (its own schema or CloudEvents), and what is posted to /api/alerts: alerts
    of action groups, budget notifications, results of Evidently and NannyML. They are read as the app reads them, over
    an empty memory: no training, cooldown, freeze or release is known. Needs no settings and no Azure; nothing is done.

    Exit code 0: everything was understood. 1: something was refused. 2: a file or folder cannot be read.

    \b
    Examples:
      vigia events explain yesterday.jsonl
      vigia events explain alert.json --policies policies -o json
      vigia events explain report.json --model flight-delay
    """
    with waiting("reading"):
        explained = _explain_files(files, policies, _home(workspace, source or []), model)
    if output is Format.JSON:
        print_json([_as_json(each) for each in explained])
    else:
        _print(explained)
    if any(each.outcome == "refused" for each in explained):
        raise typer.Exit(NEEDS_A_PERSON)


def _explain_files(files: list[Path], policies: Path | None, home: Home | None, model: str | None) -> list[Explained]:
    from shared.engine.explain import explain as explain_one
    from shared.policy.book import PolicyBook

    book, now = PolicyBook(_policies(policies)), datetime.now(UTC)
    return [
        each
        for file in files
        for place, raw in _items(file, model)
        for each in explain_one(raw, place, now, book, home)
    ]


def _items(file: Path, model: str | None) -> Iterator[tuple[str, str]]:
    """Yield what is in a file, with its place: a whole body, the elements of an array, or lines of JSON."""
    from shared.events.batch import events_in, oversize

    body = _read(file)
    # As the app decodes a body: what is no UTF-8 is no JSON either, and is refused readably.
    content = body.decode(errors="backslashreplace").removeprefix("\ufeff").strip()
    if model is not None:
        yield str(file), _enveloped(content, model, file)
        return
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and not _is_json(content) and all(_is_json(line) for line in lines):
        yield from ((f"{file}:{number}", line) for number, line in enumerate(lines, start=1))
        return
    events = [content] if oversize(body) else events_in(content)
    yield from ((f"{file}[{number}]" if len(events) > 1 else str(file), raw) for number, raw in enumerate(events))


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()
    except OSError as exc:
        raise CommandError("cli.no_file", f"{file} cannot be read: {exc.strerror}", "give a file of events") from exc


def _is_json(content: str) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _enveloped(content: str, model: str, file: Path) -> str:
    """Return a tool's bare result as it is posted: Evidently gives an object, NannyML a list of rows."""
    from shared.events.alerts.external import SCHEMA

    try:
        result = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise CommandError("cli.no_json", f"{file} is not JSON: {exc}", "give what the tool itself wrote") from exc
    tool = "nannyml" if isinstance(result, list) else "evidently"
    return json.dumps({"schemaId": SCHEMA, "data": {"tool": tool, "model": model, "result": result}})


def _policies(place: Path | None) -> tuple[Policy, ...]:
    from cli.policy_check import read_policy
    from shared.bootstrap import policy_sections
    from shared.policy.load import load_policies
    from shared.reactions.registry import reactions

    if place is None and not DEFAULT_POLICIES.is_dir():
        return ()
    chosen = place or DEFAULT_POLICIES
    if not chosen.is_dir():
        return (read_policy(chosen),)
    return load_policies(chosen, policy_sections(), tuple(reactions().values()))


def _home(workspace: str | None, sources: list[str]) -> Home | None:
    from shared.events.home import Home

    return None if workspace is None else Home(workspace, "", "", tuple(sources))


def _as_json(explained: Explained) -> dict[str, object]:
    return {
        "event": explained.event,
        "outcome": explained.outcome,
        "kind": explained.kind,
        "subject": explained.subject,
        "key": explained.key,
        "reason": explained.reason,
        "data": explained.data,
        "reactions": [
            {"model": each.model, "reaction": each.name, "suppressed": each.suppressed} for each in explained.reactions
        ],
    }


def _print(explained: list[Explained]) -> None:
    from rich.table import Table

    out = console()
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("event", "outcome", "what it is", "what would be done"):
        table.add_column(heading, overflow="fold")
    styles = {"fact": "green", "ignored": "dim", "refused": "red"}
    for each in explained:
        what = f"{each.kind} {each.subject}".strip()
        table.add_row(text(each.event), text(each.outcome, styles[each.outcome]), text(what), text(_done(each)))
    out.print(table)
    out.print(text("read over an empty memory: no training, cooldown, freeze or release is known", "dim"))


def _done(explained: Explained) -> str:
    done = [
        f"{each.model}: {each.name}" + (f", held back: {each.suppressed}" if each.suppressed else f" ({each.why})")
        for each in explained.reactions
    ]
    return "; ".join(done) or explained.reason
