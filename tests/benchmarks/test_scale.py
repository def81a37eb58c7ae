"""Neither the sweep's timer nor the list of open questions asks the storage more often because more has passed."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks.app import scale


def test_what_is_open_costs_the_same_requests_however_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "TRIP_SECONDS", 0)
    monkeypatch.setattr(scale, "PAGE", 60)
    calls = []
    for done in (100, 5_000):
        app, trips = scale.app_with_past(done)
        scale.sweep(app)
        works = (partial(scale.sweep, app), app.approvals.open_questions, partial(scale.list_everything, app))
        calls.append([scale._trips_of(trips, work) for work in works])
    short, long = calls
    assert short[:2] == long[:2]
    assert long[0] <= 20
    assert long[2] > 10 * short[2], "the listing that it is measured beside grows"
