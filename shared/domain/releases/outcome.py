"""What the versions' served rows came to, once their labels arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class LabelSource:
    """Where labels arrive: versions of a data asset, each holding all labels so far.

    Args:
        key: the column that names a row, there and in what was served.
        label: the column with the truth, or with the outcome that is averaged.
        within: how long labels may take; younger rows are not counted, so that quick labels do not count for more.
    """

    asset: str
    key: str
    label: str
    within: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class QualityPlan:
    """How the versions' quality is compared while they serve, as labels arrive.

    Args:
        worse_by_at_most: in the metric's unit, 0 or more.
        required: whether a step waits until quality is proven; otherwise quality can only roll back.
        better: which way is good; matters for `mean` and other metrics of the user's own.
    """

    metric: str
    labels: LabelSource
    worse_by_at_most: float
    required: bool = False
    better: Better = "higher"


@dataclass(frozen=True, slots=True)
class AbPlan:
    """What an A/B test must prove at the end of its hold.

    Args:
        needed_gain: of the challenger over the champion, in the metric's unit and its good direction; below 0 when it
            may be worse.
        confidence: of each one-sided bound, 0 to 1, over all tests that may be taken.
        extend_until: counted from the first traffic; when it is not decided by the end of the hold, the split is held
            on until then and tested once more. None gives up.
    """

    metric: str
    labels: LabelSource
    needed_gain: float
    confidence: float = 0.95
    better: Better = "higher"
    extend_until: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """One version's labelled rows: how many, and mean and variance (n - 1) of their values."""

    rows: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What the labels showed that arrived last.

    Args:
        labels: which version of the labels.
        problem: why nothing can be compared; empty when that is only for want of labels.
    """

    labels: str
    challenger: Totals | None = None
    champion: Totals | None = None
    problem: str = ""


def tested_words(plan: AbPlan) -> str:
    """Return what is tested, e.g. "roc_auc on azureml:labels@latest is worse by at most 0.005"."""
    what = plan.metric if plan.metric != "mean" else f"the mean of {plan.labels.label}"
    return f"{what} on {plan.labels.asset} is {needed_words(plan)}"


def needed_words(plan: AbPlan) -> str:
    """Return what is to be proven of the challenger, e.g. "worse by at most 0.005"."""
    if plan.needed_gain >= 0:
        return "better" if plan.needed_gain == 0 else f"better by at least {plan.needed_gain:g}"
    return f"worse by at most {-plan.needed_gain:g}"
