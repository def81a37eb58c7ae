"""What is published is what is read back, and its id is the same for the same thing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fact import (
    BudgetCrossed,
    DataArrived,
    DriftDetected,
    EndpointDegraded,
    FactBody,
    FeatureDrift,
    ModelRegistered,
    RetrainingRequested,
)
from shared.domain.ids import EndpointName, ModelName, ModelVersion
from shared.events.sent import outgoing
from shared.ports.publisher import OutgoingEvent
from tests.unit.events.wire import WORKSPACE, cloud, fact_from

TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).map(str.strip).filter(bool)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(
    lambda text: bool(text.strip())
)
SUMS = st.floats(min_value=0, max_value=1e12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def _reads_back(event: OutgoingEvent, body: FactBody) -> None:
    fact = fact_from(cloud(event))
    assert fact.body == body
    assert fact.occurred_at == event.time
    assert fact.source == WORKSPACE.lower()


@given(
    time=TIMES, model=WORDS, signal=WORDS, run=WORDS, number=NUMBERS, names=st.lists(WORDS, max_size=3), detail=TEXTS
)
def test_drift_detected(
    time: datetime, model: str, signal: str, run: str, number: float, names: list[str], detail: str
) -> None:
    features = tuple(FeatureDrift(name, "psi", number, 0.2) for name in names)
    event = outgoing.drift_detected(
        WORKSPACE,
        time,
        model=ModelName(model),
        monitor="hourly",
        signal=signal,
        run=run,
        features=features,
        detail=detail,
    )
    _reads_back(event, DriftDetected(ModelName(model), "hourly", signal, run, features, detail))


@given(
    time=TIMES, name=WORDS, basis=st.sampled_from(["actual", "forecasted"]), money=SUMS, start=st.none() | st.dates()
)
def test_budget_alert(
    time: datetime, name: str, basis: Literal["actual", "forecasted"], money: float, start: date | None
) -> None:
    event = outgoing.budget_alert(
        WORKSPACE,
        time,
        budget_name=name,
        basis=basis,
        percent=80.0,
        amount=money,
        spent=money / 2,
        currency="EUR",
        period_start=start,
    )
    _reads_back(event, BudgetCrossed(name, 80.0, basis, money, money / 2, "EUR", start))


@given(time=TIMES, fired_at=TIMES, endpoint=WORDS, deployment=st.none() | WORDS, rule=WORDS, detail=TEXTS)
def test_endpoint_alert(
    time: datetime, fired_at: datetime, endpoint: str, deployment: str | None, rule: str, detail: str
) -> None:
    event = outgoing.endpoint_alert(
        WORKSPACE,
        time,
        endpoint=EndpointName(endpoint),
        deployment=deployment,
        rule=rule,
        condition="resolved",
        fired_at=fired_at,
        detail=detail,
    )
    _reads_back(event, EndpointDegraded(EndpointName(endpoint), deployment, rule, "resolved", fired_at, detail))


@given(time=TIMES, name=WORDS, version=st.none() | WORDS, location=TEXTS)
def test_data_arrived(time: datetime, name: str, version: str | None, location: str) -> None:
    event = outgoing.data_arrived(WORKSPACE, time, data_name=name, version=version, location=location)
    _reads_back(event, DataArrived(name, version, location))


@given(time=TIMES, model=WORDS, request=WORDS, reason=TEXTS, person=WORDS)
def test_retraining_requested(time: datetime, model: str, request: str, reason: str, person: str) -> None:
    event = outgoing.retraining_requested(
        WORKSPACE, time, model=ModelName(model), request=request, reason=reason, requested_by=person
    )
    _reads_back(event, RetrainingRequested(ModelName(model), request, reason, person))


@given(time=TIMES, model=WORDS, version=WORDS, hint=WORDS)
def test_model_registered_hint(time: datetime, model: str, version: str, hint: str) -> None:
    event = outgoing.model_registered_hint(
        WORKSPACE, time, model=ModelName(model), version=ModelVersion(version), hint=hint
    )
    _reads_back(event, ModelRegistered(ModelName(model), ModelVersion(version)))


def _request(hour: int, request: str, source: str = WORKSPACE) -> OutgoingEvent:
    moment = datetime(2026, 11, 20, hour, tzinfo=UTC)
    return outgoing.retraining_requested(
        source, moment, model=ModelName("churn"), request=request, reason="r", requested_by="ana@example.com"
    )


def test_id_when_sent_again_later_stays() -> None:
    assert _request(7, "a").id == _request(8, "a", WORKSPACE.lower()).id


def test_id_of_another_request_differs() -> None:
    assert _request(7, "a").id != _request(7, "b").id


def test_hint_is_no_duplicate_of_the_registration_nor_of_another_hint() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    hints = [
        fact_from(
            cloud(
                outgoing.model_registered_hint(
                    WORKSPACE, moment, model=ModelName("churn"), version=ModelVersion("7"), hint=hint
                )
            )
        )
        for hint in ("1", "2")
    ]
    registration = fact_from(
        cloud(
            OutgoingEvent(
                "e",
                "Microsoft.MachineLearningServices.ModelRegistered",
                WORKSPACE,
                "",
                moment,
                {"ModelName": "churn", "ModelVersion": "7"},
            )
        )
    )
    assert len({fact.key for fact in (*hints, registration)}) == 3
