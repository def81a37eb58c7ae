"""`vigia policy`: every problem with its place, or the policy in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.policy.words import WORDS
from shared.bootstrap import policy_sections
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import ROOT

Json = Callable[..., Any]
EXAMPLE = ROOT / "policies" / "flight-delay.yaml"


def test_the_example_policies_are_right_and_told_in_plain_words(run: Run) -> None:
    shown = run("policy", "validate", str(ROOT / "policies"))

    assert shown.exit_code == 0
    for part in (
        "on drift, performance, new-data and schedule 0 0 3 * * 1 (UTC), and when someone asks",
        "roc_auc not worse than the champion's by more than 0.005 (95% sure)",
        "recall of every carrier at least 0.8 times the whole's",
        "canary: 10 % → 50 % → 100 % of the traffic, each step baking 15m",
        "at 100%: notify, freeze-retraining and stop-compute",
        "Ana (pt-BR, America/Sao_Paulo)",
    ):
        assert part in " ".join(shown.stdout.split())


def test_an_approval_that_nobody_is_asked_for_is_a_warning(tmp_path: Path, run: Run, run_json: Json) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("on: [approval-needed, ", "on: ["))
    (tmp_path / "b.yaml").write_text(
        text.replace("flight-delay", "other-delay").replace("to: [owner, approvers]", "to: [zoe@example.com]")
    )
    assert "warning" not in run("policy", "validate", str(EXAMPLE)).stdout
    output = run_json("policy", "validate", str(tmp_path))
    (unasked, others), shown = output["policies"], run("policy", "validate", str(tmp_path))
    assert shown.exit_code == 0
    assert "no rule asks anybody for the approval; ana@example.com, ben@example.com are" in unasked["warnings"][0]
    assert "approval-needed reaches nobody who may decide" in others["warnings"][0]
    assert "warning" in shown.stdout


def test_who_may_approve_by_an_address_alone_is_a_warning(tmp_path: Path, run_json: Json) -> None:
    (tmp_path / "a.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"))
    people = (EXAMPLE.parent / "people.yaml").read_text(encoding="utf-8")
    (tmp_path / "people.yaml").write_text(re.sub(r', oid: "[-0-9a-f]+"', "", people))
    (output, _) = run_json("policy", "validate", str(tmp_path))["policies"]
    (warning,) = output["warnings"]
    assert "people.yaml: ben@example.com may approve and has no oid" in warning
    assert "oid: " in warning
    (tmp_path / "people.yaml").unlink()
    (output,) = run_json("policy", "validate", str(tmp_path))["policies"]
    assert "ana@example.com, ben@example.com may approve and have no oid" in output["warnings"][0]


def test_a_quorum_that_a_submitter_among_the_approvers_makes_unreachable_is_a_warning(
    tmp_path: Path, run_json: Json
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "people.yaml").write_text((EXAMPLE.parent / "people.yaml").read_text(encoding="utf-8"))
    (tmp_path / "a.yaml").write_text(text.replace("quorum: 1", "quorum: 2"))
    policies = run_json("policy", "validate", str(tmp_path))["policies"]
    assert [policy["warnings"] for policy in policies if policy["model"]] == [
        [
            "approval.quorum: of 2 who may decide 2 must agree: a version that one of them submitted, or whose "
            "submitter is not known, is refused; name one more in people.approvers"
        ]
    ]
    (tmp_path / "a.yaml").write_text(text.replace("quorum: 1", "quorum: 2").replace("by: submitter", "by: nobody"))
    assert not any(policy["warnings"] for policy in run_json("policy", "validate", str(tmp_path))["policies"])


def test_a_monitor_that_asks_to_run_more_often_than_its_timer_is_a_warning(tmp_path: Path, run_json: Json) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "people.yaml").write_text((EXAMPLE.parent / "people.yaml").read_text(encoding="utf-8"))
    (tmp_path / "a.yaml").write_text(text.replace("every: 1h", "every: 1m", 1))
    (output,) = [policy for policy in run_json("policy", "validate", str(tmp_path))["policies"] if policy["model"]]
    assert output["warnings"] == [
        "monitor.every: 1m is less than the 5m after which the timer runs again; write 5m or more, or set "
        "VIGIA_MONITOR_SCHEDULE to run it as often"
    ]


def test_a_retired_spark_runtime_is_a_warning(tmp_path: Path, run_json: Json) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    spark = 'spark: {component: "azureml:vigia_count_window@latest", runtime: "3.4"}'
    (tmp_path / "people.yaml").write_text((EXAMPLE.parent / "people.yaml").read_text(encoding="utf-8"))
    (tmp_path / "a.yaml").write_text(text.replace("every: 1h", f"every: 1h\n  {spark}", 1))
    (output,) = [policy for policy in run_json("policy", "validate", str(tmp_path))["policies"] if policy["model"]]
    assert output["warnings"] == [
        'monitor.spark.runtime: "3.4" has had no support since 2026-03-31 and is switched off: write "3.5" or '
        "leave it out"
    ]


def test_every_section_has_its_words() -> None:
    assert set(WORDS) == set(policy_sections())


def test_every_problem_of_every_file_is_named_with_its_line(tmp_path: Path, run: Run, run_json: Json) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("watch_for: 2h", "watch_for: 2").replace("quorum: 1", "quorom: 1"))
    (tmp_path / "people.yaml").write_text("- nonsense\n")

    shown = run("policy", "validate", str(tmp_path))
    output = run_json("policy", "validate", str(tmp_path))

    assert shown.exit_code == 1
    lines = text.splitlines()
    approval = next(number for number, line in enumerate(lines, 1) if "quorum: 1" in line)
    watch_for = next(number for number, line in enumerate(lines, 1) if "watch_for: 2h" in line)
    assert f"{tmp_path}/a.yaml:{approval}: approval.quorom" in shown.stdout
    assert f"{tmp_path}/a.yaml:{watch_for}: rollout.watch_for" in shown.stdout
    assert "people.yaml:1: " in shown.stdout
    assert output["valid"] is False
    assert {(Path(problem["file"]).name, problem["line"]) for problem in output["problems"]} == {
        ("a.yaml", approval),
        ("a.yaml", watch_for),
        ("people.yaml", 1),
    }


def test_a_policy_without_rollout_says_that_it_releases_nothing(tmp_path: Path, run_json: Json) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "model: small\nkind: tabular\nendpoint: {name: small, type: online}\npeople: {owner: ana@example.com}\n"
    )

    output = run_json("policy", "validate", str(file))

    assert output["valid"] is True
    assert output["policies"][0]["summary"] == {
        "model": "tabular model small, serving on online endpoint small; ana@example.com owns it",
        "rollout": "there is none, so new versions are not released",
    }


def test_what_is_not_there_cannot_be_checked(tmp_path: Path, run: Run) -> None:
    missing, empty = run("policy", "validate", str(tmp_path / "x.yaml")), run("policy", "validate", str(tmp_path))

    assert (missing.exit_code, empty.exit_code) == (2, 2)
    assert "there is no file" in missing.stderr
    assert "holds no policy" in empty.stderr


def test_the_schema_is_printed(run: Run) -> None:
    assert json.loads(run("policy", "schema").stdout)["title"] == "Vigia policy"


SMALL = "model: small\nkind: tabular\nendpoint: {name: small, type: online}\n" + (
    "people: {owner: ana@example.com, approvers: [ana@example.com, Ana@example.com]}\n"
)


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [{schedule: '* * * * * *'}]}",
            "retrain.on[0].schedule: '* * * * * *' comes every 1s, and is looked at once a minute; "
            "write e.g. 0 0 3 * * 1",
            id="a_schedule_more_often_than_it_is_looked_at",
        ),
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [{schedule: '*/30 * * * * *'}]}",
            "retrain.on[0].schedule: '*/30 * * * * *' comes every 30s, and is looked at once a minute; "
            "write e.g. 0 0 3 * * 1",
            id="a_schedule_of_half_minutes",
        ),
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [{schedule: '0 0 0 30 2 *'}]}",
            "retrain.on[0].schedule: '0 0 0 30 2 *' names a day that never comes; write e.g. 0 0 3 * * 1",
            id="a_schedule_that_never_comes",
        ),
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [{schedule: '0 0 * * * *'}]}",
            "retrain.on[0].schedule: '0 0 * * * *' comes after 1h, before the cooldown of 6h is over, and starts "
            "nothing; write a rarer one, e.g. 0 0 3 * * 1, or cooldown: 30m",
            id="a_schedule_within_the_cooldown",
        ),
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [drift], cooldown: 0s}",
            "retrain.cooldown: 0s lets every event start a training; write e.g. 6h",
            id="no_cooldown",
        ),
        pytest.param(
            "retrain: {job: 'azureml:t@latest', on: [drift], at_most: 51 per day}",
            "retrain.at_most: 51 per day never holds: the last 50 trainings are remembered; write less",
            id="a_limit_above_what_is_remembered",
        ),
        pytest.param(
            "monitor: {every: 0s}",
            "monitor.every: a window of 0s holds nothing to compare; write e.g. 1h",
            id="an_empty_window",
        ),
        pytest.param(
            "monitor: {performance: {metric: roc_auc, at_least: 0.7, labels: 'azureml:l@latest', labels_within: 0s}}",
            "monitor.performance.labels_within: must be longer than 0; write e.g. 7d",
            id="labels_in_no_time",
        ),
        pytest.param(
            "monitor: {performance: {metric: roc_auc, at_least: 0.7, labels: 'azureml:l:3'}}",
            "monitor.performance.labels: azureml:l:3 never changes, and labels arrive later; write azureml:l@latest",
            id="labels_that_never_arrive",
        ),
        pytest.param(
            "monitor: {azure_monitors: [a, {name: a, every: 7d}]}",
            "monitor.azure_monitors[1]: a stands here twice; leave one out",
            id="one_monitor_twice",
        ),
        pytest.param(
            "approval: {quorum: 2}",
            "approval.quorum: 2 must agree but people.approvers names 1; name more, or ask fewer",
            id="one_person_twice",
        ),
        pytest.param(
            "budget: [{at: 0%, do: [stop-compute]}]",
            "budget[0].at: is reached before anything is spent; write e.g. 80%",
            id="a_threshold_that_is_always_reached",
        ),
        pytest.param(
            "budget: {name: ml, thresholds: []}",
            "budget.thresholds: has no threshold, so nothing would ever be done; write e.g. {at: 80%, do: [notify]}",
            id="no_threshold",
        ),
        pytest.param("budget: [{at: 80%, do: []}]", "budget[0].do: does nothing; write e.g. [notify]", id="no_measure"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_where_it_stands(
    tmp_path: Path, run_json: Json, section: str, complaint: str
) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(f"{SMALL}{section}\n")

    output = run_json("policy", "validate", str(file))

    assert [f"{problem['line']}: {problem['key']}: {problem['message']}" for problem in output["problems"]] == [
        f"5: {complaint}"
    ]


def test_files_that_are_named_one_by_one_are_compared_too(tmp_path: Path, run: Run) -> None:
    here, there = tmp_path / "here.yaml", tmp_path / "there.yaml"
    here.write_text(SMALL)
    there.write_text(SMALL.replace("model: small", "model: other"))

    shown = run("policy", "validate", str(here), str(there))

    assert shown.exit_code == 1
    assert f"{there}:3: endpoint.name: 'small' is the endpoint of small in {here}; name another" in " ".join(
        shown.stdout.split()
    )


@pytest.mark.parametrize("schedule", ["0 0 3 * * 1", "0 0 0 L * *", "0 0 0 29 2 *", "0 30 */7 * * *"])
def test_schedules_that_the_app_can_keep_are_right(tmp_path: Path, run: Run, schedule: str) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(f"{SMALL}retrain: {{job: 'azureml:t@latest', on: [{{schedule: '{schedule}'}}], cooldown: 2h}}\n")

    assert run("policy", "validate", str(file)).exit_code == 0
