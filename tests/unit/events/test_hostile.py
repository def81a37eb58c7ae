"""Whatever arrives, the answer is an EventError that says what is wrong, or a fact; never anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fact import Fact, Ignored
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.events.registry import parse_fact, specs
from shared.events.wire.envelope import read_events
from tests.unit.events.wire import WORKSPACE, grid

NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)
REGISTERED = {"ModelName": "churn", "ModelVersion": "7"}


def _registered(**changes: object) -> str:
    return json.dumps(grid("ModelRegistered", {**REGISTERED, **changes}))


def _envelope(**changes: object) -> str:
    return json.dumps({**grid("ModelRegistered", REGISTERED), **changes})


def _without(key: str) -> str:
    return json.dumps({k: v for k, v in grid("ModelRegistered", REGISTERED).items() if k != key})


def _run(**data: object) -> str:
    return json.dumps(grid("RunStatusChanged", {"runId": "job-1", "runStatus": "Completed", **data}))


def _ours(kind: str, **data: object) -> str:
    envelope = {"id": "e", "source": WORKSPACE, "type": f"Vigia.{kind}", "time": "2026-11-20T07:00:00Z"}
    return json.dumps({**envelope, "specversion": "1.0", "data": data})


DRIFT = {"model": "m", "monitor": "m", "signal": "s", "run": "r"}
BUDGET = {"budget": "b", "basis": "actual", "percent": 80, "amount": 1000, "spent": 800}
ALERT = {"endpoint": "e", "rule": "r", "condition": "fired", "firedAt": "2026-11-20T07:00:00Z"}

BLOB, IMAGE = "Microsoft.Storage.BlobCreated", "Microsoft.ContainerRegistry.ImagePushed"
JUDGED = "Microsoft.PolicyInsights.PolicyStateChanged"
URL = "https://st.blob.core.windows.net/training/part-000"
VERDICT: dict[str, Any] = {
    "timestamp": "2026-11-20T07:00:00Z",
    "policyAssignmentId": "a",
    "policyDefinitionId": "d",
    "complianceState": "NonCompliant",
}


def _azure(kind: str, subject: str = WORKSPACE, /, **data: object) -> str:
    envelope = {"id": "e", "topic": "/subscriptions/1", "eventType": kind, "eventTime": "2026-11-20T07:00:00Z"}
    return json.dumps({**envelope, "subject": subject, "data": data})


def _azure64(data: str) -> str:
    envelope = {"id": "e", "source": WORKSPACE, "type": "Vigia.DataArrived", "time": "2026-11-20T07:00:00Z"}
    return json.dumps({**envelope, "data_base64": data})


HOSTILE = {
    "empty": ("", "not JSON"),
    "blank": ("  \n", "not JSON"),
    "a_word": ("hello", "not JSON"),
    "half_an_object": ('{"id": "1"', "not JSON"),
    "single_quotes": ("{'id': 1}", "not JSON"),
    "bytes_that_are_not_utf8": (b'{"id": "\xff"}', "not UTF-8"),
    "utf16": ('{"id": "1"}'.encode("utf-16"), "not UTF-8"),
    "nan": ('{"id": NaN}', "NaN"),
    "infinity": ('[{"id": "1", "data": -Infinity}]', "-Infinity"),
    "float_overflow": ('{"id": "1", "data": 1e999}', "no double"),
    "number_of_5000_digits": ('{"id": ' + "9" * 5000 + "}", "5000 digits"),
    "duplicate_key": ('{"id": "1", "id": "2"}', "'id' twice"),
    "duplicate_key_deep_inside": ('{"id": "1", "data": {"a": [{"b": 1, "b": 1}]}}', "'b' twice"),
    "depth_65": ('{"id": "1", "data": ' + "[" * 65 + "]" * 65 + "}", "nested deeper"),
    "depth_100000": ("[" * 100_000 + "]" * 100_000, "nested deeper"),
    "depth_100000_unclosed": ('{"a":' * 100_000, "nested deeper"),
    "more_than_a_megabyte": ('{"id": "' + "x" * 1_048_576 + '"}', "bytes"),
    "half_a_character": ('{"id": "\\ud800"}', "lone surrogate"),
    "half_a_character_as_key": ('{"\\udfff": "1"}', "lone surrogate"),
    "null": ("null", "not an object"),
    "a_number": ("7", "not an object"),
    "array_of_text": ('["event"]', "not an object"),
    "array_in_array": ("[[]]", "not an object"),
    "second_event_is_not_one": (f"[{_registered()}, 3]", "event 1"),
    "neither_schema": ('{"id": "1", "topic": "t"}', "neither eventType nor type"),
    "no_id": (_without("id"), "id is missing"),
    "empty_id": (_envelope(id=" "), "id is missing"),
    "id_is_an_object": (_envelope(id={}), "id is an object"),
    "id_with_a_line_break": (_envelope(id="a\nb"), "not a name"),
    "id_of_300_characters": (_envelope(id="x" * 300), "not a name"),
    "no_topic": (_without("topic"), "topic is missing"),
    "no_time": (_without("eventTime"), "eventTime is missing"),
    "time_in_words": (_envelope(eventTime="yesterday"), "eventTime is 'yesterday'"),
    "time_of_the_30th_of_february": (_envelope(eventTime="2026-02-30T00:00:00Z"), "eventTime"),
    "time_before_time": (_envelope(eventTime="0001-01-01T00:00:00+14:00"), "eventTime"),
    "time_as_a_number": (_envelope(eventTime=1700000000), "eventTime"),
    "type_is_null": (_envelope(eventType=None), "eventType is missing"),
    "type_is_a_list": (_envelope(eventType=["x"]), "eventType is a list"),
    "no_data": (_without("data"), "data is missing"),
    "data_is_text": (_envelope(data="ModelName=churn"), "data is a text"),
    "data_is_half_of_json": (_envelope(data='{"ModelName": '), "data is a text"),
    "data_is_a_list": (_envelope(data=[]), "data is a list"),
    "no_model_name": (json.dumps(grid("ModelRegistered", {"ModelVersion": "7"})), "data.ModelName is missing"),
    "empty_model_name": (_registered(ModelName=""), "data.ModelName is missing"),
    "model_name_is_true": (_registered(ModelName=True), "data.ModelName is true or false"),
    "model_name_with_a_null_byte": (_registered(ModelName="a\x00b"), "data.ModelName is not a name"),
    "model_version_with_decimals": (_registered(ModelVersion=1.5), "send it in quotes"),
    "two_casings_with_two_values": (_registered(modelname="other"), "different casing"),
    "run_without_id": (_run(runId=None), "data.runId is missing"),
    "run_without_status": (_run(runStatus=None), "data.runStatus is missing"),
    "run_tags_are_a_list": (_run(runTags=["a"]), "data.runTags is a list"),
    "run_model_tag_is_an_object": (_run(runTags={"vigia.model": {}}), "data.runTags.vigia.model is an object"),
    "breach_tag_is_an_object": (_run(runTags={"azureml_modelmonitor_threshold_breached": {}}), "is an object"),
    "drift_without_model": (_ours("DriftDetected", **{**DRIFT, "model": None}), "data.model is missing"),
    "drift_features_are_text": (_ours("DriftDetected", **DRIFT, features="age"), "data.features is a text"),
    "drift_feature_is_text": (_ours("DriftDetected", **DRIFT, features=["age"]), "data.features[0] is a text"),
    "drift_value_is_a_word": (
        _ours("DriftDetected", **DRIFT, features=[{"feature": "a", "metric": "ks", "value": "high", "threshold": 1}]),
        "data.features[0].value is a text, not a number",
    ),
    "budget_basis_unknown": (_ours("BudgetAlert", **{**BUDGET, "basis": "guess"}), "one of actual, forecasted"),
    "budget_percent_too_large": (_ours("BudgetAlert", **{**BUDGET, "percent": "1e999"}), "too large"),
    "budget_percent_is_true": (_ours("BudgetAlert", **{**BUDGET, "percent": True}), "not a number"),
    "budget_period_is_a_word": (_ours("BudgetAlert", **BUDGET, periodStart="November"), "write a day"),
    "alert_condition_unknown": (_ours("EndpointAlert", **{**ALERT, "condition": "x"}), "one of fired, resolved"),
    "alert_time_missing": (_ours("EndpointAlert", **{**ALERT, "firedAt": None}), "data.firedAt is missing"),
    "data_without_version_and_place": (_ours("DataArrived", data="flights"), "data.location is missing"),
    "blob_without_url": (_azure(BLOB, api="PutBlob"), "data.url is missing"),
    "blob_url_is_a_word": (_azure(BLOB, url="part-000"), "not the address of a blob"),
    "blob_url_of_a_container": (_azure(BLOB, url="https://st.blob.core.windows.net/training"), "not the address"),
    "blob_url_with_a_broken_host": (_azure(BLOB, url="https://[::1/training/a"), "not the address"),
    "blob_url_of_a_file": (_azure(BLOB, url="file:///etc/passwd/x"), "not the address"),
    "blob_url_with_a_line_break": (_azure(BLOB, url="https://st.blob.core.windows.net/c/a%0Ab"), "not the address"),
    "blob_length_is_a_word": (_azure(BLOB, url=URL, contentLength="long"), "data.contentLength is a text"),
    "policy_without_time": (_azure(JUDGED, policyAssignmentId="a"), "data.timestamp is missing"),
    "policy_without_resource": (_azure(JUDGED, "", **VERDICT), "subject is missing"),
    "policy_without_verdict": (_azure(JUDGED, **{**VERDICT, "complianceState": None}), "complianceState is missing"),
    "image_without_digest": (_azure(IMAGE, target={"repository": "r"}), "data.target.digest is missing"),
    "image_target_is_text": (_azure(IMAGE, target="r"), "data.target is a text"),
    "data_base64_is_not": (_azure64("%%%"), "data_base64 is not base64"),
    "data_base64_is_not_json": (_azure64("aGVsbG8="), "not JSON"),
    "data_base64_is_not_an_object": (_azure64("W10="), "data is a list"),
    "request_of_a_run_elsewhere": (
        _ours("RetrainingRequested", model="m", request="r", reason="x", requestedBy="p", runUrl="javascript:x"),
        "data.runUrl is no https:// address",
    ),
    "request_without_person": (_ours("RetrainingRequested", model="m", request="r", reason="x"), "data.requestedBy"),
}


def _read(body: str | bytes) -> list[Fact | Ignored]:
    return [parse_fact(envelope) for envelope in read_events(body)]


@pytest.mark.parametrize(("body", "message"), [pytest.param(*case, id=name) for name, case in HOSTILE.items()])
def test_hostile_event_gets_an_event_error_that_says_what_is_wrong(body: str | bytes, message: str) -> None:
    with pytest.raises(EventError) as caught:
        _read(body)
    assert message in caught.value.message
    assert caught.value.code.startswith("event.")


def test_error_in_a_field_names_the_event_its_type_and_the_field() -> None:
    with pytest.raises(EventError) as caught:
        parse_fact(read_events(_registered(ModelName={}))[0])
    assert caught.value.message == (
        "event event-1 of type Microsoft.MachineLearningServices.ModelRegistered: "
        "data.ModelName is an object, not a text"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = """
    ModelName ModelVersion Hint ServiceName ModelIds runId runStatus runTags runProperties experimentName DataDriftName
    DriftCoefficient model monitor signal run features detail budget basis percent amount spent currency periodStart
    endpoint deployment rule condition firedAt data version location request reason requestedBy
    api url eTag sequencer contentLength timestamp policyAssignmentId policyDefinitionId complianceState target
"""
FIELDS = st.sampled_from(NAMES.split())
PLAUSIBLE = st.sampled_from(["Completed", "actual", "fired", "2026-11-20", "2026-11-20T07:00:00Z", "80", 80, {}, []])


@given(
    kind=st.sampled_from([kind for spec in specs() for kind in spec.types]),
    data=st.dictionaries(FIELDS, JSON | PLAUSIBLE, max_size=12) | JSON,
)
def test_any_data_of_any_type_gives_a_fact_or_an_event_error(kind: str, data: object) -> None:
    body = json.dumps({"id": "1", "source": WORKSPACE, "type": kind, "time": "2026-11-20T07:00:00Z", "data": data})
    try:
        events = _read(body)
    except EventError:
        return
    assert all(isinstance(event, Fact | Ignored) for event in events)
    assert all(len(event.key) == 64 for event in events if isinstance(event, Fact))


@given(body=st.text() | st.binary() | JSON.map(json.dumps))
def test_any_body_gives_events_or_an_event_error(body: str | bytes) -> None:
    for read in (read_events, lambda received: read_alert(received, NOW)):
        try:
            read(body)
        except EventError:
            continue
