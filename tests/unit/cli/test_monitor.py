"""`vigia monitor`: files on a machine, a model's window, the stored reports, and the floor that would be quiet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cli.kit import context
from shared.domain.ids import DeploymentName, JobName, ModelName, ModelVersion
from shared.errors import RetryableError
from shared.ports.jobs import JobRecord
from shared.store.monitors.monitors import Counting, MonitorState
from shared.texts.monitor_report.page import render_report
from tests.fakes.monitor_reports import a_report
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import ENDPOINT, MODEL, NOW, FakeApp
from tests.unit.drift.signals.test_questions import predicted_numbers

RunJson = Callable[..., Any]


def customers(rows: int, shift: float = 0.0, seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame({"dep_delay": chance.normal(40 + shift, 10, rows), "row_id": range(rows)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    customers(3000).to_parquet("before.parquet")
    customers(3000, seed=2).to_csv("same.csv", index=False)
    customers(3000, shift=9, seed=3).to_json("moved.jsonl", orient="records", lines=True)
    customers(200, seed=4).to_parquet("few.parquet")
    return tmp_path


@pytest.fixture
def no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(settings_file: Path | None) -> None:
        raise AssertionError("files were given: nothing else is needed")

    monkeypatch.setattr(context, "open_app", refuse)


@pytest.mark.parametrize(
    ("current", "code", "verdict"),
    [("same.csv", 0, "no-drift"), ("moved.jsonl", 2, "drift"), ("few.parquet", 3, "insufficient-data")],
)
@pytest.mark.usefixtures("folder", "no_cloud")
def test_files_alone_give_a_verdict_and_its_exit_code(run: Run, current: str, code: int, verdict: str) -> None:
    arguments = ("monitor", "run", "--reference", "before.parquet", "--current", current, "--ignore", "row_id")
    result = run(*arguments, "-o", "json")
    entries = json.loads(result.stdout)
    whole = entries[0]
    assert result.exit_code == code
    assert (whole["signal"], whole["column"], whole["verdict"]) == ("data-drift", "", verdict)
    assert run(*arguments).exit_code == code


@pytest.mark.usefixtures("folder", "no_cloud")
def test_json_has_an_entry_per_signal_and_column_with_its_floor_and_where_that_is_from(run_json: RunJson) -> None:
    arguments = ("monitor", "run", "--reference", "before.parquet", "--current", "moved.jsonl", "--ignore", "row_id")
    entries = {(entry["signal"], entry["column"]): entry for entry in run_json(*arguments)}
    delay = entries["data-drift", "dep_delay"]
    assert delay["verdict"] == "drift"
    assert (delay["statistic"], delay["floor_reason"]) == ("KS", "smallest effect that matters")
    assert delay["effect"] > delay["floor"] == 0.05
    assert delay["adjusted_p_value"] < 0.01
    assert ("data-quality", "") in entries
    assert all(entry.keys() == delay.keys() for entry in entries.values())


@pytest.mark.usefixtures("no_cloud")
def test_blocks_of_the_reference_file_set_the_floor_of_the_columns_that_need_one(
    run_json: RunJson, folder: Path
) -> None:
    season = 4 * np.sin(np.arange(20_000) / 1_500)
    previous = customers(20_000).assign(
        calm=lambda frame: frame["dep_delay"], dep_delay=lambda frame: frame["dep_delay"] + season
    )
    previous.to_parquet("seasons.parquet")
    customers(2_000, shift=4, seed=9).assign(calm=customers(2_000, seed=8)["dep_delay"]).to_parquet("week.parquet")
    arguments = ("monitor", "run", "--reference", "seasons.parquet", "--current", "week.parquet", "--ignore", "row_id")
    entries = {entry["column"]: entry for entry in run_json(*arguments) if entry["signal"] == "data-drift"}
    assert entries["dep_delay"]["floor_reason"] == "blocks of the reference"
    assert entries["calm"]["floor_reason"] in ("sampling", "smallest effect that matters")
    assert entries["dep_delay"]["floor"] > 3 * entries["calm"]["floor"]


@pytest.mark.usefixtures("no_cloud")
def test_the_page_and_the_table_show_what_moved(run: Run, folder: Path) -> None:
    files = ("--reference", "before.parquet", "--current", "moved.jsonl", "--ignore", "row_id")
    result = run("monitor", "run", *files, "--html", "report.html")
    assert "dep_delay" in result.stdout
    assert "█" in result.stdout
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "dep_delay" in page
    assert str(folder) not in page


@pytest.mark.usefixtures("no_cloud")
def test_importance_weighs_the_ranking(run: Run, run_json: RunJson, folder: Path) -> None:
    for name, seed in (("a.parquet", 1), ("b.parquet", 2)):
        customers(3000, seed=seed).assign(dest=np.arange(3000) % 3 + seed * 5).to_parquet(name)
    (folder / "i.json").write_text('{"dep_delay": 3, "dest": 0, "row_id": 1}', encoding="utf-8")
    arguments = ("monitor", "run", "--reference", "a.parquet", "--current", "b.parquet", "--importance", "i.json")
    columns = [entry for entry in run_json(*arguments) if entry["signal"] == "data-drift" and entry["column"]]
    assert {entry["column"]: entry["importance"] for entry in columns} == {
        "dep_delay": 0.75,
        "dest": 0.0,
        "row_id": 0.25,
    }
    assert columns[0]["column"] == "dest"
    (folder / "i.json").write_text('{"dep_delay": "much"}', encoding="utf-8")
    result = run(*arguments)
    assert result.exit_code == 1
    assert "write a JSON object of numbers" in result.stderr


@pytest.mark.usefixtures("no_cloud")
def test_a_folder_and_several_files_are_one_table(run_json: RunJson, folder: Path) -> None:
    (folder / "parts").mkdir()
    for number in range(3):
        customers(1000, seed=number).to_parquet(folder / "parts" / f"{number}.parquet")
    files = ("--reference", "parts", "--current", "same.csv", "--current", "few.parquet", "--ignore", "row_id")
    whole = run_json("monitor", "run", *files)[0]
    assert (whole["reference"], whole["rows"]) == ("parts", 3200)


@pytest.mark.usefixtures("no_cloud")
def test_what_does_not_fit_a_frame_is_read_in_pieces(
    run_json: RunJson, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.monitor.files.MOST_CELLS", 100)
    files = ("--reference", "before.parquet", "--current", "before.parquet", "--ignore", "row_id")
    entries = run_json("monitor", "run", *files)
    assert [(entry["signal"], entry["verdict"]) for entry in entries if not entry["column"]] == [
        ("data-drift", "no-drift")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--reference", "before.parquet"), "--current", id="one_side_only"),
        pytest.param(("--reference", "x.parquet", "--current", "same.csv"), "there is no file x.parquet", id="no_file"),
        pytest.param(("--reference", "broken.parquet", "--current", "same.csv"), "broken.parquet", id="broken"),
        pytest.param(("--reference", "notes.txt", "--current", "same.csv"), "is not a table", id="another_kind"),
        pytest.param(
            ("--reference", "before.parquet", "--current", "same.csv", "--window", "1h"), "no window", id="window"
        ),
        pytest.param(("m", "--window", "soon"), "write e.g. 24h", id="duration"),
        pytest.param(("m", "--start", "yesterday"), "is not a time", id="time"),
        pytest.param(
            ("--reference", "before.parquet", "--current", "same.csv", "--min-effect", "2"), "0.1", id="effect"
        ),
        pytest.param(("--reference", "before.parquet", "--current", "same.csv", "--save"), "needs a model", id="save"),
    ],
)
@pytest.mark.usefixtures("no_cloud")
def test_what_cannot_be_looked_at_is_no_drift_and_says_why(
    run: Run, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "broken.parquet").write_bytes(b"PAR1 this is none")
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    result = run("monitor", "run", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def collected(fake: FakeApp, rows: pd.DataFrame) -> None:
    """Have version 2 serve, trained on data like `customers`, and have these rows collected."""
    fake.serve(v_2=100)
    fake.azureml.register(MODEL, "2", job="job-2")
    inputs = {"training_data": "azureml:flights:1"}
    fake.azureml.jobs["job-2"] = JobRecord(JobName("job-2"), "Completed", {}, "ana", inputs)
    fake.data.tables["azureml:flights:1"] = customers(20_000)  # type: ignore[attr-defined]
    fake.data.inputs[ENDPOINT, DeploymentName("v-2")] = rows  # type: ignore[attr-defined]


def test_a_models_window_is_looked_at_and_nothing_is_announced(fake: FakeApp, run: Run) -> None:
    collected(fake, customers(20_000, shift=9))
    result = run("monitor", "run", MODEL, "--window", "24h", "-o", "json")
    document = json.loads(result.stdout)[0]
    assert (result.exit_code, document["verdict"]) == (2, "drift")
    assert document["end"] == NOW.isoformat()
    assert document["start"] == (NOW - timedelta(hours=24)).isoformat()
    assert document["reference"] == "the training data of version 2"
    assert fake.topic.events == []
    assert fake.monitor_states.read(MODEL) == (None, "")
    assert fake.monitor_reports.newest(MODEL) == ()
    assert list(fake.blobs.list("profiles/")) == []


def test_a_saved_look_is_shown_with_the_others(fake: FakeApp, run: Run) -> None:
    collected(fake, customers(20_000, shift=9))
    run("monitor", "run", MODEL, "--save")
    (stored,) = fake.monitor_reports.newest(MODEL)
    result = run("monitor", "show", MODEL)
    assert result.exit_code == 0
    assert stored.id in result.stdout
    assert "dep_delay" in result.stdout


@pytest.mark.usefixtures("folder")
def test_a_person_may_bring_the_reference_and_the_rows(fake: FakeApp, run_json: RunJson) -> None:
    collected(fake, customers(20_000, shift=9))
    arguments = ("monitor", "run", MODEL, "--minimum-rows", "1000", "--ignore", "row_id")
    from_file = run_json(*arguments, "--reference", "before.parquet", "--current", "same.csv")[0]
    assert (from_file["verdict"], from_file["reference"]) == ("no-drift", "before.parquet")
    from_asset = run_json(*arguments, "--reference", "azureml:flights:1")[0]
    assert (from_asset["verdict"], from_asset["reference"]) == ("drift", "azureml:flights:1")


def test_a_model_that_serves_no_requests_is_named(fake: FakeApp, run: Run) -> None:
    result = run("monitor", "run", MODEL)
    assert result.exit_code == 1
    assert "no version of flight-delay serves" in result.stderr


def test_trouble_on_the_way_is_not_drift(fake: FakeApp, run: Run) -> None:
    collected(fake, customers(20_000))
    fake.azureml.errors["endpoint"] = [RetryableError("workspace.retry", "down")]
    assert run("monitor", "run", MODEL).exit_code == 1


@pytest.fixture
def reported(fake: FakeApp) -> FakeApp:
    fake.monitor_reports.save(a_report(), render_report(a_report()))
    return fake


@pytest.mark.usefixtures("reported")
def test_a_stored_report_is_found_by_a_part_of_its_id(run: Run, run_json: RunJson) -> None:
    assert run_json("monitor", "show", MODEL, "20260712")["id"] == a_report().id
    shown = run("monitor", "show", MODEL, a_report().id)
    assert "2 of 7 columns no longer look like the reference" in shown.stdout
    missing = run("monitor", "show", MODEL, "2019")
    assert missing.exit_code == 2
    assert f"vigia monitor show {MODEL}" in missing.stderr


@pytest.mark.usefixtures("reported")
def test_the_page_is_written_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    assert run("monitor", "report", MODEL, "--out", str(tmp_path / "x.html")).exit_code == 0
    assert (tmp_path / "x.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run("monitor", "report", MODEL, "--out", "-").stdout.startswith("<!doctype html>")


def test_a_window_that_is_being_counted_is_shown_with_its_job(fake: FakeApp, run: Run, run_json: RunJson) -> None:
    start = fake.clock.now()
    counting = Counting(JobName("count-1"), DeploymentName("v-1"), start, start + timedelta(days=1), 12_345_678_900)
    state = MonitorState(ModelName(MODEL), ModelVersion("1"), start, start, counting=counting)
    fake.monitor_states.save(state, "")
    (line,) = run_json("monitor", "show", MODEL)["runs"]
    assert line["sentence"] == "the window holds 12.3GB of collected requests: the Spark job count-1 counts it"
    assert "counting" in run("monitor", "show", MODEL).stdout


def test_a_model_without_reports_says_how_to_get_one(fake: FakeApp, run: Run) -> None:
    assert "has not looked yet" in run("monitor", "show", MODEL).stdout
    result = run("monitor", "report", MODEL)
    assert result.exit_code == 2
    assert f"vigia monitor run {MODEL}" in result.stderr
    assert "no policy names" in run("monitor", "show", "nobody").stderr


@pytest.mark.usefixtures("folder", "no_cloud")
def test_calibration_on_files_finds_a_quiet_floor(run: Run, run_json: RunJson) -> None:
    customers(20_000).to_parquet("past.parquet")
    arguments = ("monitor", "calibrate", "--files", "past.parquet", "--rows", "2000", "--ignore", "row_id")
    whole, delay = run_json(*arguments)
    assert (whole["windows"], whole["signal"], whole["column"]) == (5, "data-drift", "")
    assert 0 <= whole["floor"] < 0.1
    assert (delay["column"], delay["windows"]) == ("dep_delay", 5)
    assert "min_effect" in run(*arguments).stdout


@pytest.mark.usefixtures("reported")
def test_calibration_on_reports_reads_what_is_stored(run_json: RunJson, run: Run) -> None:
    assert run_json("monitor", "calibrate", MODEL)[0]["alarmed"] == 1
    assert run("monitor", "calibrate", MODEL, "--signal", "concept").exit_code == 2
    assert run("monitor", "calibrate", MODEL, "--persistence", "5 of 2").exit_code == 2
    assert run("monitor", "calibrate").exit_code == 2


@pytest.mark.parametrize(("above", "code"), [(0.0, 0), (0.7, 2)], ids=["as_before", "labels_changed"])
@pytest.mark.usefixtures("folder", "no_cloud")
def test_files_with_labels_are_estimated_and_followed(run: Run, above: float, code: int) -> None:
    predicted_numbers(4000, 1).to_parquet("known.parquet")
    predicted_numbers(4000, 2, above=above).to_parquet("now.parquet")
    files = ("--reference", "known.parquet", "--current", "now.parquet")
    result = run("monitor", "run", *files, "--label", "label", "--metric", "mae", "-o", "json")
    assert result.exit_code == code, result.output
    verdicts = {entry["signal"]: entry["verdict"] for entry in json.loads(result.stdout) if not entry["column"]}
    assert verdicts["estimated-performance"] == "no-drift"
    assert verdicts["concept-drift"] == ("drift" if above else "no-drift")


@pytest.mark.usefixtures("folder", "no_cloud")
def test_a_metric_that_cannot_be_estimated_is_refused(run: Run) -> None:
    files = ("--reference", "before.parquet", "--current", "same.csv", "--label", "row_id")
    result = run("monitor", "run", *files, "--metric", "r2")
    assert (result.exit_code, "cannot be estimated" in result.output) == (1, True)
