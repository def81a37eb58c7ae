"""The story as it was recorded, in the order it happened: facts, decisions, jobs, traffic, messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo.outcome import Check, Evidence, cause
from shared.domain.reaction import ReactionResult
from shared.domain.releases.release import Release, ReleaseState
from shared.store.facts.ledger import Entry

STYLES = {"fact": "cyan", "decision": "white", "held": "yellow", "job": "blue", "release": "green", "notice": "magenta"}
BAD_ENDS = {ReleaseState.ROLLING_BACK, ReleaseState.ROLLED_BACK, ReleaseState.FAILED, ReleaseState.LOST}
# Shown by the reactions themselves; the bare fact adds nothing for the reader.
QUIET_FACTS = {"run-ended", "model-deployed"}


@dataclass(frozen=True)
class Moment:
    """One line of the timeline; `same` is what makes repeated lines one."""

    at: datetime
    kind: str
    text: str
    same: str = ""


def print_timeline(console: Console, evidence: Evidence) -> None:
    """Print the timeline, seconds counted from its first line."""
    moments = _folded(sorted(_moments(evidence), key=lambda moment: moment.at))
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for moment in moments:
        seconds = (moment.at - moments[0].at).total_seconds()
        table.add_row(f"{seconds:.1f} s", Text(moment.kind, STYLES.get(moment.kind, "red")), Text(moment.text))
    console.print(table)


def print_checks(console: Console, checks: list[Check]) -> None:
    for check in checks:
        mark = "[green]✓[/]" if check.holds else "[red]✗[/]"
        console.print(f" {mark} {check.promise}", highlight=False)


def _moments(evidence: Evidence) -> Iterator[Moment]:
    for entry in evidence.entries:
        yield from _of_fact(entry)
    for job in evidence.jobs:
        ended = job["times"].get("Completed") or job["times"].get("Failed") or job["times"].get("Canceled")
        if ended:
            text = f"{job['name']} {job['status'].lower()} ({cause(job)})"
            yield Moment(datetime.fromisoformat(ended), "job", text)
    for release in evidence.releases:
        yield from _of_release(release)
    yield from _of_messages(evidence)


def _of_fact(entry: Entry) -> Iterator[Moment]:
    if entry.fact.kind in QUIET_FACTS or not entry.outcomes:
        return
    at = entry.fact.occurred_at
    decided = [outcome for outcome in entry.outcomes if outcome.reaction != "notify"]
    if any(outcome.status == "done" for outcome in decided):
        yield Moment(at, "fact", f"{entry.fact.kind.replace('-', ' ')}: {_short(entry.fact.subject)}")
    for outcome in decided:
        yield _of_outcome(at, entry.fact.kind, outcome)


def _of_outcome(at: datetime, fact: str, outcome: ReactionResult) -> Moment:
    if outcome.status == "suppressed":
        reason = outcome.detail.partition(":")[0]
        text = f"{fact.replace('-', ' ')}, but no {outcome.reaction}: {outcome.detail}"
        return Moment(at, "held", text, f"{outcome.reaction}/{reason}")
    return Moment(at, "decision", f"{outcome.reaction}: {_short(outcome.detail)}")


def _of_release(release: Release) -> Iterator[Moment]:
    for move in release.history:
        kind = "held" if move.entered in BAD_ENDS else "release"
        yield Moment(move.at, kind, f"{release.id} → {move.entered.replace('_', ' ')}: {_short(move.reason)}")


def _of_messages(evidence: Evidence) -> Iterator[Moment]:
    """Yield one line per notice, with the channels that it reached."""
    first: dict[str, datetime] = {}
    reached: dict[str, Counter[str]] = {}
    for message in evidence.messages:
        kind, at = message["kind"] or "message", datetime.fromisoformat(message["at"])
        key = f"{kind}/{message['key']}"
        first[key] = min(at, first.get(key, at))
        reached.setdefault(key, Counter())[message["channel"]] += 1
    for key, at in first.items():
        channels = ", ".join(f"{count} × {channel}" for channel, count in sorted(reached[key].items()))
        yield Moment(at, "notice", f"{key.partition('/')[0].replace('-', ' ')} ({channels})")


def _folded(moments: list[Moment]) -> list[Moment]:
    """Return the moments with repeats folded into the first of them: lasting drift is measured again and again."""
    counts = Counter(moment.same for moment in moments if moment.same)
    first_moments: list[Moment] = []
    texts: set[str] = set()
    for moment in moments:
        if not moment.same:
            first_moments.append(moment)
        elif moment.same not in texts:
            texts.add(moment.same)
            more = counts[moment.same] - 1
            text = f"{moment.text} (and {more} more times)" if more else moment.text
            first_moments.append(Moment(moment.at, moment.kind, text))
    return first_moments


def _short(text: str, length: int = 150) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + " …"
