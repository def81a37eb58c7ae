"""Shares on the same rows: Tango's bounds and McNemar's exact test."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from shared.domain.releases.plan import GatePlan
from shared.domain.releases.release import Serving
from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.catalogue import METRICS
from shared.metrics.estimates import Pairs
from shared.release.gates.paired import Discordant, discordant
from shared.release.gates.registry import judge
from tests.fakes.releases import a_plan, a_release

STUDIES = 4000
TRUTHS = [
    pytest.param(0.04, 0.04, id="equal"),
    pytest.param(0.02, 0.06, id="worse"),
    pytest.param(0.10, 0.03, id="better"),
    pytest.param(0.004, 0.002, id="rarely_discordant"),
]


def drawn(
    gained: float, lost: float, rows: int, studies: int = STUDIES
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    random = np.random.default_rng(11)
    return random.multinomial(rows, [gained, lost, 1 - gained - lost], size=studies)


@pytest.mark.parametrize(("gained", "lost"), TRUTHS)
@pytest.mark.parametrize("rows", [200, 1000])
def test_each_bound_covers_the_true_difference_as_often_as_it_says(gained: float, lost: float, rows: int) -> None:
    tables, times = np.unique(drawn(gained, lost, rows)[:, :2], axis=0, return_counts=True)
    bounds = np.array([Discordant(int(g), int(worse), rows).bounds(0.95) for g, worse in tables])
    lower = float(times[bounds[:, 0] <= gained - lost].sum()) / STUDIES
    upper = float(times[bounds[:, 1] >= gained - lost].sum()) / STUDIES
    # Three standard errors of a share of 4,000 studies are 1 %, and whole rows move it by as much.
    assert lower >= 0.925
    assert upper >= 0.925
    assert min(lower, upper) <= 0.995


def test_the_simulation_catches_bounds_that_forget_the_pairs() -> None:
    """Bounds that take only the discordant rows' own noise for granted (Wald's) miss with few of them."""
    rows, gained, lost = 200, 0.004, 0.002
    missed = 0
    for g, worse, _ in drawn(gained, lost, rows).tolist():
        error = math.sqrt(g + worse - (g - worse) ** 2 / rows) / rows
        missed += (g - worse) / rows - 1.645 * error > gained - lost or (
            g - worse
        ) / rows + 1.645 * error < gained - lost
    assert missed / STUDIES > 0.15


def test_at_no_difference_the_score_is_mcnemars() -> None:
    low, _ = Discordant(30, 12, 500).bounds(float(_normal((30 - 12) / math.sqrt(30 + 12))))
    assert low == pytest.approx(0, abs=1e-9)


def test_nothing_discordant_leaves_room_for_what_so_few_rows_do_not_show() -> None:
    low, high = Discordant(0, 0, 200).bounds(0.95)
    assert low == pytest.approx(-0.01335, abs=1e-4)
    assert high == pytest.approx(0.01335, abs=1e-4)


@pytest.mark.parametrize(("gained", "lost"), [(200, 0), (0, 200), (0, 0), (1, 0)])
def test_bounds_stay_where_differences_can_be(gained: int, lost: int) -> None:
    low, high = Discordant(gained, lost, 200).bounds(0.999)
    assert -1 <= low <= (gained - lost) / 200 <= high <= 1


def test_the_exact_test_is_the_binomial_one_towards_the_heavier_side() -> None:
    assert Discordant(3, 9, 100).probability() == pytest.approx(
        sum(math.comb(12, wins) for wins in range(9, 13)) / 2**12
    )
    assert Discordant(0, 0, 100).probability() == 1.0


def test_recall_counts_the_positive_rows_alone() -> None:
    labels = np.array([1.0, 1, 1, 0, 0])
    champion, challenger = np.array([0.9, 0.1, 0.1, 0.1, 0.9]), np.array([0.1, 0.9, 0.9, 0.1, 0.1])

    def hits(metric: str, answers: np.ndarray) -> np.ndarray | None:
        return Pairs(METRICS[metric], labels, answers).estimate().hits

    assert discordant(hits("recall", champion), hits("recall", challenger)) == Discordant(2, 1, 3)
    assert discordant(hits("accuracy", champion), hits("accuracy", challenger)) == Discordant(3, 1, 5)
    # What each version flags differs, so that their rows are no pairs.
    assert discordant(hits("precision", champion), hits("precision", challenger)) is None


def gate(metric: str, margin: float, gained: int, lost: int, rows: int = 1000) -> GateResult:
    champion, challenger = np.full(rows, 0.9), np.full(rows, 0.9)
    champion[:gained], challenger[gained : gained + lost] = 0.1, 0.1
    table = pd.DataFrame({"label": 1, "champion_score": champion, "challenger_score": challenger})
    table.loc[rows - 100 :, ["label", "champion_score", "challenger_score"]] = [0, 0.1, 0.1]
    plan = a_plan(gates=(GatePlan("not_worse_than_champion", {"metric": metric, "margin": margin}),))
    serving = Serving(a_release("1").challenger.deployment, a_release("1").version)
    (only,) = judge(replace(a_release(plan=plan), champion=serving), "evaluation", table)
    return only


@pytest.mark.parametrize("metric", ["accuracy", "recall"])
@pytest.mark.parametrize(
    ("margin", "gained", "lost", "verdict"),
    [
        pytest.param(0.02, 20, 20, Verdict.PASS, id="as_good_within_the_margin"),
        pytest.param(0.02, 5, 60, Verdict.FAIL, id="worse_than_the_margin"),
        pytest.param(0.005, 20, 20, Verdict.INCONCLUSIVE, id="too_close"),
        pytest.param(0.0, 40, 10, Verdict.PASS, id="better"),
        pytest.param(0.0, 10, 40, Verdict.FAIL, id="worse"),
        pytest.param(0.0, 4, 0, Verdict.INCONCLUSIVE, id="better_by_the_score_but_not_by_the_exact_test"),
        pytest.param(0.0, 0, 0, Verdict.INCONCLUSIVE, id="alike_and_no_margin"),
    ],
)
def test_shares_are_judged_by_the_discordant_rows(
    metric: str, margin: float, gained: int, lost: int, verdict: Verdict
) -> None:
    gate_result = gate(metric, margin, gained, lost)
    assert gate_result.verdict is verdict
    assert f"only it was right on {gained} rows and only the champion on {lost}, p = " in gate_result.reason
    assert (gate_result.numbers["gained"], gate_result.numbers["lost"]) == (gained, lost)


def _normal(z: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(z))
