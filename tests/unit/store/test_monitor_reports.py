"""Stored reports: they read back as they were, newest first, and names cannot leave their folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.drift.results.signals import SignalVerdict
from shared.errors import PermanentError
from shared.store.codec import decode
from shared.store.monitors.monitors import MonitorRun
from shared.store.monitors.reports import MonitorReports
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.monitor_reports import a_report


@pytest.fixture
def reports() -> MonitorReports:
    return MonitorReports(MemoryBlobStore())


def test_a_report_reads_back_to_an_equal_one(reports: MonitorReports) -> None:
    reports.save(a_report(), "<!doctype html>")
    assert reports.read("flight-delay", a_report().id) == a_report()
    assert reports.page("flight-delay", a_report().id) == "<!doctype html>"


def test_reports_are_listed_newest_first_with_their_verdicts(reports: MonitorReports) -> None:
    verdicts: dict[int, SignalVerdict] = {1: "drift", 3: "no-drift", 2: "error"}
    for day, verdict in verdicts.items():
        report = replace(a_report(), id=f"flight-delay-2026070{day}T000000Z", verdict=verdict)
        reports.save(report, "")
    other = replace(a_report(), id="flight-delay-b-20260712T000000Z", model="flight-delay-b")
    reports.save(other, "")
    listed = reports.newest("flight-delay")
    assert [(stored.id[-16:-8], stored.verdict) for stored in listed] == [
        ("20260703", "no-drift"),
        ("20260702", "error"),
        ("20260701", "drift"),
    ]
    assert len(reports.newest("flight-delay", 2)) == 2
    assert reports.last("flight-delay-b") == other


def test_a_model_without_reports_has_none(reports: MonitorReports) -> None:
    assert (reports.newest("churn"), reports.last("churn"), reports.read("churn", "churn-1")) == ((), None, None)


@pytest.mark.parametrize("name", ["", "../secrets", "a/b", "a\n", ".", "x" * 300])
def test_a_name_that_could_be_another_blob_is_refused(reports: MonitorReports, name: str) -> None:
    with pytest.raises(PermanentError):
        reports.read("flight-delay", name)
    with pytest.raises(PermanentError):
        reports.newest(name)


def test_runs_of_earlier_versions_load_without_a_report() -> None:
    old = (
        b'{"model_version": "1", "signal": "data-drift", "start": "2026-07-12T02:00:00Z", '
        b'"end": "2026-07-12T03:00:00Z", "rows": 5, "verdict": "drift", "sentence": "s"}'
    )
    assert decode(MonitorRun, old).report == ""
