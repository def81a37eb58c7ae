"""The comparison of two versions' predictions on the same batch, row by row: pass, fail or inconclusive.

The batch is a sample of what is scored later, so shares and means are compared by their bounds: a pass means that the
true value is within the tolerance, a fail that it is beyond it, with the tolerances' confidence. A pass needs every
metric, which costs no confidence; for a fail, the chance of error is split over the metrics (Bonferroni).
That rows lack a prediction is a fact about this batch, and is judged as it is.
Source: C. Clopper, E. Pearson, Biometrika 26 (1934); R. Berger, Technometrics 24 (1982), intersection-union tests;
D. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), two one-sided tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.batch import BatchTolerances, PredictionLayout
from shared.domain.releases.verdict import Judgement, Verdict
from shared.metrics.bounds import share_at_least, share_at_most

if TYPE_CHECKING:
    import pandas as pd

# With fewer rows, bounds of a mean by Student's t rely too much on normal differences.
FEWEST_ROWS = 30


@dataclass(frozen=True, slots=True)
class _Finding:
    verdict: Verdict
    summary: str
    numbers: dict[str, float]


def judge_batch(
    champion: pd.DataFrame, challenger: pd.DataFrame, layout: PredictionLayout, tolerances: BatchTolerances
) -> Judgement:
    """Return how far the challenger's predictions are from the champion's.

    Both tables have the layout's columns, as text; an empty or not finite prediction is none. Their order does not
    matter: rows are paired by the layout's key.
    """
    if len(champion) == 0:
        return Judgement(Verdict.INCONCLUSIVE, "the champion predicted nothing to compare with", has_data=False)
    if repeated := _repeated_keys(champion, layout) or _repeated_keys(challenger, layout):
        return Judgement(Verdict.INCONCLUSIVE, f"the rows cannot be paired: {repeated}")
    rows = _paired(champion, challenger, layout)
    # Missing predictions are judged first and by themselves; the metrics are of the rows that both predicted.
    findings = [_missing(rows, tolerances), *_predictions(rows.dropna(), tolerances)]
    numbers: dict[str, float] = {"champion_rows": float(len(champion)), "challenger_rows": float(len(challenger))}
    for finding in findings:
        numbers |= finding.numbers
    verdict = _worst([finding.verdict for finding in findings])
    return Judgement(verdict, ", ".join(finding.summary for finding in findings) + _ENDINGS[verdict], numbers=numbers)


_ENDINGS = {
    Verdict.PASS: ": within the tolerance",
    Verdict.FAIL: ": beyond the tolerance",
    Verdict.INCONCLUSIVE: ": not proven within the tolerance",
}


def _worst(verdicts: list[Verdict]) -> Verdict:
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.PASS


def _repeated_keys(table: pd.DataFrame, layout: PredictionLayout) -> str:
    count = int(table.duplicated(list(layout.key)).sum())
    return f"{count:,} rows have the key ({', '.join(layout.key)}) of another row" if count else ""


def _paired(champion: pd.DataFrame, challenger: pd.DataFrame, layout: PredictionLayout) -> pd.DataFrame:
    """Return one line per key of either table, with columns `champion` and `challenger`: numbers if all of them are,
    else texts; missing where there is no prediction."""
    import pandas as pd

    key = list(layout.key)
    tables = {"champion": champion, "challenger": challenger}
    series = {name: table.set_index(key)[layout.prediction] for name, table in tables.items()}
    texts = pd.DataFrame({name: prediction_texts(predictions) for name, predictions in series.items()})
    numbers = pd.DataFrame(
        {name: pd.to_numeric(column, errors="coerce") for name, column in texts.items()}, dtype="float64"
    )
    has_words = bool((numbers.isna() & texts.notna()).to_numpy().any())
    return texts if has_words else numbers.where(numbers.abs() < math.inf)


def prediction_texts(predictions: pd.Series[str]) -> pd.Series[str]:
    """Return the predictions as text; every way to write a missing or infinite one is missing."""
    texts = predictions.astype("string").str.strip()
    return texts.mask(texts.str.lower().isin(_NOT_FINITE))


_NOT_FINITE = ["", "nan", "none", "null", "<na>", "inf", "-inf", "+inf", "infinity", "-infinity"]


def _missing(rows: pd.DataFrame, tolerances: BatchTolerances) -> _Finding:
    """Judge what the challenger did not predict. What the champion did not predict cannot be compared."""
    predicted = int(rows["champion"].notna().sum())
    missing = int((rows["champion"].notna() & rows["challenger"].isna()).sum())
    unknown = int(rows["champion"].isna().sum())
    numbers = {"rows": float(len(rows)), "missing": float(missing), "champion_missing": float(unknown)}
    if missing > tolerances.missing_at_most * predicted:
        allowed = f"(tolerance {_percent(tolerances.missing_at_most)})"
        summary = f"{missing:,} of {predicted:,} rows that the champion predicted have no prediction {allowed}"
        return _Finding(Verdict.FAIL, summary, numbers)
    if predicted == 0 or unknown > tolerances.missing_at_most * len(rows):
        summary = f"{unknown:,} of {len(rows):,} rows have no prediction of the champion to compare with"
        return _Finding(Verdict.INCONCLUSIVE, summary, numbers)
    summary = (
        f"{missing:,} of {predicted:,} rows have no prediction" if missing else f"all {predicted:,} rows predicted"
    )
    return _Finding(Verdict.PASS, summary, numbers)


def _predictions(pairs: pd.DataFrame, tolerances: BatchTolerances) -> Iterator[_Finding]:
    bounds = [bound for bound in (tolerances.changed_at_most, tolerances.shift_at_most) if bound is not None]
    alpha = 1 - tolerances.confidence

    is_text = pairs["champion"].dtype != "float64"
    if is_text and (tolerances.threshold is not None or tolerances.shift_at_most is not None):
        yield _Finding(Verdict.INCONCLUSIVE, "the predictions are not numbers", {})
        return
    if tolerances.changed_at_most is not None:
        yield _changed(pairs, tolerances, tolerances.changed_at_most, alpha, alpha / len(bounds))
    if tolerances.shift_at_most is not None:
        yield _shifted(pairs, tolerances.shift_at_most, alpha, alpha / len(bounds))


def _changed(
    pairs: pd.DataFrame, tolerances: BatchTolerances, at_most: float, pass_alpha: float, fail_alpha: float
) -> _Finding:
    """Judge the share of rows whose class changed, by exact binomial bounds."""
    champion, challenger = pairs["champion"], pairs["challenger"]
    if tolerances.threshold is not None:
        champion, challenger = champion >= tolerances.threshold, challenger >= tolerances.threshold
    changed, rows = int((champion != challenger).sum()), len(pairs)
    upper, lower = share_at_most(changed, rows, pass_alpha), share_at_least(changed, rows, fail_alpha)
    share = changed / rows if rows else 0.0
    numbers = {"changed": float(changed), "agreement": 1 - share, "changed_at_most": upper, "changed_at_least": lower}
    summary = (
        f"{changed:,} of {rows:,} rows changed class, at most {_percent(upper)} at {_percent(tolerances.confidence)} "
        f"confidence (tolerance {_percent(at_most)})"
    )
    return _Finding(_verdict(upper <= at_most, lower > at_most), summary, numbers)


def _shifted(pairs: pd.DataFrame, at_most: float, pass_alpha: float, fail_alpha: float) -> _Finding:
    """Judge how far the mean prediction moved, by Student's t on the rows' differences."""
    from scipy.special import stdtrit

    rows = len(pairs)
    if rows < FEWEST_ROWS:
        summary = f"{rows:,} rows are too few to tell how far the mean moved ({FEWEST_ROWS} or more are needed)"
        return _Finding(Verdict.INCONCLUSIVE, summary, {})
    # Numbers that are too large overflow; the check below finds that.
    with np.errstate(over="ignore", invalid="ignore"):
        differences = pairs["challenger"].to_numpy() - pairs["champion"].to_numpy()
        shift, spread = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(rows)
    if not math.isfinite(shift) or not math.isfinite(spread):
        return _Finding(Verdict.INCONCLUSIVE, "the predictions are too large to be compared", {})
    reach, sure_reach = (spread * float(stdtrit(rows - 1, 1 - alpha)) for alpha in (pass_alpha, fail_alpha))
    numbers = {"mean_shift": shift, "mean_shift_at_least": shift - reach, "mean_shift_at_most": shift + reach}
    summary = (
        f"the mean moved by {shift:+.3g}, between {shift - reach:+.3g} and {shift + reach:+.3g} (tolerance {at_most:g})"
    )
    is_within = abs(shift) + reach <= at_most
    return _Finding(_verdict(is_within, abs(shift) - sure_reach > at_most), summary, numbers)


def _verdict(is_within: bool, is_beyond: bool) -> Verdict:
    if is_beyond:
        return Verdict.FAIL
    return Verdict.PASS if is_within else Verdict.INCONCLUSIVE


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
