"""The HTTP interface, through the real clients."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryError, LogsQueryResult
from azure.monitor.querymetrics import MetricsClient, MetricsQueryResult, TimeSeriesElement

from local.addresses import LOGS_WORKSPACE_ID, WORKSPACE_ID
from local.monitor import Monitor
from local.traffic_log import TrafficLog
from tests.local.monitor.conftest import START, a_request
from tests.local.running import call, running

NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
ENDPOINT = f"{WORKSPACE_ID}/onlineEndpoints/flights"
WINDOW = (START, START + timedelta(minutes=2))
TOKEN = {"Authorization": "Bearer x"}


class AnyCredential:
    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("token", 4_000_000_000)


class AllowLoopbackHttp(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: Any) -> None:
        request.context.options["enforce_https"] = False


@pytest.fixture
def url(traffic: TrafficLog) -> Iterator[str]:
    monitor = Monitor(0, traffic)
    with running(monitor):
        yield f"http://127.0.0.1:{monitor.port}"


@pytest.fixture
def logs(url: str) -> Iterator[LogsQueryClient]:
    policies = [AllowLoopbackHttp()]
    with LogsQueryClient(AnyCredential(), endpoint=url, per_call_policies=policies, retry_total=0) as client:
        yield client


@pytest.fixture
def metrics(url: str) -> Iterator[MetricsClient]:
    with MetricsClient(url, AnyCredential(), per_call_policies=[AllowLoopbackHttp()], retry_total=0) as client:
        yield client


def test_workspace_query_gives_typed_rows(logs: LogsQueryClient) -> None:
    query = """AmlOnlineEndpointTrafficLog | where EndpointName == 'flights'
    | summarize n=count(), mean=avg(TotalDurationMs), p50=percentile(ResponseCode, 50)
        by Start=bin(TimeGenerated, 1s), DeploymentName
    | order by Start asc"""
    result = logs.query_workspace(LOGS_WORKSPACE_ID, query, timespan=WINDOW, include_statistics=True, server_timeout=30)
    assert isinstance(result, LogsQueryResult)
    [table] = result.tables
    assert table.name == "PrimaryResult"
    assert table.columns == ["Start", "DeploymentName", "n", "mean", "p50"]
    assert table.columns_types == ["datetime", "string", "long", "real", "int"]
    assert list(table.rows[0]) == [START, "blue", 1, 10.0, 200]
    assert result.statistics is not None
    assert "query" in result.statistics


def test_resource_query_reaches_the_same_log(logs: LogsQueryClient) -> None:
    result = logs.query_resource(WORKSPACE_ID, "AmlOnlineEndpointTrafficLog | summarize count()", timespan=None)
    assert isinstance(result, LogsQueryResult)
    assert list(result.tables[0].rows[0]) == [7]


def test_timespan_as_a_duration_counts_back_from_now(logs: LogsQueryClient, traffic: TrafficLog) -> None:
    traffic.append(a_request(time_generated=datetime.now(UTC) - timedelta(seconds=5), request_id="recent"))
    traffic.append(a_request(time_generated=datetime.now(UTC) - timedelta(hours=2), request_id="old"))
    query = "AmlOnlineEndpointTrafficLog | where XRequestId in ('recent', 'old') | project XRequestId"
    result = logs.query_workspace(LOGS_WORKSPACE_ID, query, timespan=timedelta(hours=1))
    assert isinstance(result, LogsQueryResult)
    assert [list(row) for row in result.tables[0].rows] == [["recent"]]


def test_numbers_that_json_lacks_are_texts(url: str) -> None:
    body = {"query": "AmlOnlineEndpointTrafficLog | take 1 | project a=log(0), b=log(0 - 1), c=todouble('x')"}
    status, answer, _ = call("POST", f"{url}/v1/workspaces/{LOGS_WORKSPACE_ID}/query", body, TOKEN)
    assert status == 200
    assert answer["tables"][0]["rows"] == [["-Infinity", "NaN", None]]


def test_query_errors_are_400_with_the_services_codes(logs: LogsQueryClient) -> None:
    with pytest.raises(HttpResponseError, match="'wear'") as syntax:
        logs.query_workspace(LOGS_WORKSPACE_ID, "AmlOnlineEndpointTrafficLog | wear 1", timespan=None)
    with pytest.raises(HttpResponseError, match="named 'Nope'") as semantic:
        logs.query_workspace(LOGS_WORKSPACE_ID, "AmlOnlineEndpointTrafficLog | where Nope", timespan=None)
    for error, inner in ((syntax, "SyntaxError"), (semantic, "SemanticError")):
        assert error.value.status_code == 400
        assert error.value.error is not None
        assert error.value.error.code == "BadArgumentError"
        assert error.value.error.innererror is not None
        assert error.value.error.innererror["code"] == inner


def test_request_without_a_token_is_401(url: str) -> None:
    assert call("POST", f"{url}/v1/workspaces/{LOGS_WORKSPACE_ID}/query", {"query": "T"})[0] == 401


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        ({"q": "x"}, "text `query`"),
        ({"query": "T", "timespan": "yesterday"}, "'yesterday' is not a duration"),
        ({"query": "T", "timespan": "x/y"}, "'x' is not a time"),
    ],
)
def test_malformed_request_is_400(url: str, body: object, message: str) -> None:
    status, answer, _ = call("POST", f"{url}/v1/workspaces/{LOGS_WORKSPACE_ID}/query", body, TOKEN)
    assert status == 400
    assert message in answer["error"]["message"]


def series_of(result: MetricsQueryResult, name: str) -> list[TimeSeriesElement]:
    [metric] = [metric for metric in result.metrics if metric.name == name]
    return metric.timeseries


def test_latency_metrics_by_minute(metrics: MetricsClient) -> None:
    [result] = metrics.query_resources(
        resource_ids=[ENDPOINT],
        metric_namespace=NAMESPACE,
        metric_names=["RequestLatency", "RequestLatency_P50", "RequestLatency_P95"],
        timespan=WINDOW,
        granularity=timedelta(minutes=1),
        aggregations=["Average", "Maximum", "Count"],
    )
    first, second = series_of(result, "RequestLatency")[0].data
    assert first.timestamp == START
    assert first.average == pytest.approx(400 / 6)
    assert (first.maximum, first.count) == (200, 6)
    assert second.average is None
    assert series_of(result, "RequestLatency_P50")[0].data[0].average == 30
    assert series_of(result, "RequestLatency_P95")[0].data[0].average == 200
    assert next(iter(result.metrics)).unit == "MilliSeconds"
    assert result.namespace == NAMESPACE
    assert result.granularity == timedelta(minutes=1)


def test_requests_per_minute_by_dimension(metrics: MetricsClient) -> None:
    [result] = metrics.query_resources(
        resource_ids=[ENDPOINT],
        metric_namespace=NAMESPACE,
        metric_names=["RequestsPerMinute"],
        timespan=WINDOW,
        aggregations=["Total"],
        filter="deployment eq '*' and statusCodeClass eq '2xx' or statusCodeClass eq '5xx'",
    )
    totals = {
        (series.metadata_values["deployment"], series.metadata_values["statuscodeclass"]): series.data[0].total
        for series in series_of(result, "RequestsPerMinute")
    }
    assert totals == {("blue", "2xx"): 4, ("green", "2xx"): 1, ("green", "5xx"): 1}


def test_metrics_of_one_deployment(metrics: MetricsClient) -> None:
    [result] = metrics.query_resources(
        resource_ids=[f"{ENDPOINT}/deployments/green"],
        metric_namespace=f"{NAMESPACE}/deployments",
        metric_names=["RequestsPerMinute"],
        timespan=WINDOW,
        granularity=timedelta(minutes=2),
        aggregations=["Total", "Average"],
    )
    [point] = series_of(result, "RequestsPerMinute")[0].data
    assert (point.total, point.average) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric_names": ["Latency"]}, "unknown metric Latency; known here: RequestLatency"),
        ({"metric_namespace": "Microsoft.Web/sites"}, "is not known here"),
        ({"resource_ids": [WORKSPACE_ID]}, "is not the id of an online endpoint"),
        ({"filter": "deployment like 'x'"}, "is not of the form"),
        ({"filter": "statusCode eq '200'"}, "RequestLatency has no dimension 'statusCode'"),
        ({"granularity": timedelta(seconds=30)}, "whole minutes"),
        ({"timespan": (START, START)}, "endtime must be after starttime"),
        ({"aggregations": ["Median"]}, "unknown aggregation 'median'"),
        ({"roll_up_by": "deployment"}, "rollupby is not imitated"),
    ],
)
def test_wrong_metric_request_is_refused(metrics: MetricsClient, changes: dict[str, Any], message: str) -> None:
    request: dict[str, Any] = {
        "resource_ids": [ENDPOINT],
        "metric_namespace": NAMESPACE,
        "metric_names": ["RequestLatency"],
        "timespan": WINDOW,
    }
    with pytest.raises(HttpResponseError) as error:
        metrics.query_resources(**(request | changes))
    assert error.value.status_code == 400
    assert message in str(error.value)


def test_roles_and_throttling_are_faults(url: str, logs: LogsQueryClient) -> None:
    query = "AmlOnlineEndpointTrafficLog | summarize count()"
    call("POST", f"{url}/_local/faults", {"roles_removed": ["logs"]})
    with pytest.raises(HttpResponseError) as refused:
        logs.query_workspace(LOGS_WORKSPACE_ID, query, timespan=None)

    status, faults, _ = call("POST", f"{url}/_local/faults", {"roles_removed": 0, "throttled_share": 1})
    throttled = call("POST", f"{url}/v1/workspaces/{LOGS_WORKSPACE_ID}/query", {"query": query}, TOKEN)

    assert (refused.value.status_code, status, faults["throttled_share"]) == (403, 200, 1)
    assert throttled[0] == 429
    assert int(throttled[2]["Retry-After"]) >= 1
    assert call("POST", f"{url}/_local/faults", {"storm": 1})[0] == 400


def test_workspace_that_is_not_there_is_404(logs: LogsQueryClient) -> None:
    for workspaces in (
        {"workspace_id": "other"},
        {"workspace_id": LOGS_WORKSPACE_ID, "additional_workspaces": ["other"]},
    ):
        with pytest.raises(HttpResponseError, match="The requested path does not exist") as error:
            logs.query_workspace(query="AmlOnlineEndpointTrafficLog", timespan=None, **workspaces)
        assert error.value.status_code == 404
        assert error.value.error is not None
        assert error.value.error.code == "PathNotFoundError"


def test_path_that_is_not_there_is_404_as_json(url: str) -> None:
    status, answer, _ = call("POST", f"{url}/v1/bad/query", {"query": "T"}, TOKEN)
    assert (status, answer["error"]["code"]) == (404, "PathNotFoundError")


def test_batch_answers_each_query_by_itself(logs: LogsQueryClient) -> None:
    count = "AmlOnlineEndpointTrafficLog | summarize count()"
    good, with_statistics, wrong = logs.query_batch(
        [
            LogsBatchQuery(LOGS_WORKSPACE_ID, count, timespan=None),
            LogsBatchQuery(LOGS_WORKSPACE_ID, count, timespan=None, include_statistics=True),
            LogsBatchQuery(LOGS_WORKSPACE_ID, "Wrong query", timespan=None),
        ]
    )
    assert isinstance(good, LogsQueryResult)
    assert isinstance(with_statistics, LogsQueryResult)
    assert isinstance(wrong, LogsQueryError)
    assert list(good.tables[0].rows[0]) == [7]
    assert (good.statistics is None, with_statistics.statistics is None) == (True, False)
    assert wrong.code == "BadArgumentError"


def test_malformed_batch_is_400(url: str) -> None:
    assert call("POST", f"{url}/v1/$batch", {"requests": [{}]}, TOKEN)[0] == 400


def test_requested_visualization_is_in_the_answer(logs: LogsQueryClient) -> None:
    result = logs.query_workspace(
        LOGS_WORKSPACE_ID, "AmlOnlineEndpointTrafficLog | take 1", timespan=None, include_visualization=True
    )
    assert isinstance(result, LogsQueryResult)
    assert result.visualization == {"visualization": None}
