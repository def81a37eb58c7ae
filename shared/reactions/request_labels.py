"""Ask people to label what drifted: images and texts come without labels, and training again on the old ones would
change nothing. The labelled version of the data, once it arrives, starts the training (`retrain.on: [new-data]`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from shared.domain.fact import DriftDetected, Fact
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.drift.signals.azure_signals import family_of
from shared.policy.sections.quantities import Duration
from shared.policy.sections.section import Section
from shared.ports.labels import LabelRequest
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, done, held_back

if TYPE_CHECKING:
    from shared.policy.sections.model import Policy

NAME = "request-labels"


class Labelling(Section):
    """What people are asked to label when the data of an image or text model drifted.

    `item` is the column of the served rows that names the item, or is it; `embedding` a column of vectors, to find
    the unusual ones by. At most one request a day is made of the rows served within `look_back`.
    """

    item: str = Field(min_length=1)
    embedding: str = ""
    most: int = Field(default=200, ge=1, le=10_000)
    look_back: Duration = timedelta(hours=24)

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.kind == "tabular":
            yield (
                "",
                "tabular models get their labels by themselves; leave it out, or write kind: vision or text",
            )
        if self.look_back <= timedelta(0):
            yield "look_back", "must be longer than 0; write e.g. 24h"


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
        item=section.item,
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


SPEC = ReactionSpec(NAME, propose, perform, {"labelling": Labelling}, looks_at_state=())
