"""The endpoints' traffic log, queried in Log Analytics."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.credentials import allow_loopback_http, workspace_credential
from shared.adapters.patience import patient, requested_wait
from shared.adapters.renewal import Renewable
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import Interval
from shared.errors import RetryableError
from shared.ports.telemetry import FAILURES_BELOW_500
from shared.ports.workspace import PROBE_MARK
from shared.settings import Settings

# The service returns one row per deployment and interval, not one per request. The table's page says that ResponseCode
# is a number, Microsoft's own example compares it with a text; `toint` reads both, and anything else as null, which
# meets no condition.
QUERY = """AmlOnlineEndpointTrafficLog
| where EndpointName =~ "{endpoint}" and TimeGenerated >= datetime({start}) and TimeGenerated < datetime({end})
| extend Code = toint(ResponseCode)
| extend IsServed = Code >= 100 and Code < 400
| summarize Requests = count(), Errors = count() - countif(Code >= 100 and Code < 500 and not(Code in ({failures}))),
  Served = countif(IsServed), LogLatency = sumif(log(TotalDurationMs + 1.0), IsServed),
  Probes = countif(XMSClientRequestId startswith "{mark}"){quantile}
  by Start = bin(TimeGenerated, {width}), DeploymentName
| order by Start asc"""

# A request that was not served has a null duration, which aggregates leave out.
QUANTILE = ', Latency = percentile(iff(IsServed, todouble(TotalDurationMs), todouble("")), {percent:g})'


class LogsTelemetry:
    """The Telemetry port over azure-monitor-query."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Renewable[Any] = Renewable(self._client)

    def _client(self) -> Any:
        from azure.monitor.query import LogsQueryClient

        retry_policy, patience = patient("Log Analytics", retry_total=2, retry_backoff_factor=0.3)
        return LogsQueryClient(
            workspace_credential(self._settings),
            endpoint=self._settings.monitor_endpoint,
            per_call_policies=[allow_loopback_http(), patience],
            retry_policy=retry_policy,
        )

    def intervals(
        self,
        endpoint: EndpointName,
        start: datetime,
        end: datetime,
        width: timedelta,
        quantile: float | None = None,
    ) -> tuple[Interval, ...]:
        from azure.core.exceptions import AzureError

        query = QUERY.format(
            endpoint=endpoint,
            start=start.isoformat(),
            end=end.isoformat(),
            width=f"{width.total_seconds():g}s",
            failures=", ".join(map(str, FAILURES_BELOW_500)),
            mark=PROBE_MARK,
            quantile="" if quantile is None else QUANTILE.format(percent=100 * quantile),
        )

        def query_log(client: Any) -> Any:
            return client.query_workspace(self._settings.logs_workspace_id, query, timespan=(start, end))

        try:
            answer = self._clients.call(f"traffic log of {endpoint}", query_log)
        except AzureError as exc:
            message = f"the traffic log of {endpoint} cannot be read: {exc}"
            raise RetryableError("telemetry.no_answer", message, retry_after=requested_wait(exc)) from exc
        if answer.status != "Success":
            raise RetryableError("telemetry.partial", f"the traffic log of {endpoint} answered only in part")
        return tuple(_interval(dict(zip(answer.tables[0].columns, row, strict=True))) for row in answer.tables[0].rows)


def _interval(row: dict[str, Any]) -> Interval:
    served = int(row["Served"])
    mean = float(row["LogLatency"]) / served if served else math.nan
    quantile = row.get("Latency")
    return Interval(
        deployment=DeploymentName(row["DeploymentName"]),
        start=row["Start"],
        requests=int(row["Requests"]),
        errors=int(row["Errors"]),
        mean_log_latency=mean,
        quantile_log_latency=None if quantile is None else math.log(float(quantile) + 1),
        probes=int(row["Probes"]),
        served=served,
    )
