"""Lays releases out: the list, and the story of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from cli.kit.batch_words import default_lines
from cli.kit.output import text
from cli.kit.times import ago, clock, span, until
from cli.releases.line import ReleaseLine, state_text, step_words
from shared.domain.releases.card import DataUsed, VersionCard
from shared.domain.releases.outcome import AbPlan, tested_words
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from shared.release.core.words import split
from shared.release.states.ab_test import holds

if TYPE_CHECKING:
    from cli.releases.records import Approval

_VERDICTS = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "yellow"}


def list_table(releases: Iterable[Release], now: datetime) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("release", overflow="fold", min_width=12)
    table.add_column("state", no_wrap=True)
    table.add_column("step", no_wrap=True)
    table.add_column("traffic", justify="right", no_wrap=True)
    table.add_column("age", no_wrap=True, justify="right")
    table.add_column("reason", ratio=1, overflow="fold")
    for release in releases:
        line = ReleaseLine.from_release(release)
        step = f"{release.step_index + 1}/{len(release.steps)}" if line.step else "–"
        reason = f"held: {line.held_because}" if line.held_because else line.reason
        age = span(now - release.opened_at)
        table.add_row(text(line.id), state_text(line.state), step, _percent(line), age, text(reason))
    return table


def _percent(line: ReleaseLine) -> str:
    return "–" if line.percent is None else f"{line.percent} %"


def release_tree(release: Release, request: ReleaseRequest | None, approval: Approval | None, now: datetime) -> Tree:
    """Return everything about a release, in the order in which it happens."""
    tree = Tree(_headline(release, now))
    _add(tree, "what", _facts(release, request))
    _add(tree, "story (UTC)", _story(release))
    _add(tree, "gates", (_gate(result) for result in release.gate_results))
    _add(tree, "approval", _approval(approval, now) if approval else ())
    if release.plan.batch:
        _add(tree, "default deployment", map(text, default_lines(release, release.plan.batch)))
    else:
        _add(tree, "traffic", _traffic(release))
    _add(tree, "A/B test", _test(release, release.plan.ab) if release.plan.ab else ())
    _add(tree, "judgement", _judgement(release.judgement) if release.judgement else ())
    return tree


def card_tree(card: VersionCard) -> Tree:
    """Return what a version's card says, but for its story: `vigia releases get` tells that."""
    release = card.release
    name = text(f"{release.model}:{release.version}", "bold")
    tree = Tree(Text.assemble(name, "  ", state_text(release.state), text(f", as of {clock(card.updated_at)}", "dim")))
    _add(tree, "why", [text(release.reason)])
    _add(tree, "gates", map(_gate, release.gate_results))
    _add(tree, "data", (text(f"{used.purpose}: {used.reference}, {_rows(used)}") for used in card.evidence.data))
    for entry in card.evidence.attributions:
        ranked = sorted(entry.features.items(), key=lambda item: -item[1])
        _add(tree, f"version {entry.version} leans on", (text(f"{feature} {size:.4g}") for feature, size in ranked))
    if decision := card.decision:
        by = f"{decision.choice} by {', '.join(decision.by) or 'nobody'} {clock(decision.at)}"
        _add(tree, "decision", [text(f"{by}: {decision.reason}" if decision.reason else by)])
    _add(tree, "not judged", map(text, card.limits))
    return tree


def _rows(used: DataUsed) -> str:
    return "rows not counted" if used.rows is None else f"{used.rows:,} rows"


def _headline(release: Release, now: datetime) -> Text:
    headline = Text.assemble(text(release.id, "bold"), "  ", state_text(release.state))
    if release.state.is_terminal:
        headline.append(f", {ago(release.entered_at, now)}", "dim")
        return headline
    if step := step_words(release):
        headline.append(f", {step}")
    headline.append(f", for {span(now - release.entered_at)}", "dim")
    if release.deadline:
        headline.append(f", at most until {clock(release.deadline)} ({until(release.deadline, now)})", "dim")
    return headline


def _facts(release: Release, request: ReleaseRequest | None) -> Iterator[Text]:
    yield text(f"version {release.version} of {release.model} for endpoint {release.endpoint}")
    champion = release.champion
    was = f"champion: version {champion.version or '?'} on {champion.deployment}" if champion else "no champion"
    yield text(f"challenger: {release.challenger.deployment}; {was}")
    behind = f", submitted by {release.submitter}" if release.submitter else ""
    yield text(f"cause: {release.cause}{behind}; vigia why {release.opened_by[:16]}")
    yield text(f"now: {release.reason}")
    if release.held_because:
        yield text(f"held: {release.held_because}", "yellow")
    if request:
        yield text(f"{request.by} asked to {request.kind} at {clock(request.at)}: {request.reason}", "yellow")


def _story(release: Release) -> Iterator[Text]:
    yield Text.assemble(text(clock(release.opened_at), "dim"), "  ", state_text("opened"), text(f": {release.cause}"))
    for move in release.history:
        entered = state_text(move.entered)
        yield Text.assemble(text(clock(move.at), "dim"), "  ", entered, text(f": {move.reason}"))
        for name in ("log", "studio"):
            if name in move.evidence:
                yield text(f"    {name}: {move.evidence[name]}", "dim")


def _gate(result: GateResult) -> Text:
    verdict = text(result.verdict, _VERDICTS[result.verdict])
    return Text.assemble(verdict, text(f"  {result.gate}: {result.reason}"))


def _approval(approval: Approval, now: datetime) -> Iterator[Text]:
    request = approval.request
    yield text(f"{request.quorum} of {', '.join(request.approvers)} must agree")
    for vote in approval.votes:
        given_reason = f": {vote.reason}" if vote.reason else ""
        yield text(f"{clock(vote.at)}  {vote.person} says {vote.choice}{given_reason}")
    decision = approval.decision
    if decision is None:
        yield text(f"undecided; expires {clock(request.expires_at)} ({until(request.expires_at, now)})", "yellow")
    else:
        by = f" by {', '.join(decision.by)}" if decision.by else ""
        yield text(
            f"{clock(decision.at)}  {decision.choice}{by}", "green" if decision.choice == "approved" else "yellow"
        )


def _traffic(release: Release) -> Iterator[Text]:
    steps = [f"{share} %" for share in release.steps]
    yield text(f"planned for the challenger: {' → '.join(steps)}")
    if release.traffic_steps:
        yield text(f"reached: {' → '.join(f'{share} %' for share in release.traffic_steps)}")
    if release.state is ReleaseState.CANARY:
        yield text(f"step {release.step_index + 1}: {split(release.traffic_at(release.step_index))}")
    elif release.holdback and not release.state.is_terminal:
        yield text(f"while it is watched: {split(release.traffic_at(len(release.steps) - 1))}")


def _test(release: Release, plan: AbPlan) -> Iterator[Text]:
    sure = f"{100 * plan.confidence:g} % sure"
    yield text(f"promoted when {tested_words(plan)} ({sure})")
    for end in holds(release)[len(release.outcomes) :]:
        yield text(f"to be tested {clock(end)}", "dim")
    for outcome in release.outcomes:
        yield from _judgement(outcome)


def _judgement(judgement: Judgement) -> Iterator[Text]:
    yield Text.assemble(text(judgement.verdict, _VERDICTS[judgement.verdict]), text(f"  {judgement.reason}"))
    if judgement.numbers:
        yield text(numbers(judgement.numbers), "dim")


def numbers(values: Mapping[str, float]) -> str:
    """Return e.g. "requests 1,234, ratio 1.04"."""
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items())


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def _add(tree: Tree, label: str, lines: Iterable[Text]) -> None:
    shown = list(lines)
    if shown:
        branch = tree.add(text(label, "bold"))
        for line in shown:
            branch.add(line)
