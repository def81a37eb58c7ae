"""`vigia releases judge`: exported rows of the traffic log, as people get them, judged as the app would."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from tests.fakes.terminal import vigia

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
Change = Callable[[pd.DataFrame], pd.DataFrame]


def traffic(minutes: int = 22, failing: float = 0.0, slower: float = 1.0) -> pd.DataFrame:
    """Return rows of a champion with 60 requests a minute and a challenger with 40, of which some fail."""
    random, parts = np.random.default_rng(20261130), []
    for name, rate, share, factor in (("v-1", 60, 0.0, 1.0), ("v-2", 40, failing, slower)):
        count = rate * minutes
        seconds = np.sort(random.uniform(0, 60 * minutes, count))
        parts.append(
            pd.DataFrame(
                {
                    "TimeGenerated": [T0 + timedelta(seconds=float(second)) for second in seconds],
                    "EndpointName": "churn",
                    "DeploymentName": name,
                    "ResponseCode": np.where(random.random(count) < share, 500, 200),
                    "TotalDurationMs": (factor * np.exp(random.normal(4.5, 0.5, count))).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def run(file: Path, *more: str) -> Result:
    return vigia("releases", "judge", str(file), "--champion", "v-1", "--challenger", "v-2", *more)


def judged(rows: pd.DataFrame, tmp_path: Path, *more: str) -> dict[str, Any]:
    rows.to_csv(tmp_path / "rows.csv", index=False)
    document: dict[str, Any] = json.loads(run(tmp_path / "rows.csv", "-o", "json", *more).stdout)
    return document


def test_a_good_version_passes_once_the_bake_is_over(tmp_path: Path) -> None:
    judgement = judged(traffic(), tmp_path)
    assert list(judgement) == ["verdict", "at", "reason", "looks"]
    assert judgement["verdict"] == "pass"
    assert judgement["at"] == "2026-11-20T09:16:00+00:00"
    assert len(judgement["looks"]) == 22
    assert list(judgement["looks"][0]) == ["at", "verdict", "reason"]
    assert judgement["looks"][0]["at"] == "2026-11-20T09:01:00+00:00"


def test_the_first_look_that_fails_the_version_ends_it(tmp_path: Path) -> None:
    judgement = judged(traffic(failing=0.3), tmp_path)
    assert judgement["verdict"] == "fail"
    assert judgement["at"] == judgement["looks"][-1]["at"]
    assert judgement["looks"][-1]["verdict"] == "fail"
    assert judgement["at"] <= "2026-11-20T09:06:00+00:00"
    assert judgement["reason"].startswith("the version is broken")


def test_too_few_minutes_are_inconclusive_and_nothing_decided_them(tmp_path: Path) -> None:
    judgement = judged(traffic(minutes=4), tmp_path)
    assert (judgement["verdict"], judgement["at"], len(judgement["looks"])) == ("inconclusive", None, 4)


def test_a_bake_that_is_not_over_is_inconclusive(tmp_path: Path) -> None:
    policy = tmp_path / "churn.yaml"
    policy.write_text(
        "model: churn\nkind: tabular\nendpoint: {name: churn, type: online}\npeople: {owner: ana@example.com}\n"
        "rollout: {bake: 30m, judge: {latency: {warm_up: 5m}}}\n"
    )
    judgement = judged(traffic(), tmp_path, "--policy", str(policy))
    assert (judgement["verdict"], judgement["at"]) == ("inconclusive", None)
    assert "the bake is over at 2026-11-20T09:30:0" in judgement["reason"]


def portal(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the portal's "Export to CSV" writes."""
    times = rows["TimeGenerated"].dt.strftime("%m/%d/%Y, %I:%M:%S.%f").str[:-3] + rows["TimeGenerated"].dt.strftime(
        " %p"
    )
    renamed = rows.assign(TimeGenerated=times, ResponseCode=rows["ResponseCode"].astype(str))
    return renamed.rename(columns={"TimeGenerated": "TimeGenerated [UTC]"})


def seven_digits(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(TimeGenerated=rows["TimeGenerated"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + "7Z")


def elsewhere(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(TimeGenerated=rows["TimeGenerated"].dt.tz_convert("America/Sao_Paulo").astype(str))


def mixed_up(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in another order, with other columns and another deployment's rows among them."""
    other = rows.head(500).assign(DeploymentName="v-0", ResponseCode=500)
    more = pd.concat([rows, other], ignore_index=True).assign(_ResourceId="/x", Region="", XMSClientRequestId="")
    return more.sample(frac=1, random_state=1)[sorted(more.columns)]


def lower_case(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(columns=str.lower)


@pytest.mark.parametrize("change", [portal, seven_digits, elsewhere, mixed_up, lower_case])
def test_exports_are_read_however_they_are_written(change: Change, tmp_path: Path) -> None:
    assert judged(change(traffic(failing=0.3)), tmp_path) == judged(traffic(failing=0.3), tmp_path)


def test_parquet_and_json_lines_say_the_same_as_csv(tmp_path: Path) -> None:
    rows = traffic(failing=0.3)
    rows.to_parquet(tmp_path / "rows.parquet")
    rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, date_format="iso", date_unit="us")
    for name in ("rows.parquet", "rows.jsonl"):
        assert json.loads(run(tmp_path / name, "-o", "json").stdout) == judged(rows, tmp_path)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [("429", "fail"), ("499", "fail"), ("", "fail"), ("503", "fail"), ("400", "pass"), ("404", "pass")],
)
def test_what_the_service_did_not_answer_counts_and_a_callers_mistake_does_not(
    code: str, verdict: str, tmp_path: Path
) -> None:
    rows = traffic(failing=0.3).astype({"ResponseCode": str})
    judgement = judged(rows.replace({"ResponseCode": {"500": code}}), tmp_path)
    assert judgement["verdict"] == verdict


def test_exit_codes_say_the_verdict(tmp_path: Path) -> None:
    codes = []
    for rows in (traffic(), traffic(failing=0.3), traffic(minutes=4)):
        rows.to_csv(tmp_path / "rows.csv", index=False)
        codes.append(run(tmp_path / "rows.csv").exit_code)
    assert codes == [0, 1, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda rows: rows.drop(columns="ResponseCode"), "no column ResponseCode", id="column"),
        pytest.param(lambda rows: rows.head(0), "has no rows", id="empty"),
        pytest.param(
            lambda rows: rows.replace("v-2", "v-3"), "no rows of deployment v-2 → it has rows of v-1, v-3", id="name"
        ),
        pytest.param(lambda rows: rows.assign(TimeGenerated="soon"), "TimeGenerated is not a time", id="time"),
        pytest.param(
            lambda rows: pd.concat([rows, rows.assign(EndpointName="other")]), "--endpoint churn", id="endpoints"
        ),
    ],
)
def test_what_cannot_be_judged_says_what_to_do(change: Change, message: str, tmp_path: Path) -> None:
    change(traffic(minutes=2)).to_csv(tmp_path / "rows.csv", index=False)
    printed = run(tmp_path / "rows.csv")
    assert printed.exit_code == 2
    assert message in " ".join(printed.output.split())


def test_of_several_endpoints_one_is_named(tmp_path: Path) -> None:
    other = traffic(failing=0.3).assign(EndpointName="other")
    judgement = judged(pd.concat([traffic(), other]), tmp_path, "--endpoint", "churn")
    assert judgement == judged(traffic(), tmp_path)
