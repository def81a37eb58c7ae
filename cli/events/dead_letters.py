"""`vigia events dead`, `show`, `replay` and `dismiss`: events without their effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.errors import NEEDS_A_PERSON, CommandError
from cli.kit.options import ByOption, Format, OutputOption, SettingsOption, is_interactive, person, required_text
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.engine.recovery.dead_letters import DeadLetter, Source
    from shared.engine.recovery.replay import Result

SHORTEST_ID = 4
LETTERS: dict[str, Source] = {"d": "dead", "p": "poison", "q": "quarantine", "f": "parked", "a": "audit"}


class Place(StrEnum):
    """Where events without their effects are."""

    DEAD = "dead"
    POISON = "poison"
    QUARANTINE = "quarantine"
    PARKED = "parked"
    AUDIT = "audit"


PlaceOption = typer.Option(
    help="Only these: dead (given up by Event Grid), poison, quarantine, parked; audit is everything in the ledger.",
    show_default=False,
)
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only what came there in this time, e.g. 2d.", show_default=False),
]
IdsArgument = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, as `vigia events dead` shows them.")]


def dead(
    source: Annotated[Place | None, PlaceOption] = None,
    since: SinceOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List events without their effects: undelivered by Event Grid, failed too often, in quarantine, or parked.

    Each with the reason, and with what putting it back would come to. Of each poison queue the first 32 messages are
    shown, and how many more there are; `vigia events replay` takes all of them.

    \b
    Examples:
      vigia events dead
      vigia events dead --source quarantine --since 2d -o json
    """
    with waiting("looking everywhere"):
        app = context.open_app(settings)
        items = app.dead_letters.items(_sources(source), _moment(app, since))
        unseen = app.dead_letters.unseen() if source in {None, Place.POISON} else 0
    from cli.events.dead_letters_view import item_json, items_table, prospects

    if output is Format.JSON:
        print_json({"items": [item_json(item) for item in items], "counts": _counts(items), "unseen": unseen})
        return
    if items:
        console().print(items_table(items, app.clock.now()))
    console().print(text(prospects(items)), soft_wrap=True)
    if unseen:
        line = f"About {unseen} more poison messages are behind these; `vigia events replay` takes them, too."
        console().print(text(line, "yellow"), soft_wrap=True)


def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An id, as `vigia events dead` shows it.")],
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show one of them whole: the event, why it is there, what the ledger says, and what replaying would do.

    \b
    Examples:
      vigia events show d-3fa9c1d2e4b5
      vigia events show a-8f14e45fceea
    """
    with waiting("looking for it"):
        app = context.open_app(settings)
        item = _find(app, identifier)
    from cli.events.dead_letters_view import item_json, item_tree

    if output is Format.JSON:
        print_json({**item_json(item), "body": item.body})
    else:
        console().print(item_tree(item, app.clock.now()))


def replay(
    identifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Ids; without any, everything that waits.")
    ] = None,
    source: Annotated[
        Place | None, typer.Option("--from", help="Only what is there; audit is a drill over the whole ledger.")
    ] = None,
    since: SinceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")] = "",
    by: ByOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Put events back on their queue, and parked facts back to work. Nothing acts twice: the ledger knows what is done.

    Says first how many would act, are done already, or cannot be read, and asks. What was put back leaves the list;
    what cannot be read stays there (exit code 1).

    \b
    Examples:
      vigia events replay d-3fa9c1d2e4b5 --reason "the function was missing"
      vigia events replay --from dead --since 2d --dry-run
      vigia events replay --from audit --since 1d --yes
    """
    who = person(by, settings)
    with waiting("looking everywhere"):
        app = context.open_app(settings)
        items = _chosen(app, identifiers or [], source, since)
    from cli.events.dead_letters_view import prospects

    if output is Format.TABLE:
        console().print(text(prospects(items)), soft_wrap=True)
    results: dict[str, Result] = {}
    if items and not dry_run:
        _confirm(yes, len(items), output)
        results = _replay(app, items, who, reason.strip())
        _tell(results, output)
    if output is Format.JSON:
        print_json({"items": [item.id for item in items], "counts": _counts(items), "results": results})
    if "refused" in results.values():
        raise typer.Exit(NEEDS_A_PERSON)


def dismiss(
    identifiers: IdsArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")],
    by: ByOption = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Take some of them off the list for good. Who did it, when, why, and the whole event are kept.

    \b
    Example:
      vigia events dismiss q-1b2c3d4e5f60 --reason "a typing error in a test"
    """
    who, cause = person(by, settings), required_text(reason, "--reason")
    with waiting("dismissing"):
        app = context.open_app(settings)
        items = _chosen(app, identifiers, None, None)
        results = {item.id: "dismissed" if app.replay.dismiss(item, who, cause) else "gone" for item in items}
    if output is Format.JSON:
        print_json({"results": results})
        return
    for identifier, result in results.items():
        line = f"{identifier} is dismissed: {cause}" if result == "dismissed" else f"{identifier} is gone already"
        console().print(text(line), soft_wrap=True)


def _replay(app: App, items: Sequence[DeadLetter], by: str, reason: str) -> dict[str, Result]:
    with waiting(f"putting {len(items)} back"):
        return app.replay.replay_all(items, by, reason)


def _tell(results: dict[str, Result], output: Format) -> None:
    if output is Format.JSON:
        return
    counts = Counter(results.values())
    words = {
        "replayed": "put back",
        "cleared": "cleared, for nothing was left to do",
        "refused": "left where they are: see `vigia events show`, and fix the cause or dismiss them",
        "gone": "gone meanwhile",
    }
    for result, sentence in words.items():
        if number := counts[result]:  # type: ignore[index]  # the keys are the results
            console().print(text(f"{number} {sentence}"), soft_wrap=True)


def _confirm(yes: bool, number: int, output: Format) -> None:
    if yes:
        return
    if output is Format.JSON or not is_interactive():
        raise CommandError("cli.unconfirmed", "nobody is there to agree to it", "give --yes, or --dry-run to only look")
    typer.confirm(f"Put {'it' if number == 1 else f'these {number}'} back?", abort=True)


def _counts(items: Sequence[DeadLetter]) -> dict[str, int]:
    counts = Counter(item.prospect for item in items)
    return {"act": counts["act"], "known": counts["known"], "nothing": counts["nothing"], "refused": counts["refused"]}


def _sources(place: Place | None) -> tuple[Source, ...]:
    from shared.engine.recovery.dead_letters import WAITING

    return WAITING if place is None else (place.value,)


def _moment(app: App, since: str | None) -> datetime | None:
    """Return the moment that lies so long ago, e.g. "2d".

    Raises:
        CommandError: it is no length of time.
    """
    if since is None:
        return None
    from pydantic_core import PydanticCustomError

    from shared.policy.sections.quantities import parse_duration

    try:
        return app.clock.now() - parse_duration(since)
    except PydanticCustomError as exc:
        raise CommandError("cli.since", f"--since {exc.message()}", "write e.g. 30m, 12h or 2d") from exc


def _chosen(app: App, given: Sequence[str], place: Place | None, since: str | None) -> list[DeadLetter]:
    if given and (place or since):
        raise CommandError("cli.choice", "ids and --from or --since do not go together", "give the one or the other")
    if not given:
        return app.dead_letters.items(_sources(place), _moment(app, since), is_deep=True)
    chosen = {item.id: item for identifier in given for item in [_find(app, identifier)]}
    return sorted(chosen.values(), key=lambda item: item.at)


def _find(app: App, given: str) -> DeadLetter:
    """Return the item of an id or its beginning; an id in quarantine and a parked fact's key name one, too.

    Raises:
        CommandError: there is none, or there are several.
    """
    if len(given) < SHORTEST_ID:
        raise CommandError("cli.id", f"{given!r} is too short", f"give at least {SHORTEST_ID} characters of the id")
    letter = given[0] if given[1] == "-" else ""
    sources = (LETTERS[letter],) if letter in LETTERS else _sources(None)
    matches = _matching(app.dead_letters.items(sources), given)
    if not matches and "poison" in sources and app.dead_letters.unseen():
        poison: tuple[Source, ...] = ("poison",)
        matches = _matching(app.dead_letters.items(poison, is_deep=True), given)
    if not matches:
        raise CommandError("cli.id", f"nothing here has the id {given!r}", "`vigia events dead` lists what there is")
    if len(matches) > 1:
        listed = ", ".join(item.id for item in matches[:5])
        raise CommandError("cli.id", f"several ids begin with {given!r}: {listed}", "give more of the id")
    return matches[0]


def _matching(items: Sequence[DeadLetter], given: str) -> list[DeadLetter]:
    return [item for item in items if item.id.startswith(given) or _names_place(item, given)]


def _names_place(item: DeadLetter, given: str) -> bool:
    return item.source in {"quarantine", "parked"} and item.place.startswith(given)
