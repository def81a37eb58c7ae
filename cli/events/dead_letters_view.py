"""Views of events without their effects: the list, one in full, and what replaying them would do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from cli.kit.output import counted, text
from cli.kit.times import ago, clock, until

if TYPE_CHECKING:
    from shared.engine.recovery.dead_letters import DeadLetter
    from shared.engine.recovery.event_status import Prospect, Reading

_SHORT: dict[Prospect, tuple[str, str]] = {
    "act": ("would act", "cyan"),
    "known": ("already in the ledger", "green"),
    "nothing": ("nothing to do", "dim"),
    "refused": ("cannot be used", "yellow"),
}
_LONG: dict[Prospect, str] = {
    "act": "it goes back to work: it is decided on, and acted on if a policy says so",
    "known": "the ledger has it already, so it would only leave this list",
    "nothing": "nothing is left to do, so it would only leave this list",
    "refused": "it would come back at once, so it stays here until the cause is fixed, or it is dismissed",
}
_STANDINGS = {
    "new": "not in the ledger",
    "passing": "in the ledger: it concerned no policy",
    "claimed": "in the ledger: is being acted on",
    "done": "in the ledger: done",
    "parked": "in the ledger: parked, and waits for a person",
    "ignored": "nobody here acts on it",
    "contradiction": "contradicts the ledger",
    "unreadable": "cannot be used",
}


def prospects(items: Sequence[DeadLetter]) -> str:
    """Return e.g. "3 items: 2 would act, 1 is already in the ledger, 0 cannot be used."."""
    if not items:
        return "Nothing is here."
    counts = Counter(item.prospect for item in items)
    parts = [f"{counts['act']} would act", f"{counts['known']} already in the ledger"]
    parts += [f"{counts['nothing']} with nothing to do"] if counts["nothing"] else []
    parts.append(f"{counts['refused']} cannot be used")
    return f"{counted(len(items), 'item')}: {', '.join(parts)}."


def items_table(items: Sequence[DeadLetter], now: datetime) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("id", no_wrap=True)
    table.add_column("since", no_wrap=True)
    for heading in ("event", "if replayed", "why it is here"):
        table.add_column(heading, overflow="fold")
    for item in items:
        words, style = _SHORT[item.prospect]
        table.add_row(text(item.id), text(ago(item.at, now)), text(_title(item)), text(words, style), text(item.reason))
    return table


def item_tree(item: DeadLetter, now: datetime) -> Tree:
    tree = Tree(text(f"{item.id}: {_title(item)}", "bold"))
    reason = tree.add(text("why it is here", "bold"))
    reason.add(text(item.reason))
    reason.add(text(f"{clock(item.at)} UTC, {ago(item.at, now)}, in {item.source}: {item.place}", "dim"))
    if item.expires_at:
        reason.add(text(f"expires {until(item.expires_at, now)}, unless the sweep renews it first", "dim"))
    content = tree.add(text("what it tells", "bold"))
    for reading in item.readings:
        node = content.add(text(f"{reading.type or 'unknown type'} {reading.subject}".rstrip()))
        for line in _lines(reading):
            node.add(line)
    if not item.readings:
        content.add(text("a message of the app to itself"))
    tree.add(text("if replayed", "bold")).add(_prospect(item))
    tree.add(text("the event", "bold")).add(_pretty(item.body))
    return tree


def item_json(item: DeadLetter) -> dict[str, object]:
    """Return the item with stable keys."""
    return {
        "id": item.id,
        "source": item.source,
        "at": item.at,
        "reason": item.reason,
        "place": item.place,
        "expires_at": item.expires_at,
        "prospect": item.prospect,
        "events": [
            {
                "event_id": reading.event_id,
                "type": reading.type,
                "subject": reading.subject,
                "fact": reading.fact,
                "standing": reading.standing,
                "problem": reading.problem,
            }
            for reading in item.readings
        ],
    }


def _title(item: DeadLetter) -> str:
    if not item.readings:
        return f"message of queue {item.place}"
    first = item.readings[0]
    title = f"{first.type.rsplit('.', 1)[-1] or 'unknown type'} {first.subject}".rstrip()
    return title if len(item.readings) == 1 else f"{title} and {len(item.readings) - 1} more"


def _lines(reading: Reading) -> Iterator[Text]:
    if reading.event_id:
        yield text(f"event {reading.event_id}", "dim")
    yield text(_STANDINGS[reading.standing] + (f": {reading.problem}" if reading.problem else ""))
    if reading.fact:
        yield text(f"vigia why {reading.fact[:16]}" if reading.standing != "new" else f"fact {reading.fact}", "dim")


def _prospect(item: DeadLetter) -> Text:
    if item.source == "parked":
        return text("its recorded plan is carried out again; what had succeeded is not done twice")
    return text(_LONG[item.prospect], _SHORT[item.prospect][1])


def _pretty(body: str) -> Text:
    if not body:
        return text("not kept: it was larger than 32 KB", "dim")
    try:
        shown = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        shown = body
    # Line by line, so that what is in it cannot drive the terminal.
    return Text("\n").join(text(line) for line in shown.splitlines())
