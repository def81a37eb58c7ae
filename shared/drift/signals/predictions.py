"""Whether the model answers as it did: its predictions, compared as a column of data is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.reference import Profile
from shared.drift.results.assemble import drift_signal
from shared.drift.results.comparison import DriftRules, PastWindow
from shared.drift.results.signals import SignalReport
from shared.drift.rows.batches import Source
from shared.drift.rows.sample import Chosen

SIGNAL = "prediction-drift"


def compare_predictions(
    reference: Profile, window: Source, rules: DriftRules | None = None, past: Sequence[PastWindow] = ()
) -> SignalReport:
    """Return whether the predictions moved; the window's other columns (the features) are left out of it.

    It needs no labels. Predictions follow the inputs, so together with data drift it means that the drift matters to
    the model; alone it means that the model (or what is around it) changed.

    Args:
        reference: the profile of the prediction columns alone.
        window: rows with those columns; others are ignored.
    """
    chosen = Chosen(window, {column.name for column in reference.columns})
    return dataclasses.replace(drift_signal(compare(reference, chosen, rules, past)), signal=SIGNAL)
