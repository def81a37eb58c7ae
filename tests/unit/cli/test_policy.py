"""`vigia policy`: every problem with its place, or the policy in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.policy_words import WORDS
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


def test_every_section_has_its_words() -> None:
    assert set(WORDS) == set(policy_sections())


def test_every_problem_of_every_file_is_named_with_its_line(tmp_path: Path, run: Run, run_json: Json) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("watch_for: 2h", "watch_for: 2").replace("quorum: 1", "quorom: 1"))
    (tmp_path / "people.yaml").write_text("- nonsense\n")

    shown = run("policy", "validate", str(tmp_path))
    told = run_json("policy", "validate", str(tmp_path))

    assert shown.exit_code == 1
    lines = text.splitlines()
    approval = next(number for number, line in enumerate(lines, 1) if "quorum: 1" in line)
    watch_for = next(number for number, line in enumerate(lines, 1) if "watch_for: 2h" in line)
    assert f"{tmp_path}/a.yaml:{approval}: approval.quorom" in shown.stdout
    assert f"{tmp_path}/a.yaml:{watch_for}: rollout.watch_for" in shown.stdout
    assert "people.yaml:1: " in shown.stdout
    assert told["valid"] is False
    assert {(Path(problem["file"]).name, problem["line"]) for problem in told["problems"]} == {
        ("a.yaml", approval),
        ("a.yaml", watch_for),
        ("people.yaml", 1),
    }


def test_a_policy_without_rollout_says_that_it_releases_nothing(tmp_path: Path, run_json: Json) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "model: small\nkind: tabular\nendpoint: {name: small, type: online}\npeople: {owner: ana@example.com}\n"
    )

    told = run_json("policy", "validate", str(file))

    assert told["valid"] is True
    assert told["policies"][0]["summary"] == {
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
