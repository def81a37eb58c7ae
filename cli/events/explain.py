"""`vigia events explain`: how Vigia reads events from files, and what the policies would do about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit.errors import NEEDS_A_PERSON, CommandError
from cli.kit.options import Format, OutputOption
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.engine.facts.explain import Explained
    from shared.events.wire.own_workspace import Home
    from shared.policy.sections.model import Policy

DEFAULT_POLICIES = Path("policies")
STDIN = "-"
# What a tool's bare result is about when neither --model nor the policies say it.
UNNAMED = "unnamed"
_RESULT_KEYS = frozenset({"metrics", "metric_results", "tests"})
_EVENT_KEYS = frozenset({"schemaid", "type", "eventtype", "id"})


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
            help="The model that a bare result of Evidently or NannyML, without its envelope, is about. Default: the "
            "policies' model, where they have one.",
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
        print_json([_as_json(explanation) for explanation in explained])
    else:
        _print(explained)
    if any(explanation.outcome == "refused" for explanation in explained):
        raise typer.Exit(NEEDS_A_PERSON)


def _explain_files(files: list[Path], policies: Path | None, home: Home | None, model: str | None) -> list[Explained]:
    from shared.engine.facts.explain import explain as explain_one
    from shared.policy.deciding.book import PolicyBook

    loaded, now = _policies(policies), datetime.now(UTC)
    book, about = PolicyBook(loaded), model or (loaded[0].model if len(loaded) == 1 else UNNAMED)
    return [
        explanation
        for file in files
        for place, raw in _items(file, about)
        for explanation in explain_one(raw, place, now, book, home)
    ]


def _items(file: Path, model: str) -> Iterator[tuple[str, str]]:
    """Yield what is in a file, with its place: a whole body, the elements of an array, or lines of JSON.

    A tool's bare result is taken as posted for `model`.
    """
    from shared.events.wire.batch import events_in, oversize

    body = _read(file)
    # As the app decodes a body: what is not UTF-8 is not JSON either, and is refused with a readable message.
    content = body.decode(errors="backslashreplace").removeprefix("\ufeff").strip()
    if posted := _enveloped(content, model):
        yield str(file), posted
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


def _enveloped(content: str, model: str) -> str:
    """Return a tool's bare result as it is posted, "" for what is none: Evidently gives an object, NannyML rows."""
    from shared.events.alerts.external import SCHEMA
    from shared.events.alerts.results.nannyml import ALERT

    try:
        result = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if isinstance(result, dict):
        keys = {key.lower() for key in result}
        tool = "evidently" if _RESULT_KEYS & keys and not _EVENT_KEYS & keys else ""
        tool = "nannyml" if any(key.endswith(ALERT) for key in keys) else tool
    else:
        row = result[-1] if isinstance(result, list) and result else None
        # A table with two levels of names, too: its reader's error says what to post instead.
        is_chunk = isinstance(row, dict) and any(key.rstrip("')").endswith(ALERT[1:]) for key in row)
        tool = "nannyml" if is_chunk else ""
    return json.dumps({"schemaId": SCHEMA, "data": {"tool": tool, "model": model, "result": result}}) if tool else ""


def _policies(place: Path | None) -> tuple[Policy, ...]:
    from cli.kit.policy_files import read_policy
    from shared.bootstrap import policy_sections
    from shared.policy.reading.load import load_policies
    from shared.reactions.registry import reactions

    if place is None and not DEFAULT_POLICIES.is_dir():
        return ()
    chosen = place or DEFAULT_POLICIES
    if not chosen.is_dir():
        return (read_policy(chosen),)
    return load_policies(chosen, policy_sections(), tuple(reactions().values()))


def _home(workspace: str | None, sources: list[str]) -> Home | None:
    from shared.events.wire.own_workspace import Home

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
            {"model": reaction.model, "reaction": reaction.name, "suppressed": reaction.suppressed}
            for reaction in explained.reactions
        ],
    }


def _print(explained: list[Explained]) -> None:
    out = console()
    styles = {"fact": "green", "ignored": "dim", "refused": "red"}
    for explanation in explained:
        what = f"{explanation.kind} {explanation.subject}".strip()
        out.print(
            text(f"{explanation.outcome:<8}", styles[explanation.outcome]),
            text(what or explanation.event, "bold"),
            soft_wrap=True,
        )
        if what:
            out.print(text(f"         event {explanation.event}", "dim"), soft_wrap=True)
        for line in _done(explanation):
            out.print(text(f"         {line}"), soft_wrap=True)
    out.print(text("read over an empty memory: no training, cooldown, freeze or release is known", "dim"))


def _done(explained: Explained) -> list[str]:
    done = [
        f"{reaction.model}: {reaction.name}"
        + (f", held back: {reaction.suppressed}" if reaction.suppressed else f" ({reaction.why})")
        for reaction in explained.reactions
    ]
    return done or [explained.reason or "nothing to say"]
