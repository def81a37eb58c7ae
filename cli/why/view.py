"""Lays the answer of `vigia why` out, from what happened to what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from cli.kit.output import text
from cli.kit.times import clock

if TYPE_CHECKING:
    from cli.why.report import Answer
    from shared.domain.fact import Fact, FeatureDrift
    from shared.domain.releases.release import Release
    from shared.domain.state import Training
    from shared.store.facts.ledger import Entry

_STATUS_STYLES = {"done": "green", "suppressed": "yellow", "failed": "bold red"}
_ENTRY_STATES = {
    "claimed": "is being acted on",
    "done": "is done with",
    "parked": "could not be acted on, and waits for a person",
}
FEATURES_SHOWN = 5


def answer_tree(answer: Answer) -> Tree:
    tree = Tree(text(answer.asked, "bold"))
    if answer.release:
        _add_release(tree, answer.release)
    if answer.entry is None:
        tree.add(text(f"the ledger has no fact {answer.key[:16]}: it was released by other means", "dim"))
        return tree
    _add_fact(tree, answer.entry.fact)
    _add_decision(tree, answer.entry)
    _add_outcome(tree, answer.entry)
    for training in answer.trainings:
        _add_training(tree, training)
    return tree


def _add_release(tree: Tree, release: Release) -> None:
    branch = tree.add(text(f"release: {release.state.replace('_', ' ')}", "bold"))
    branch.add(text(release.reason))
    branch.add(text(f"vigia releases get {release.id} tells the whole story", "dim"))


def _add_training(tree: Tree, training: Training) -> None:
    branch = tree.add(text(f"training {training.job}: {training.outcome or 'not known to have ended'}", "bold"))
    for line in (training.problem, training.link):
        if line:
            branch.add(text(line))


def _add_fact(tree: Tree, fact: Fact) -> None:
    branch = tree.add(text(f"what happened: {fact.kind}", "bold"))
    branch.add(text(f"{clock(fact.occurred_at)} UTC, {fact.subject or 'no subject'}, told by event {fact.event_id}"))
    for line in _body(fact):
        branch.add(text(line))
    branch.add(text(f"fact {fact.key}", "dim"))


def _body(fact: Fact) -> Iterator[str]:
    for field in dataclasses.fields(fact.body):
        value = getattr(fact.body, field.name)
        if field.name == "kind" or value in (None, "", ()):
            continue
        if field.name == "features":
            yield from _features(value)
        else:
            shown = ", ".join(value) if isinstance(value, tuple) else value
            yield f"{field.name.replace('_', ' ')}: {shown}"


def _features(features: tuple[FeatureDrift, ...]) -> Iterator[str]:
    for feature in features[:FEATURES_SHOWN]:
        yield f"{feature.feature}: {feature.metric} {feature.value:.3g} against {feature.threshold:.3g}"
    if len(features) > FEATURES_SHOWN:
        yield f"and {len(features) - FEATURES_SHOWN} features more"


def _add_decision(tree: Tree, entry: Entry) -> None:
    branch = tree.add(text("what was decided", "bold"))
    for reaction in entry.plan:
        node = branch.add(Text.assemble(text(reaction.name, "cyan"), text(f" for {reaction.model}: {reaction.why}")))
        if reaction.suppressed:
            node.add(text(f"held back: {reaction.suppressed}", "yellow"))
    for remark in entry.remarks:
        branch.add(text(remark))
    if not entry.plan and not entry.remarks:
        branch.add(text("nothing: no rule of the policy wants anything done about it"))
    if entry.policy_digests:
        branch.add(text(f"by policy {', '.join(digest[:16] for digest in entry.policy_digests)}", "dim"))


def _add_outcome(tree: Tree, entry: Entry) -> None:
    branch = tree.add(text(f"what came of it: it {_ENTRY_STATES[entry.state]}", "bold"))
    for outcome in entry.outcomes:
        status = text(outcome.status, _STATUS_STYLES[outcome.status])
        branch.add(Text.assemble(status, text(f"  {outcome.reaction}: {outcome.detail}")))
    if entry.epoch > 1:
        branch.add(text(f"taken up {entry.epoch} times: workers before it stopped half-way", "dim"))
    if entry.notices:
        kinds = ", ".join(dict.fromkeys(notice.kind.value for notice in entry.notices))
        branch.add(text(f"people were told: {kinds}" if entry.notices_posted else f"still to be told: {kinds}"))
