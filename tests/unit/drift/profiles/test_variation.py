"""Floors from blocks of the reference: what they widen, what they leave alone, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shared.drift.profiles.blocks import layout_of
from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import OtherColumn, Profile, Variation
from shared.drift.profiles.variation import block_floor, floor_of_effects, missing_floor

ROWS = 6_000


def a_season(rows: int = ROWS, strength: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """Rows in the order of time: their level goes up and down twelve times; beside it rows that know no season."""
    random = np.random.default_rng(seed)
    level = strength * np.sin(np.arange(rows) * 24 * np.pi / rows)
    return pd.DataFrame(
        {
            "seasonal": random.normal(level),
            "calm": random.normal(size=rows),
            "kind": np.where(random.normal(level) > 0, "warm", "cold"),
            "gaps": np.where(random.normal(level) > 1, np.nan, random.normal(size=rows)),
        }
    )


def variation(made: Profile, name: str) -> tuple[Variation, ...]:
    (column,) = (column for column in made.columns if column.name == name)
    assert column.kind in ("numeric", "categorical")
    return column.variation


def without(made: Profile) -> Profile:
    """Return the profile as earlier versions stored it."""
    bare = (column if isinstance(column, OtherColumn) else replace(column, variation=()) for column in made.columns)
    return replace(made, columns=tuple(bare))


def floor(made: Profile, name: str, rows: int) -> float:
    floor = block_floor(variation(made, name), made.rows, rows)
    assert floor is not None
    return floor


def test_the_floor_of_ten_effects_is_the_upper_end_of_a_prediction_interval() -> None:
    # mean .063 + t(9; .998) 3.83 * std .01160 * sqrt(1 + 1 / 10)
    assert floor_of_effects((0.05, 0.06, 0.07, 0.08) * 2 + (0.05, 0.06)) == pytest.approx(0.1096, abs=0.0005)


def test_columns_with_a_season_get_a_floor_of_their_own() -> None:
    made = profile(a_season())
    assert floor(made, "seasonal", 300) > 0.2
    assert floor(made, "kind", 300) > 0.15
    assert block_floor(variation(made, "calm"), ROWS, 300) is None
    assert missing_floor(variation(made, "gaps"), ROWS, 300) == pytest.approx(0.3, abs=0.1)


def test_longer_windows_have_lower_floors() -> None:
    made = profile(a_season())
    floors = [floor(made, "seasonal", rows) for rows in (200, 400, 600, 2_000, 6_000)]
    assert floors == sorted(floors, reverse=True)


def test_independent_rows_leave_the_floor_to_sampling() -> None:
    made = profile(a_season(strength=0))
    assert [block_floor(variation(made, name), ROWS, 300) for name in ("seasonal", "calm", "kind")] == [None] * 3


def test_rows_sorted_by_a_column_say_nothing_of_its_windows() -> None:
    frame = a_season(strength=0)
    made = profile(frame.assign(**{name: frame[name].sort_values().to_numpy() for name in ("kind", "calm")}))
    assert variation(made, "calm") == variation(made, "kind") == ()
    assert variation(made, "gaps")


def test_a_trend_is_no_order_by_the_column() -> None:
    trend = np.arange(ROWS) / 500 + np.random.default_rng(1).normal(size=ROWS)
    made = profile(pd.DataFrame({"up": trend, "down": -trend, "counter": np.arange(ROWS)}))
    assert floor(made, "up", ROWS // 10) == floor(made, "down", ROWS // 10) > 0.9
    assert variation(made, "counter") == ()


def test_values_that_are_mostly_one_have_floors_when_the_others_come_in_bouts() -> None:
    random = np.random.default_rng(1)
    rain = np.where(random.random(ROWS) < 0.05, random.exponential(size=ROWS), 0.0)
    bouts = np.where(np.repeat(random.random(ROWS // 50) < 0.05, 50), random.exponential(size=ROWS), 0.0)
    made = profile(pd.DataFrame({"showers": rain, "storms": bouts}))
    assert block_floor(variation(made, "showers"), ROWS, ROWS // 10) is None
    assert floor(made, "storms", ROWS // 10) > 0.1


def test_neighbouring_blocks_together_may_begin_anywhere_and_count_for_half_as_many_more() -> None:
    assert [(length.rows, length.blocks) for length in variation(profile(a_season()), "seasonal")] == [
        (200, 30),
        (400, 22),
        (600, 15),
    ]


def test_few_rows_have_no_blocks() -> None:
    made = profile(a_season(rows=499))
    assert variation(made, "calm") == ()
    assert block_floor((), 499, 100) is None


def test_short_windows_are_stood_for_by_the_first_rows_of_blocks() -> None:
    cuts = {rows: layout.cuts if (layout := layout_of(rows)) else () for rows in (499, 6_000, 900_000)}
    assert cuts == {499: (), 6_000: (200,), 900_000: (138, 833, 5_000, 30_000)}


@pytest.mark.parametrize("piece", [7, 1_000, 6_000])
def test_pieces_and_threads_do_not_matter(piece: int) -> None:
    table = pa.Table.from_pandas(a_season())
    whole, pieces = profile(table, threads=1), profile(table.to_batches(max_chunksize=piece))
    assert all(variation(pieces, name) == variation(whole, name) for name in table.column_names)


def test_what_is_stored_reads_back_and_older_profiles_have_none() -> None:
    made = profile(a_season())
    assert Profile.from_bytes(made.to_bytes()) == made
    stored = made.to_dict()
    for column in stored["columns"]:
        del column["variation"]
    assert Profile.from_dict(stored) == without(made)


def test_blocks_cost_little_of_a_stored_profile() -> None:
    made = profile(a_season())
    assert len(made.to_bytes()) < len(without(made).to_bytes()) + 300 * len(made.columns)
