"""Ask people to label what drifted, and read their answers: images and texts come without labels, and training again on
the old ones would change nothing. The labelled version of the data starts the training (`retrain.on: [new-data]`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from shared.domain.assets import asset_reference, datastore_path, split_reference
from shared.domain.fact import DataArrived, DriftDetected, Fact
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.drift.signals.azure_signals import family_of
from shared.policy.sections.quantities import AssetRef, Duration
from shared.policy.sections.section import Section
from shared.policy.sections.signals import never_changes
from shared.ports.labels import LabelKind, LabelRequest, LabelTask
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, arguments, done, held_back

if TYPE_CHECKING:
    from shared.policy.sections.model import Policy

NAME, READ = "request-labels", "read-labels"


class Labelling(Section):
    """What people are asked to label when the data of an image or text model drifted.

    `item` is the column of the served rows that names the item, or is it, and `key` that of the row; `embedding` one of
    vectors, to find the unusual ones by. At most one request a day is made of the rows served within `look_back`.
    `tool` is whose tasks `vigia labels export` writes; answers become versions of `data`.
    """

    item: str = Field(min_length=1)
    key: str = Field(default="row_id", min_length=1)
    embedding: str = ""
    most: int = Field(default=200, ge=1, le=10_000)
    look_back: Duration = timedelta(hours=24)
    tool: Literal["jsonl", "label-studio", "cvat", "coco"] = "jsonl"
    task: LabelKind = "classes"
    classes: tuple[str, ...] = ()
    model_predictions: bool = True
    data: AssetRef | None = None

    def task_of(self, policy: Policy) -> LabelTask:
        return LabelTask(self.item, self.task, self.classes, self.key, policy.kind == "vision")

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.kind == "tabular":
            yield (
                "",
                "tabular models get their labels by themselves; leave it out, or write kind: vision or text",
            )
        if self.look_back <= timedelta(0):
            yield "look_back", "must be longer than 0; write e.g. 24h"
        if {"boxes": "text", "spans": "vision"}.get(self.task) == policy.kind:
            yield "task", f"{self.task} are not in a {policy.kind}; boxes are drawn in images, spans marked in texts"
        if {"cvat": "text", "coco": "text"}.get(self.tool) == policy.kind or (
            self.tool == "coco" and self.task != "boxes"
        ):
            yield "tool", "cvat labels images, and coco holds boxes alone; write label-studio"
        if len(set(self.classes)) < len(self.classes) or (self.tool != "jsonl" and not self.classes):
            yield "classes", f"{self.tool} offers classes, each once; write e.g. classes: [scratch, dent]"
        if self.data and (problem := never_changes(self.data)):
            yield "data", problem


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    match fact.body:
        case DriftDetected() as drift if family_of(drift) == "quality":
            return  # broken items teach a model nothing
        case DriftDetected(detail=detail) if policy.kind != "tabular" and policy.section(Labelling) is not None:
            yield Reaction(NAME, policy.model, f"drift: {detail}")


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    section = context.policy.section(Labelling)
    if section is None or context.labels is None:
        return held_back(reaction, "the policy no longer has a section labelling")
    # Of the fact, not of now: repeated on the next day, it is still the same request.
    at = context.fact.occurred_at
    request = LabelRequest(
        name=f"{at:%Y-%m-%d}",
        model=context.policy.model,
        endpoint=context.policy.endpoint.name,
        start=at - section.look_back,
        end=at,
        task=section.task_of(context.policy),
        embedding=section.embedding,
        most=section.most,
    )
    written = context.labels.request(request)
    if not written.items:
        return held_back(reaction, f"nothing was served in the {section.look_back} before: there is nothing to label")
    sentence = f"{written.items} items to label: {written.uri}"
    notice = context.daily_notice(
        NoticeKind.LABELS_REQUESTED, request.name, reason=reaction.why, items=str(written.items), location=written.uri
    )
    return done(reaction, sentence, written.uri, notice)


def propose_reading(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    file = datastore_path(fact.body.location) if isinstance(fact.body, DataArrived) else None
    if file and file.startswith(f"labelling/{policy.model}/answers/") and policy.section(Labelling):
        yield Reaction(READ, policy.model, f"people answered: {file}", arguments(file=file))


def read(reaction: Reaction, context: ReactionContext) -> Performed:
    policy, section = context.policy, context.policy.section(Labelling)
    if section is None or section.data is None or context.labels is None:
        return held_back(reaction, "the policy's section labelling names no data: write e.g. data: azureml:NAME@latest")
    name, _ = split_reference(section.data)
    made = context.labels.read(policy.model, reaction.arguments["file"], section.task_of(policy), name)
    remarks = "; ".join(made.remarks)
    asset = asset_reference(name, made.version)
    notice = context.notice(NoticeKind.LABELS_READ, reason=remarks, items=str(made.labels), location=asset)
    sentence = f"{made.labels} labels read, {made.rows} in all: {asset}"
    return done(reaction, f"{sentence}; {remarks}" if remarks else sentence, asset, notice)


SPEC = (
    ReactionSpec(NAME, propose, perform, {"labelling": Labelling}, looks_at_state=()),
    ReactionSpec(READ, propose_reading, read, looks_at_state=()),
)
