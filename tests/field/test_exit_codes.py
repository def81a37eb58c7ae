"""What a script reads off an exit code: an answer is never an error, and an error never an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cli.monitor import commands as monitor
from cli.releases import plan
from shared.errors import RetryableError
from tests.unit.cli.conftest import Run, run  # noqa: F401


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return a reference and a window of which nothing can be compared by mistake."""
    reference, window = tmp_path / "before.csv", tmp_path / "after.csv"
    pd.DataFrame({"age": [number % 70 for number in range(2000)]}).to_csv(reference, index=False)
    pd.DataFrame({"age": [number % 70 + 60 for number in range(2000)]}).to_csv(window, index=False)
    return str(reference), str(window)


def test_drift_is_2_and_none_is_0(run: Run, files: tuple[str, str]) -> None:  # noqa: F811
    reference, window = files
    assert run("monitor", "run", "--reference", reference, "--current", window).exit_code == 2
    assert run("monitor", "run", "--reference", reference, "--current", reference).exit_code == 0


@pytest.mark.parametrize("failure", [ValueError("binary"), MemoryError(), TypeError(), RecursionError()])
def test_an_unexpected_error_is_no_answer(
    run: Run,  # noqa: F811
    files: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    def broken(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(monitor, "_look", broken)
    monkeypatch.setattr(plan, "_gathered", broken)
    assert run("monitor", "run", "--reference", files[0], "--current", files[1]).exit_code == 70
    assert run("plan", "churn:3").exit_code == 70


def test_files_that_hold_what_nobody_can_compare_are_no_drift(run: Run, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "images.parquet"
    pd.DataFrame({"image": [bytes([number % 256]) * 9 for number in range(500)]}).to_parquet(file)
    shown = run("monitor", "run", "--reference", str(file), "--current", str(file))
    assert shown.exit_code != 2
    assert "Traceback" not in shown.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("monitor", "run", "--no-such-option"),
        ("monitor", "run", "--minimum-rows", "many"),
        ("monitor", "run", "--reference", "a.csv", "--current"),
        ("plan",),
        ("plan", "churn:3", "--wait"),
    ],
)
def test_a_wrong_call_is_no_answer(run: Run, arguments: tuple[str, ...]) -> None:  # noqa: F811
    assert run(*arguments).exit_code == 1


def test_what_cannot_be_carried_out_is_never_the_2_of_an_answer(
    run: Run,  # noqa: F811
    files: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*_: Any) -> None:
        raise RetryableError("storage.unreachable", "storage cannot be reached")

    assert run("monitor", "run", "--reference", files[0], "--current", "nothing.csv").exit_code == 1
    place = "/proc/no/report.html"
    assert run("monitor", "run", "--reference", files[0], "--current", files[1], "--report", place).exit_code == 1
    monkeypatch.setattr(plan, "_gathered", unreachable)
    assert run("plan", "churn:3").exit_code == 1
