"""Exported rows of table AmlOnlineEndpointTrafficLog, as measurements: what the app reads from Log Analytics.

Exports name and write their columns in several ways: the portal adds "[UTC]" to the names of times, writes "11/20/2026,
9:00:00.123 AM" and texts for numbers; the clients write ISO 8601 with up to seven digits of a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from cli.monitor.files import ParquetPieces, read_files
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import Interval
from shared.ports.telemetry import is_failure, is_served
from shared.ports.workspace import PROBE_MARK

if TYPE_CHECKING:
    import pandas as pd

TIME, DEPLOYMENT, CODE, DURATION = "TimeGenerated", "DeploymentName", "ResponseCode", "TotalDurationMs"
NEEDED = (TIME, DEPLOYMENT, CODE, DURATION)
ENDPOINT, REQUEST = "EndpointName", "XMSClientRequestId"
OPTIONAL = (ENDPOINT, REQUEST)
_SUFFIX = re.compile(r"\s*\[[^\]]*\]\s*$")
_MILLISECONDS_OF_1990 = 631_152_000_000


class TrafficRows:
    """The Telemetry port over rows. All rows count as one endpoint's: there is no other."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows.sort_values(TIME, kind="stable", ignore_index=True)
        self._measured: dict[tuple[timedelta, float | None], tuple[Interval, ...]] = {}

    def intervals(
        self,
        endpoint: EndpointName,  # noqa: ARG002 - the port's
        start: datetime,
        end: datetime,
        width: timedelta,
        quantile: float | None = None,
    ) -> tuple[Interval, ...]:
        key = width, quantile
        if key not in self._measured:
            self._measured[key] = tuple(_intervals(self.rows, width, quantile))
        return tuple(interval for interval in self._measured[key] if start <= interval.start < end)

    def begin(self, deployment: str) -> datetime:
        """Return when the deployment's first request was."""
        first: datetime = self.rows.loc[self.rows[DEPLOYMENT] == deployment, TIME].iloc[0].to_pydatetime()
        return first

    @property
    def end(self) -> datetime:
        last: datetime = self.rows[TIME].iloc[-1].to_pydatetime()
        return last


def read_traffic(path: Path, deployments: Sequence[str], endpoint: str | None = None) -> TrafficRows:
    """Return the rows of the deployments, of all that the file has.

    Args:
        endpoint: whose deployments are meant, where several endpoints have some of these names.

    Raises:
        CommandError: the file is no such export, or has no rows of one of them.
    """
    rows = _tidied(_columns(path), path)
    if endpoint is not None and ENDPOINT in rows:
        rows = rows[rows[ENDPOINT] == endpoint]
    names = sorted(set(rows[DEPLOYMENT]))
    rows = rows[rows[DEPLOYMENT].isin(deployments)]
    for deployment in deployments:
        if deployment not in set(rows[DEPLOYMENT]):
            listed = f"it has rows of {', '.join(names[:9])}" if names else "it has no rows"
            raise CommandError("cli.deployment", f"{path} has no rows of deployment {deployment}", listed)
    endpoints = sorted(set(rows[ENDPOINT])) if ENDPOINT in rows else []
    if len(endpoints) > 1:
        message = f"{path} has rows of these deployments at several endpoints: {', '.join(endpoints[:9])}"
        raise CommandError("cli.endpoint", message, f"say which is meant, e.g. --endpoint {endpoints[0]}")
    return TrafficRows(rows)


def _columns(path: Path) -> pd.DataFrame:
    """Return the columns that are used, under their documented names."""
    import pandas as pd

    read = read_files([path])
    pieces: Iterable[pd.DataFrame] = (
        (piece.to_pandas() for piece in read) if isinstance(read, ParquetPieces) else (read,)
    )
    return pd.concat([_named(piece, path) for piece in pieces], ignore_index=True)


def _named(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    by_name = {name.casefold(): name for name in (*NEEDED, *OPTIONAL)}
    plain = {column: _SUFFIX.sub("", str(column)).strip('\ufeff "').casefold() for column in frame.columns}
    names = {column: by_name[name] for column, name in plain.items() if name in by_name}
    missing = [name for name in NEEDED if name not in names.values()]
    if missing:
        raise CommandError(
            "cli.traffic",
            f"{path} has no column {' and no column '.join(missing)}",
            "export rows of table AmlOnlineEndpointTrafficLog with its own column names",
        )
    return frame[list(names)].rename(columns=names)


def _tidied(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    import pandas as pd

    if frame.empty:
        raise CommandError("cli.traffic", f"{path} has no rows", "export the time in which both versions served")
    # Datetimes have no finer digits.
    times = _times(frame[TIME], path).dt.floor("us")
    tidy = pd.DataFrame({TIME: times, DEPLOYMENT: frame[DEPLOYMENT].astype(str).str.strip()})
    codes = pd.to_numeric(frame[CODE], errors="coerce")
    kinds = {code: (is_failure(int(code)), is_served(int(code))) for code in codes.dropna().unique()}
    without = is_failure(None), is_served(None)
    tidy["failed"] = [kinds.get(code, without)[0] for code in codes]
    tidy["log"] = [
        math.log(duration + 1) if kinds.get(code, without)[1] and duration >= 0 else math.nan
        for code, duration in zip(codes, pd.to_numeric(frame[DURATION], errors="coerce"), strict=True)
    ]
    tidy["probe"] = frame[REQUEST].astype(str).str.startswith(PROBE_MARK) if REQUEST in frame else False
    if ENDPOINT in frame:
        tidy[ENDPOINT] = frame[ENDPOINT].astype(str).str.strip()
    return tidy


def _times(values: pd.Series, path: Path) -> pd.Series:
    """Return times in UTC; where no zone is written, it is UTC, as the service has it.

    Raises:
        CommandError: a value is no time.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        is_milliseconds = float(values.min()) > _MILLISECONDS_OF_1990
        return pd.to_datetime(values, unit="ms" if is_milliseconds else "s", utc=True)
    try:
        if pd.api.types.is_datetime64_any_dtype(values):
            return pd.to_datetime(values, utc=True)
        texts = values.astype(str).str.replace(_SUFFIX, "", regex=True).str.replace(" UTC", "Z").str.strip()
        return pd.to_datetime(texts, format="mixed", utc=True)
    except (ValueError, OverflowError) as exc:
        what = " ".join(str(exc).split())
        message = f"{path}: {TIME} is not a time: {what:.120}"
        raise CommandError("cli.traffic", message, "write e.g. 2026-11-20T09:00:00.123Z") from exc


def _intervals(rows: pd.DataFrame, width: timedelta, quantile: float | None) -> Iterator[Interval]:
    """Yield what the query of the traffic log returns, by start, then by deployment."""
    groups = rows.groupby([rows[TIME].dt.floor(width), DEPLOYMENT], sort=True)
    for _, group in groups:
        logs = group["log"].dropna()
        yield Interval(
            deployment=DeploymentName(str(group[DEPLOYMENT].iloc[0])),
            start=group[TIME].iloc[0].floor(width).to_pydatetime(),
            requests=len(group),
            errors=int(group["failed"].sum()),
            mean_log_latency=float(logs.mean()) if len(logs) else math.nan,
            quantile_log_latency=None
            if quantile is None or not len(logs)
            else float(logs.quantile(quantile, interpolation="higher")),
            probes=int(group["probe"].sum()),
            served=len(logs),
        )
