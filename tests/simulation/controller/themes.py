"""What a seed is about: consecutive seeds go through all themes, so that each hazard is met often enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.simulation.controller.sky import REFUSALS
from tests.simulation.controller.story import Shape
from tests.simulation.faults import Faults

REQUESTS = ("abort", "hold", "resume", "promote")


@dataclass(frozen=True, slots=True)
class Theme:
    """Args:
    at: faults at the calls this theme is about.
    share: of the heaviest faults everywhere else, 0 to 1; with 0 and no faults the deadlines are held to the minute.
    """

    name: str
    shape: Shape
    at: Mapping[str, Faults] = field(default_factory=dict)
    share: float = 0.2


UNANSWERED = Faults(lose_reply=0.3, lose_request=0.2, late=0.2)
AREAS = ("telemetry r", "data r", "models r", "jobs r", "approvals r", "endpoints r", "release-requests r")


def _gaps(*areas: str) -> tuple[tuple[str, str], ...]:
    return tuple((area, status) for area in areas for status in REFUSALS)


DAMAGES = (
    ("releases/*", "body"),
    ("releases/*", "metadata"),
    ("endpoints/*", "body"),
    ("approvals/*decision.json", "body"),
    ("approvals/*request.json", "body"),
    ("release-requests/*", "body"),
    ("releases/churn-2*", "body"),
)
AZURE_ML = ("deployment w", "traffic w", "endpoint w")
THEMES = (
    Theme("nothing goes wrong", Shape(), share=0.0),
    Theme(
        "people at the same moment",
        Shape(("hold", "resume", "promote"), moments=3, at_once=5, is_bad=0.0, approval=0.0),
        {"release-requests w": Faults(switch=0.8)},
        share=0.05,
    ),
    Theme("an endpoint that nobody can read", Shape(gaps=_gaps("endpoint r"), approval=0.0), share=0.0),
    Theme(
        "scores, models, decisions and records that nobody can read",
        Shape(("abort",), moments=1, gaps=_gaps(*AREAS), approval=0.5),
        share=0.0,
    ),
    Theme("claims that nobody can read", Shape(gaps=_gaps("endpoints r"), approval=0.0), share=0.0),
    Theme(
        "workers that are stopped before they make a deployment",
        Shape(("scale up",), moments=1, is_bad=0.5, approval=0.0, second_release=0.0),
        {"deployment w": Faults(sleep=0.8)},
        share=0.0,
    ),
    Theme(
        "workers that are stopped before they write traffic",
        Shape(("abort", "abort", "delete"), moments=2, is_bad=0.6, approval=0.0, second_release=0.0),
        {"traffic w": Faults(sleep=0.8)},
        share=0.0,
    ),
    Theme(
        "hands in the portal, and deployments that are down",
        Shape(
            ("split", "break", "break", "break champion"),
            moments=4,
            approval=0.0,
            is_bad=0.1,
            second_release=0.0,
            hand_edit=("repair", "repair", "hold"),
        ),
        share=0.05,
    ),
    Theme(
        "records that are damaged",
        Shape(damages=DAMAGES, other_model=True, second_release=0.5, approval=0.5),
        share=0.0,
    ),
    Theme(
        "answers that are lost",
        Shape(("abort", "retry"), moments=1, approval=0.2),
        {**dict.fromkeys(AZURE_ML, UNANSWERED), "releases w": UNANSWERED, "endpoints w": UNANSWERED},
        share=0.1,
    ),
    Theme(
        "people who decide at the same moment",
        Shape(("approve", "approve", "reject", "abort"), moments=2, at_once=4, approval=1.0, is_bad=0.0),
        {"approvals w": Faults(switch=0.5, lose_reply=0.1), "approvals r": Faults(switch=0.3)},
        share=0.05,
    ),
    Theme(
        "A/B tests whose data nobody can read for a while",
        Shape(("promote", "abort", "hold", *["resume"] * 6), moments=1, kind="ab", is_bad=0.1, approval=0.0),
        {"data r": Faults(refuse=0.35, switch=0.3), "releases w": Faults(lose_reply=0.1)},
        share=0.05,
    ),
    Theme(
        "batch endpoints whose answers are lost",
        Shape(("abort", "promote"), moments=1, kind="batch", is_bad=0.8, approval=0.1),
        {
            "traffic w": replace(UNANSWERED, lose_request=0.5),
            "scoring w": Faults(sleep=0.1, lose_reply=0.3, lose_request=0.1, late=0.1),
        },
        share=0.1,
    ),
    Theme(
        "evidence that is late, missing or too little",
        Shape(("abort",), moments=1, kind="evidence", approval=0.3),
        {"jobs w": replace(UNANSWERED, sleep=0.2), "data r": Faults(refuse=0.3)},
        share=0.05,
    ),
    Theme("everything", Shape((*REQUESTS, "undo", "retry"), moments=3, other_model=True), share=1.0),
)


def theme_of(seed: int) -> Theme:
    return THEMES[seed % len(THEMES)]
