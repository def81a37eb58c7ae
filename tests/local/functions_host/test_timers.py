"""Timer triggers: schedules with seconds, settings in them, and runs on demand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from local.functions_host.schedule import next_run
from tests.local.functions_host.conftest import ToyFolder


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("*/15 * * * * *", datetime(2026, 11, 20, 8, 30, 15, tzinfo=UTC), id="seconds_come_first"),
        pytest.param("0 */5 * * * *", datetime(2026, 11, 20, 8, 35, tzinfo=UTC), id="five_minutes"),
        pytest.param("0 0 3 * * 1", datetime(2026, 11, 23, 3, tzinfo=UTC), id="monday_at_three"),
    ],
)
def test_next_run_follows_the_schedule(schedule: str, expected: datetime) -> None:
    assert next_run(schedule, datetime(2026, 11, 20, 8, 30, tzinfo=UTC)) == expected


def test_timer_runs_on_its_schedule(toy: ToyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERY", "* * * * * *")

    async def run() -> list[object]:
        source = """
        @app.timer_trigger(arg_name="timer", schedule="%EVERY%")
        def tick(timer: func.TimerRequest):
            calls.append(timer.past_due)
        """
        async with toy.running(source) as app:
            await app.wait_for(lambda: bool(app.calls))
            return app.calls

    assert asyncio.run(run())[0] is False


def test_timer_runs_now_when_asked(toy: ToyFolder) -> None:
    async def run() -> tuple[list[tuple[int, str]], list[object]]:
        source = """
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
        def tick(timer: func.TimerRequest):
            calls.append(timer.schedule_status["Last"])
            if len(calls) == 2:
                raise RuntimeError("tired")
        """
        answers = []
        async with toy.running(source) as app:
            for name in ("tick", "tick", "tock"):
                async with app.client.post(f"/_local/timers/{name}") as answer:
                    answers.append((answer.status, await answer.text()))
            return answers, app.calls

    answers, calls = asyncio.run(run())
    assert answers == [(202, ""), (500, "tired"), (404, "there is no timer function 'tock'; timers: tick")]
    assert calls[0] is None
    assert calls[1] is not None
