"""Every benchmark in a tiny form: that it measures what it says, not how fast this machine is."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.app import cold, demo, fuzz, imports, intake, ledger
from benchmarks.app.fuzzing import Fuzzed
from benchmarks.harness.spec import BenchmarkError, Figure, Run
from benchmarks.harness.storage import settings_on
from benchmarks.harness.timing import quantile
from benchmarks.monitoring import drift
from benchmarks.releases import judge
from benchmarks.rivals import environments
from local.addresses import Addresses
from shared.adapters.storage.blobs import AzureBlobStore
from shared.store.facts.ledger import Ledger
from tests.fakes.storage_account import taking_storage

TINY = Run(is_long=False, progress=lambda _: None)


def by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


@pytest.mark.parametrize("script", [cold.OURS, cold.FLOOR], ids=["ours", "floor"])
@pytest.mark.parametrize("function", cold.CALLS)
def test_a_first_call_sends_its_message(function: str, script: str) -> None:
    with taking_storage() as storage:
        assert min(cold.first_call(script, function, storage)) > 0
        assert storage.taken[-1] == ("POST", "events/messages")


def test_a_first_call_that_sends_nothing_is_no_figure() -> None:
    with taking_storage() as storage, pytest.raises(BenchmarkError, match="sent nothing"):
        cold.first_call("print(0.1, 0.1) # %s %s", "alerts", storage)


def test_the_package_is_what_the_lock_installs() -> None:
    heavy, rest = cold.HEAVY[1], "no-such-package"
    figures = {
        figure.name: figure.value for figure in cold.package_figures(f"{heavy}==1 \\\n    --hash=x\n{rest}==2\n")
    }
    assert figures["cold.package_mb"] == figures["cold.package_heavy_mb"] == cold.megabytes([heavy]) > 1


def test_imports_are_measured_in_a_process_of_their_own() -> None:
    measured = imports.import_fresh("this")
    assert "this" in measured.modules
    assert "this" not in sys.modules
    assert measured.seconds > 0
    assert 1 << 20 < measured.peak_bytes < 1 << 30


def test_an_import_that_fails_says_why() -> None:
    with pytest.raises(BenchmarkError, match="import no_such_module failed: ModuleNotFoundError"):
        imports.import_fresh("no_such_module")


def test_heavy_modules_are_those_of_the_heavy_packages_only() -> None:
    loaded = ["azure.storage.blob", "azure.functions", "numpy", "numpy_like", "azure.storageless"]
    assert imports.heavy_modules(loaded) == ["azure.storage.blob", "numpy"]


def test_imports_are_compared_by_their_medians() -> None:
    def took(*seconds: float, modules: tuple[str, ...] = ()) -> list[imports.Import]:
        return [imports.Import(value, 2 << 20, modules) for value in seconds]

    shown = by_name(
        imports.figures(
            {
                imports.APP: took(0.2, 0.3, 9.0, modules=("scipy", "scipy.stats")),
                imports.PARTS: took(0.4),
                imports.FLOOR: took(0.1),
                imports.RIVAL: took(2.0),
            }
        )
    )

    assert shown["imports.time_ratio"].value == pytest.approx(3.0)
    assert shown["imports.time_ratio"].is_met is False
    assert shown["imports.heavy_modules"].value == 2
    assert shown["imports.memory_ratio"].value == 1.0


def test_the_ledger_is_timed_and_its_round_trips_are_counted(azurite: Addresses) -> None:
    shown = by_name(ledger.measure(settings_on(azurite), 3, TINY))
    trips = {name: shown[f"ledger.trips_{name}"].value for name in ("new", "duplicate", "takeover")}
    assert trips == {"new": 3, "duplicate": 2, "takeover": 4}
    assert shown["ledger.p50_ratio"].value > 0


def test_the_ledger_refuses_to_time_a_fact_that_is_known(azurite: Addresses) -> None:
    store = Ledger(AzureBlobStore(settings_on(azurite), "ledger-twice"), ledger.LEASE)
    ledger.handle(store, ledger.fact(1))
    with pytest.raises(BenchmarkError, match="Finished"):
        ledger.handle(store, ledger.fact(1))


def test_intake_processes_every_event_to_its_end(azurite: Addresses, tmp_path: Path) -> None:
    intake.write_policy(tmp_path)
    shown = by_name(intake.measure(settings_on(azurite, VIGIA_POLICIES=str(tmp_path)), 6, 1, TINY))
    assert shown["intake.1_thread_per_second"].value > 0
    assert shown["intake.4_threads_ratio"].value > 0
    assert "median of 6" in shown["intake.4_threads_p50_ms"].what


def test_the_judge_and_the_naive_rule_see_the_same_streams() -> None:
    shown = by_name(judge.measure(2, TINY))
    assert shown["judge.failing_detected"].value == 100
    assert shown["judge.look_us"].value > 0
    assert judge.simulate(judge.World(), 2) == judge.simulate(judge.World(), 2)


def test_all_looks_at_once_say_what_each_look_says() -> None:
    for world in (judge.World(), judge.World(latency_ratio=1.3)):
        pairs = world.pairs(np.random.default_rng(3))
        looks = (minute for minute in range(1, len(pairs) + 1) if judge.ours(pairs[:minute]))
        assert judge.our_minute(pairs) == next(looks, math.inf)


def test_few_hours_without_a_false_rollback_prove_little() -> None:
    none, some = (
        judge.FirstFailures((math.inf,) * 300, (math.inf,) * 300),
        judge.FirstFailures((math.inf, 5.0), (3.0, 4.0)),
    )
    shown = by_name(judge.figures(1.0, {"same": none, "at_tolerance": some, "slower": some, "failing": some}))
    # Three in the number of trials, as the rule of thumb has it.
    assert shown["judge.false_rollbacks_at_most"].value == pytest.approx(1.0, abs=0.01)
    assert shown["judge.false_rollbacks_at_tolerance"].value == 50
    assert shown["judge.naive_slower_minute"].value == 3.5


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(judge.World(more_errors=0.3), True, id="errors"),
        pytest.param(judge.World(latency_ratio=3.0), True, id="latency"),
        pytest.param(judge.World(latency_ratio=0.3), False, id="better"),
    ],
)
def test_the_naive_rule_fails_what_is_significantly_worse(world: judge.World, expected: bool) -> None:
    assert (judge.naive_minute(world.pairs(np.random.default_rng(1))) < math.inf) is expected


def test_drift_is_compared_in_processes_of_their_own(tmp_path: Path) -> None:
    size = drift.Size(rows=2_000, columns=5, repetitions=1)
    reference, window = drift.tables(size, TINY, tmp_path)
    measured = {name: [drift.compared(name, reference, window)] for name in drift.OURS}
    shown = by_name(drift.figures({**measured, "evidently": [drift.Measured(200.0, 100.0, 1.0, 9.0)]}, size))
    assert shown["drift.stored_of_ours"].value > 0
    assert shown["drift.times_evidently"].value == 200 / measured["ours"][0].wall
    assert shown["drift.times_fastest"].value == shown["drift.times_evidently"].value
    assert shown["drift.peak_mb"].value > 10


def test_a_library_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"ours failed: (.|\n)*No such file"):
        drift.compared("ours", tmp_path / "none.parquet", tmp_path / "none.parquet")


def test_an_environment_that_was_not_finished_is_none(tmp_path: Path) -> None:
    (tmp_path / "frouros" / "bin").mkdir(parents=True)
    assert environments.interpreter("frouros", tmp_path) is None


@pytest.fixture
def a_demo(tmp_path: Path) -> Callable[[str, int], tuple[list[str], Path]]:
    """Return the command of a program that writes `outcome` and ends with `code`, and where it writes."""

    def make(outcome: str, code: int) -> tuple[list[str], Path]:
        path = tmp_path / "outcome.json"
        write = f"pathlib.Path({str(path)!r}).write_text({outcome!r})" if outcome else "None"
        program = f"import pathlib, sys; print('it broke'); {write}; sys.exit({code})"
        return [sys.executable, "-c", program], path

    return make


def test_a_demo_that_did_not_keep_its_promises_is_a_missed_goal(
    a_demo: Callable[[str, int], tuple[list[str], Path]],
) -> None:
    outcome = json.dumps({"ok": False, "duration_s": 95.2, "duplicate_effects": 1})
    shown = demo.figures(demo.play(*a_demo(outcome, 1)))
    assert [figure.is_met for figure in shown] == [True, False, False]


def test_a_demo_without_an_outcome_was_not_measured(a_demo: Callable[[str, int], tuple[list[str], Path]]) -> None:
    with pytest.raises(BenchmarkError, match=r"exit code 3 and wrote no outcome:\n  \| it broke"):
        demo.play(*a_demo("", 3))


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([4.0], 0.99)) == (50.0, 99.0, 4.0)


def test_a_parser_is_fuzzed_in_a_process_of_its_own() -> None:
    result = fuzz.fuzz_apart("principals", 0.3)
    assert result.runs > 0
    assert result.uncaught == ""
    assert 0 <= result.peak_mb < 1000


def test_what_escapes_a_parser_is_a_missed_goal() -> None:
    clean, bad = Fuzzed("hypothesis", 500, 2.0, 3.0), Fuzzed("hypothesis", 7, 2.0, 130.0, "KeyError: 'x'")
    shown = by_name(fuzz.figures({"events": clean, "records": bad}))
    assert (shown["fuzz.uncaught"].value, shown["fuzz.uncaught"].is_met) == (1, False)
    assert (shown["fuzz.peak_mb"].value, shown["fuzz.peak_mb"].is_met) == (130.0, False)
    assert "records" in shown["fuzz.peak_mb"].what
    assert shown["fuzz.runs"].value == 507
