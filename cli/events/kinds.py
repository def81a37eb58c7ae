"""The events that a person can trigger: their options, and how each is built."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from cli.kit.errors import CommandError
from shared.ports.publisher import OutgoingEvent, cloud_event


@dataclass(frozen=True, slots=True)
class Answers:
    """What was given on the command line; None where nothing was. Money is in `currency` units."""

    by: str
    model: str | None = None
    version: str | None = None
    reason: str | None = None
    signal: str | None = None
    request: str | None = None
    data: str | None = None
    location: str | None = None
    budget: str | None = None
    percent: float | None = None
    amount: float | None = None
    spent: float | None = None
    currency: str | None = None
    basis: str | None = None
    endpoint: str | None = None
    deployment: str | None = None
    rule: str | None = None
    condition: str | None = None
    commit: str | None = None
    repository: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind. `needs` and `takes` name fields of Answers, which are options of the command too."""

    name: str
    summary: str
    needs: tuple[str, ...]
    takes: tuple[str, ...]
    build: Callable[[str, datetime, Answers], OutgoingEvent]

    def check(self, answers: Answers) -> None:
        """Refuse answers that are missing, and ones that would be ignored.

        Raises:
            CommandError: names every one of them.
        """
        given = {name for name in Answers.__dataclass_fields__ if name != "by" and getattr(answers, name) is not None}
        missing = [f"--{name}" for name in self.needs if name not in given]
        surplus = [f"--{name}" for name in sorted(given - {*self.needs, *self.takes})]
        problems = [f"needs {', '.join(missing)}"] if missing else []
        problems += [f"takes no {', '.join(surplus)}"] if surplus else []
        if problems:
            raise CommandError("cli.answers", f"{self.name} {' and '.join(problems)}", f"write {self.usage}")

    @property
    def usage(self) -> str:
        options = [f"--{name} …" for name in self.needs] + [f"[--{name} …]" for name in self.takes]
        return f"vigia events trigger {self.name} {' '.join(options)}"


def find_kind(name: str) -> EventKind:
    """Return the kind of that name.

    Raises:
        CommandError: there is none; the hint lists the right ones.
    """
    match = next((kind for kind in KINDS if kind.name == name), None)
    if match is None:
        raise CommandError("cli.kind", f"no event kind is called {name!r}", f"write one of {', '.join(names())}")
    return match


def names() -> list[str]:
    return [kind.name for kind in KINDS]


def build_event(kind: EventKind, answers: Answers, source: str, now: datetime) -> OutgoingEvent:
    """Return the event that the answers describe, checked by reading it as the app would."""
    kind.check(answers)
    event = kind.build(source, now, _without_blanks(answers))
    _read_back(event)
    return event


def _without_blanks(answers: Answers) -> Answers:
    texts: dict[str, Any] = {name: getattr(answers, name) for name in Answers.__dataclass_fields__}
    stripped: dict[str, Any] = {n: value.strip() for n, value in texts.items() if isinstance(value, str)}
    return replace(answers, **stripped)


def _read_back(event: OutgoingEvent) -> None:
    from shared.errors import EventError
    from shared.events.registry import parse_fact
    from shared.events.wire.envelope import read_events

    try:
        for envelope in read_events(json.dumps(cloud_event(event))):
            parse_fact(envelope)
    except EventError as exc:
        raise CommandError("cli.event", f"the app would refuse this event: {exc.message}", exc.hint) from exc


def fact_key(event: OutgoingEvent) -> str:
    """Return the key of the event's fact in the ledger."""
    from shared.domain.fact import Fact
    from shared.events.registry import parse_fact
    from shared.events.wire.envelope import read_events

    [envelope] = read_events(json.dumps(cloud_event(event)))
    fact = parse_fact(envelope)
    return fact.key if isinstance(fact, Fact) else ""


def _model_registered(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.domain.ids import ModelName, ModelVersion
    from shared.events.sent.outgoing import model_registered_hint

    # A hint of its own each time, or a repeated request would be a duplicate of the first.
    hint = f"{answers.by} {uuid.uuid4().hex[:8]}"
    model, version = ModelName(answers.model or ""), ModelVersion(answers.version or "")
    return model_registered_hint(source, now, model=model, version=version, hint=hint)


def _retraining_requested(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.domain.ids import ModelName
    from shared.events.sent.outgoing import retraining_requested

    pipeline = (("commit", answers.commit), ("repository", answers.repository), ("runUrl", answers.run))
    return retraining_requested(
        source,
        now,
        model=ModelName(answers.model or ""),
        request=answers.request or _fresh("request"),
        reason=answers.reason or "",
        requested_by=answers.by,
        **{key: value for key, value in pipeline if value},
    )


def _drift_detected(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.domain.ids import ModelName
    from shared.events.sent.outgoing import drift_detected

    return drift_detected(
        source,
        now,
        model=ModelName(answers.model or ""),
        monitor="by-hand",
        signal=answers.signal or "data-drift",
        run=answers.request or _fresh("look"),
        detail=f"{answers.reason} (told by {answers.by})",
    )


def _budget_alert(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.events.sent.outgoing import budget_alert

    percent, amount = answers.percent or 0.0, 1000.0 if answers.amount is None else answers.amount
    basis: Literal["actual", "forecasted"] = "forecasted" if answers.basis == "forecasted" else "actual"
    return budget_alert(
        source,
        now,
        budget_name=answers.budget or "",
        basis=basis,
        percent=percent,
        amount=amount,
        spent=amount * percent / 100 if answers.spent is None else answers.spent,
        currency=answers.currency or "USD",
        period_start=now.date().replace(day=1),
    )


def _endpoint_alert(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.domain.ids import EndpointName
    from shared.events.sent.outgoing import endpoint_alert

    condition: Literal["fired", "resolved"] = "resolved" if answers.condition == "resolved" else "fired"
    return endpoint_alert(
        source,
        now,
        endpoint=EndpointName(answers.endpoint or ""),
        deployment=answers.deployment,
        rule=answers.rule or "by-hand",
        condition=condition,
        fired_at=now,
        detail=answers.reason or f"told by {answers.by}",
    )


def _data_arrived(source: str, now: datetime, answers: Answers) -> OutgoingEvent:
    from shared.events.sent.outgoing import data_arrived

    if answers.version is None and answers.location is None:
        raise CommandError(
            "cli.answers", "data-arrived needs --version, or --location", "name the version or the folder"
        )
    return data_arrived(
        source, now, data_name=answers.data or "", version=answers.version, location=answers.location or ""
    )


def _fresh(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:12]}"


KINDS: tuple[EventKind, ...] = (
    EventKind("model-registered", "Look at a registered model again.", ("model", "version"), (), _model_registered),
    EventKind(
        "retraining-requested",
        "Ask for a training.",
        ("model", "reason"),
        ("request", "commit", "repository", "run"),
        _retraining_requested,
    ),
    EventKind(
        "drift-detected",
        "Tell that a model's data drifted. It trains only what a monitor's run confirms; to train, ask for it.",
        ("model", "reason"),
        ("signal", "request"),
        _drift_detected,
    ),
    EventKind(
        "budget-alert",
        "Tell that spending reached a percentage of a budget.",
        ("budget", "percent"),
        ("amount", "spent", "currency", "basis"),
        _budget_alert,
    ),
    EventKind(
        "endpoint-alert",
        "Tell that an endpoint is in trouble, or well again.",
        ("endpoint",),
        ("deployment", "rule", "condition", "reason"),
        _endpoint_alert,
    ),
    EventKind(
        "data-arrived",
        "Tell that a version of a data asset is ready.",
        ("data",),
        ("version", "location"),
        _data_arrived,
    ),
)
