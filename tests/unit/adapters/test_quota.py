"""ARM's quota: calls wait here instead of being refused there, and background work leaves half of it to others."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline import Pipeline
from azure.core.rest import HttpRequest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.azure_ml.quota import LIMITS, REMAINING, Quota, background, within_quota
from shared.adapters.patience import LONGEST_SLEEP_SECONDS
from shared.errors import RetryableError
from tests.unit.adapters.test_patience import Throttled

SIZE, RATE = map(int, LIMITS["reads"])


class Arm(Throttled):
    """Answers with what remains of the bucket that is filled by all who call it."""

    def __init__(self, remaining: str = "", status: int = 200) -> None:
        super().__init__()
        self.remaining, self.status = remaining, status

    def send(self, request: Any, **_: Any) -> Any:
        headers = {f"{REMAINING}reads": self.remaining} if self.remaining else {}
        return SimpleNamespace(status_code=self.status, headers=headers, request=request)


class Client:
    def __init__(self, arm: Arm) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        quota = Quota(lambda: self.now)
        self._pipeline: Pipeline[Any, Any] = Pipeline(arm, [within_quota(quota, self.sleep)])

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def call(self, method: str = "GET") -> None:
        self._pipeline.run(HttpRequest(method, "https://management.azure.com/x"))


def test_calls_beyond_the_bucket_wait_for_their_turn() -> None:
    client = Client(Arm())
    for _ in range(SIZE + 3):
        client.call()
    assert client.slept == pytest.approx([1 / RATE] * 3)


def test_background_work_uses_half_of_the_quota() -> None:
    client = Client(Arm())
    began = client.now
    with background():
        for _ in range(1000):
            client.call()
    assert pytest.approx((client.now - began) * RATE / 2) == 1000 - RATE


def test_background_work_yields_to_what_other_processes_use() -> None:
    arm = Arm(remaining=str(SIZE - 1))
    client = Client(arm)
    client.call()
    arm.remaining = "30"
    client.call()
    with background():
        client.call()
    assert client.slept == pytest.approx([(SIZE / 2 + 1 - 30) / RATE])
    client.call()
    assert len(client.slept) == 1


def test_background_work_goes_on_where_the_whole_bucket_is_small() -> None:
    client = Client(Arm(remaining="30"))
    client.call()
    with background():
        client.call()
    assert client.slept == []


def test_what_would_wait_too_long_is_refused_with_the_time_and_costs_nothing() -> None:
    quota = Quota(lambda: 0.0)
    for _ in range(int(SIZE + RATE * LONGEST_SLEEP_SECONDS)):
        quota.take("reads", is_background=False)
    with pytest.raises(RetryableError) as refused:
        quota.take("reads", is_background=False)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after.total_seconds() > LONGEST_SLEEP_SECONDS
    assert quota.take("writes", is_background=False) == 0


def test_a_refusal_empties_the_bucket_of_its_kind() -> None:
    client = Client(Arm(status=429))
    client.call()
    client.call()
    assert client.slept == pytest.approx([1 / RATE])


def test_the_hourly_count_of_older_subscriptions_changes_nothing() -> None:
    client = Client(Arm(remaining="11999"))
    for _ in range(SIZE):
        client.call()
    assert client.slept == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=600))
def test_no_second_sees_more_calls_than_arm_allows(calls: list[tuple[bool, float]]) -> None:
    now = 0.0
    quota, made = Quota(lambda: now), deque[float]()
    for is_background, pause in calls:
        now += pause if pause > 1 else 0.0
        try:
            made.append(now + quota.take("reads", is_background=is_background))
        except RetryableError:
            continue
    for first, start in enumerate(made):
        within = sum(start <= at < start + 10 for at in list(made)[first:])
        assert within <= SIZE + 10 * RATE + 1
