"""The rivals' rules as they are written down, the windows that are compared, and data out of wheels."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.spec import NotMeasurableHereError
from benchmarks.harness.wheels import Wheel
from benchmarks.monitoring import alarms
from benchmarks.monitoring.alarm_power import CATEGORIES, NUMBERS
from benchmarks.monitoring.alarm_tables import independent, neighbourhoods
from benchmarks.monitoring.watched_table import WatchedTable
from benchmarks.rivals import drift_alarms
from benchmarks.rivals.drift_alarms import Compared
from shared.drift.results.comparison import ColumnReport


def compared(*columns: tuple[float, dict[str, float]], rows: int = 10_000) -> Compared:
    """Return columns, each its p-value and its measures."""
    reports = tuple(
        ColumnReport(
            f"c{number}", "KS", 0.0, 0.1, "smallest effect that matters", False, "", p_value=p, measures=measures
        )
        for number, (p, measures) in enumerate(columns)
    )
    return Compared(reports, rows)


@pytest.mark.parametrize(
    ("measured", "alarming"),
    [
        pytest.param(compared((0.04, {"PSI": 0.01, "Wasserstein": 0.02})), {"raw_p"}, id="small_p"),
        pytest.param(compared((0.5, {"PSI": 0.11, "Wasserstein": 0.02})), {"psi"}, id="psi"),
        pytest.param(
            compared((0.5, {"Wasserstein": 0.11}), (0.5, {"Wasserstein": 0.0}), (0.5, {"Wasserstein": 0.0})),
            {"evidently_column", "azure"},
            id="one_of_three",
        ),
        pytest.param(
            compared((0.5, {"JS": 0.13}), (0.5, {"JS": 0.11})),
            {"evidently_column", "evidently_whole", "nannyml", "azure"},
            id="base_e",
        ),
        pytest.param(
            compared((0.04, {"Wasserstein": 0.0}), rows=1000),
            {"raw_p", "evidently_column", "evidently_whole"},
            id="few_rows_by_p",
        ),
    ],
)
def test_rivals_alarm_by_their_own_rules(measured: Compared, alarming: set[str]) -> None:
    assert {name for name, (_, rule) in drift_alarms.RIVALS.items() if rule(measured)} == alarming


def test_a_table_is_looked_at_as_the_app_does_all_signals_together_and_with_what_it_said_before() -> None:
    table = WatchedTable(independent(2_000, 1), "number_0", 1_500)
    previous = None
    for seed in range(2, 14):
        previous = table.look(independent(1_500, seed), previous)
        assert not previous.alarms
        assert {signal.signal for signal in previous.report.signals} == {
            "data-drift",
            "data-quality",
            "prediction-drift",
        }
    assert previous is not None
    assert len(previous.report.quiet) == 2 * 12
    answers = table.look(independent(1_500, 14).assign(number_0=5.0), previous)
    assert (answers.verdict("prediction-drift"), answers.verdict("data-drift")) == ("drift", "no-drift")


@pytest.mark.parametrize("fault", [*NUMBERS, *CATEGORIES])
def test_each_fault_is_found_in_its_column_and_no_other(fault: str) -> None:
    reference, window = independent(20_000, 1), independent(3_000, 2)
    column = "number_3" if fault in NUMBERS else "category_1"
    spoil = {**NUMBERS, **CATEGORIES}[fault][0]
    table = WatchedTable(reference, "number_0", 3_000)
    look = table.look(spoil(window, column, reference))
    assert [name for name in window if look.names(str(name))] == [column]
    assert not table.look(window).alarms


def test_a_window_is_compared_with_the_ten_around_it() -> None:
    year = pd.DataFrame({"row": np.arange(130)})
    neighbours = list(neighbourhoods(year, 10, 10))
    assert len(neighbours) == 3
    around, window = neighbours[0]
    assert window["row"].tolist() == list(range(50, 60))
    assert [place["row"].iloc[0] for place in around] == [0, 10, 20, 30, 40, 60, 70, 80, 90, 100]


def test_independent_rows_give_a_figure_for_us_and_each_rival() -> None:
    figures = alarms.independent_figures((2_000, 1_500), runs=2)
    assert [figure.name.rsplit(".", 1)[1] for figure in figures] == ["ours", *drift_alarms.RIVALS]
    assert independent(20, 1).equals(independent(20, 1))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "vigia-benchmarks" / "data-1-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/rows.csv", "a\n1\n")
    return Wheel("data==1", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_wheel_in_the_cache_is_read_without_installing(wheel: Wheel) -> None:
    assert wheel.read("data/rows.csv").read() == b"a\n1\n"


def test_a_wheel_with_other_content_is_refused(wheel: Wheel) -> None:
    with pytest.raises(NotMeasurableHereError, match="is not the file that is expected here; delete it"):
        Wheel(wheel.requirement, wheel.file, "0" * 64).read("data/rows.csv")
