"""Vigia.BudgetAlert: spending crossed a threshold of a budget."""

from __future__ import annotations

from typing import Literal

from shared.domain.fact import BudgetCrossed, Fact
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = f"{OURS}BudgetAlert"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    basis: Literal["actual", "forecasted"] = (
        "actual" if data.one_of("basis", "actual", "forecasted") == "actual" else "forecasted"
    )
    body = BudgetCrossed(
        budget=data.name("budget"),
        percent=data.number("percent"),
        basis=basis,
        amount=data.number("amount"),
        spent=data.number("spent"),
        currency=data.optional_name("currency") or "",
        period_start=data.optional_date("periodStart"),
        alert=(data.optional_text("alert") or "").strip(),
    )
    return fact_of(envelope, body, identity_of(body))


def identity_of(body: BudgetCrossed) -> tuple[str, ...]:
    """Return what makes two alerts one: the sender's id; without one, the threshold of the budget, in its period.

    The amount is part of the latter, because a budget that is raised may be crossed again; what is spent grows from
    alert to alert and is not.
    """
    if body.alert:
        return (body.alert.lower(),)
    period = body.period_start.isoformat() if body.period_start else ""
    return body.budget, body.basis, f"{body.percent:g}", f"{body.amount:.2f}", period


SPEC = EventSpec((TYPE,), parse, "Spending crossed a threshold of a budget.")
