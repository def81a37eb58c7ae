"""The query language: operators, functions and types, over a small log."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.monitor.ingestion import Arrived
from local.monitor.kql.syntax import KqlSemanticError, KqlSyntaxError
from local.monitor.kql.values import Table
from local.monitor.logs import run_query
from local.monitor.timespan import Range
from local.profile import QUICK, UNKIND, Profile
from local.traffic_log import TrafficLog
from tests.local.monitor.conftest import START, a_request

NOW = START + timedelta(minutes=1)
EMPTY = TrafficLog()

CANARY = """AmlOnlineEndpointTrafficLog
| where EndpointName == "flights" and TimeGenerated >= datetime(2026-11-20T09:00:00Z)
    and TimeGenerated < datetime(2026-11-20T10:00:00Z)
| summarize Requests=count(), Errors=countif(ResponseCode >= 500),
    LogLatencySum=sumif(log(TotalDurationMs + 1.0), ResponseCode > 0)
    by Start=bin(TimeGenerated, 1s), DeploymentName
| order by Start asc"""


def run(query: str, traffic: TrafficLog, timespan: Range | None = None, profile: Profile = QUICK) -> Table:
    return run_query(query, Arrived(traffic, profile, NOW), timespan or Range())


def rows(query: str, traffic: TrafficLog, timespan: Range | None = None) -> list[tuple[Any, ...]]:
    table = run("AmlOnlineEndpointTrafficLog " + query, traffic, timespan)
    return list(zip(*(column.values for column in table.columns.values()), strict=True))


def scalar(expression: str) -> Any:
    log = TrafficLog()
    log.append(a_request())
    [(value,)] = rows(f"| project x = {expression}", log)
    return value


def test_canary_query_counts_by_second_and_deployment(traffic: TrafficLog) -> None:
    table = run(CANARY, traffic)
    assert {name: column.type for name, column in table.columns.items()} == {
        "Start": "datetime",
        "DeploymentName": "string",
        "Requests": "long",
        "Errors": "long",
        "LogLatencySum": "real",
    }
    columns = {name: column.values for name, column in table.columns.items()}
    second = timedelta(seconds=1)
    assert columns["Start"] == [START, START, START + second, START + second, START + 2 * second]
    assert columns["DeploymentName"] == ["blue", "green", "blue", "green", "blue"]
    assert columns["Requests"] == [1, 1, 1, 1, 2]
    assert columns["Errors"] == [0, 0, 0, 1, 0]
    assert columns["LogLatencySum"][-1] == pytest.approx(math.log(31) + math.log(41))


def test_canary_query_counts_50_000_rows_by_second_and_deployment() -> None:
    log = TrafficLog()
    for index in range(50_000):
        log.append(a_request(index * 0.018, deployment_name="green" if index % 10 == 0 else "blue"))
    assert run(CANARY, log).length == 1800


@pytest.mark.parametrize(
    ("condition", "durations"),
    [
        ("TotalDurationMs == 20", [20]),
        ("TotalDurationMs != 20 and TotalDurationMs < 40", [10, 30]),
        ("TotalDurationMs in (10, 40, 41)", [10, 40]),
        ("not(TotalDurationMs <= 30)", [40]),
        ("(TotalDurationMs + 10 - 1 >= 39) and ResponseCode == 200", [30, 40]),
        ("DeploymentName =~ 'BLUE' and TotalDurationMs > 30", [40]),
        ("DeploymentName startswith 'BL' and TotalDurationMs > 30", [40]),
        ("DeploymentName == 'BLUE'", []),
        ("TimeGenerated > datetime(2026-11-20T09:00:02Z)", [30, 40]),
        ("TimeGenerated > datetime(2026-11-20T10:00:02+01:00)", [30, 40]),
        ("datetime(2026-11-20 09:00:02) < TimeGenerated", [30, 40]),
        ("TimeGenerated > ago(58.5s)", [30, 40]),
    ],
)
def test_where(traffic: TrafficLog, condition: str, durations: list[int]) -> None:
    query = (
        f"| where EndpointName == 'flights' and DeploymentName == 'blue' | where {condition}\n| project TotalDurationMs"
    )
    assert [row[0] for row in rows(query, traffic)] == durations


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 - 4", -1),
        ("1 + 2.5", 3.5),
        ("bin(datetime(2026-11-20T09:07:31Z), 5m)", datetime(2026, 11, 20, 9, 5, tzinfo=UTC)),
        ("bin(datetime(2026-11-20T09:07:31.3Z), 250ms)", datetime(2026, 11, 20, 9, 7, 31, 250_000, tzinfo=UTC)),
        ("log(1.0)", 0.0),
        ("log(0)", -math.inf),
        ("iff(1 < 2, 'yes', 'no')", "yes"),
        ("iff(2 < 1, 1, 2.5)", 2.5),
        ("todouble('1.5') + toint('2')", 3.5),
        ("todouble('x')", None),
        ("todouble('x') + 1", None),
    ],
)
def test_scalar_expression(expression: str, value: Any) -> None:
    assert scalar(expression) == value


def test_log_of_a_negative_number_is_not_a_number() -> None:
    assert math.isnan(scalar("log(0 - 1)"))


def test_aggregates_without_groups(traffic: TrafficLog) -> None:
    query = """| where DeploymentName == 'blue' and EndpointName == 'flights'
    | summarize n=count(), slow=countif(TotalDurationMs > 20), s=sumif(TotalDurationMs, TotalDurationMs > 20),
        a=avg(TotalDurationMs), p50=percentile(TotalDurationMs, 50), p95=percentile(TotalDurationMs, 95),
        quick=count() - countif(TotalDurationMs > 10)"""
    assert rows(query, traffic) == [(4, 2, 70, 25.0, 20, 40, 1)]


def test_summarize_of_nothing_is_one_row_without_keys_and_none_with() -> None:
    assert rows("| summarize count(), percentile(TotalDurationMs, 50), avg(TotalDurationMs)", EMPTY) == [
        (0, None, None)
    ]
    assert rows("| summarize count() by DeploymentName", EMPTY) == []


def test_columns_get_the_services_default_names(traffic: TrafficLog) -> None:
    query = """AmlOnlineEndpointTrafficLog
    | summarize count(), avg(TotalDurationMs), countif(ResponseCode == 200)
        by bin(TimeGenerated, 1m), DeploymentName"""
    names = ["TimeGenerated", "DeploymentName", "count_", "avg_TotalDurationMs", "countif_"]
    assert list(run(query, traffic).columns) == names


def test_order_is_descending_by_default_and_take_cuts(traffic: TrafficLog) -> None:
    query = "| where EndpointName == 'flights' | project DeploymentName, TotalDurationMs"
    assert rows(f"{query} | order by TotalDurationMs asc | take 2", traffic) == [("blue", 10), ("blue", 20)]
    assert rows(f"{query} | order by TotalDurationMs | take 1", traffic) == [("green", 200)]


def test_nulls_sort_first_ascending_and_last_descending(traffic: TrafficLog) -> None:
    query = "| where DeploymentName == 'green' | extend x = iff(ResponseCode == 200, todouble('?'), 1.0) | project x"
    assert rows(f"{query} | order by x asc", traffic) == [(None,), (1.0,)]
    assert rows(f"{query} | order by x desc", traffic) == [(1.0,), (None,)]


def test_extend_adds_columns_that_later_operators_name(traffic: TrafficLog) -> None:
    query = """| where EndpointName == "flights"
    | extend Slow = TotalDurationMs > 50 | extend Code = toint(ResponseCode)
    | where Slow | project DeploymentName, Code"""
    assert rows(query, traffic) == [("green", 200), ("green", 503)]


def test_whole_rows_have_the_documented_columns(traffic: TrafficLog) -> None:
    table = run("AmlOnlineEndpointTrafficLog | take 1", traffic)
    assert table.columns["TimeGenerated"].type == "datetime"
    assert table.columns["ResponseCode"].type == "int"
    assert table.columns["ResponseCodeReason"].values == ["OK"]
    assert {"XRequestId", "Protocol", "RequestThrottlingDelayMs", "UserAgent", "_ResourceId"} <= table.columns.keys()


def test_timespan_of_the_request_applies_too(traffic: TrafficLog) -> None:
    timespan = Range(START + timedelta(seconds=1), START + timedelta(seconds=2))
    assert rows("| summarize count()", traffic, timespan) == [(3,)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("T | where", "at 'end of query' on line [1,9]: expected a name"),
        ("T\n| wear x", "at 'wear' on line [2,2]: expected one of the operators extend, order"),
        ("T | where a = 1", "at '=' on line [1,12]"),
        ("T | where a in 1", "expected '('"),
        ("T | take many", "expected a whole number"),
        ("T | where a == 'open", 'at "\'" on line [1,15]'),
        ("T | where t > datetime(soon)", "expected a time such as datetime("),
        ("T | where a xor b", "expected '|' or the end of the query"),
        ("T | where t > ago(1000000000d)", "expected a shorter duration"),
        ("", "expected a name"),
        ("T | where " + "(" * 5000, "nested too deeply"),
    ],
)
def test_unreadable_query_points_at_the_place(query: str, message: str) -> None:
    with pytest.raises(KqlSyntaxError) as error:
        run(query, EMPTY)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("AppRequests | take 1", "the only table here is AmlOnlineEndpointTrafficLog"),
        ("AmlOnlineEndpointTrafficLog | where Latency > 1", "expression named 'Latency'"),
        ("AmlOnlineEndpointTrafficLog | where nosuch(1)", "Unknown function: 'nosuch'"),
        ("AmlOnlineEndpointTrafficLog | where ResponseCode == 'x'", "can't be applied to (int, string)"),
        ("AmlOnlineEndpointTrafficLog | where ResponseCode", "expected a condition, not a value of type int"),
        ("AmlOnlineEndpointTrafficLog | where count() > 1", "aggregates are allowed in 'summarize' only"),
        ("AmlOnlineEndpointTrafficLog | summarize avg(Path)", "avg(): can't be applied to (string)"),
        ("AmlOnlineEndpointTrafficLog | summarize avg()", "avg(): can't be applied to ()"),
        ("AmlOnlineEndpointTrafficLog | where TimeGenerated > ago(1)", "Unknown function: 'ago'"),
        ("AmlOnlineEndpointTrafficLog | project 5m", "columns of timespans"),
    ],
)
def test_senseless_query_says_what_is_wrong(query: str, message: str) -> None:
    with pytest.raises(KqlSemanticError) as error:
        run(query, EMPTY)
    assert message in str(error.value)


def test_response_code_is_a_text_where_the_workspace_has_it_so(traffic: TrafficLog) -> None:
    text = Profile(response_code_is_text=True)
    query = "AmlOnlineEndpointTrafficLog | summarize n = countif(toint(ResponseCode) >= 500)"

    assert run(query, traffic, profile=text).columns["n"].values == run(query, traffic).columns["n"].values
    with pytest.raises(KqlSemanticError):
        run("AmlOnlineEndpointTrafficLog | where ResponseCode >= 500", traffic, profile=text)


def test_rows_arrive_minutes_later_now_and_then_fifteen_and_the_same_each_time() -> None:
    log = TrafficLog()
    for second in range(0, 600, 2):  # one row a minute of Azure
        log.append(a_request(second))

    def is_readable(seconds: float, now: float) -> bool:
        arrived = Arrived(log, UNKIND, START + timedelta(seconds=now))
        return any(arrived.between(START + timedelta(seconds=seconds), START + timedelta(seconds=seconds + 1)))

    delays = [next(delay for delay in range(40) if is_readable(second, second + delay)) for second in range(0, 600, 2)]
    usual = [delay for delay in delays if delay <= 10]

    assert min(usual) >= 4
    assert set(delays) - set(usual) == {30}
    assert 0 < len(delays) - len(usual) < 20


def test_metrics_are_late_by_their_own_delay(traffic: TrafficLog) -> None:
    profile = Profile(minute_seconds=2, metrics_minutes=3)

    def count(now: float) -> int:
        return len(list(Arrived(traffic, profile, START + timedelta(seconds=now), True).between(START, NOW)))

    assert [count(now) for now in (6, 7.15, 20)] == [0, 3, 7]
