"""The flights: complete, in time order, with a key and a label."""

from __future__ import annotations

import pytest

from local.flights.data import CATEGORICAL, FEATURES, LABEL, NUMERIC, ROW_ID, flights


def test_a_month_has_its_labelled_flights_with_unique_keys() -> None:
    july = flights((7,))
    assert len(july) == 28_293
    assert july[ROW_ID].is_unique
    assert not july[list(FEATURES)].isna().any().any()
    assert july[LABEL].sum() == 8_902


def test_columns_are_what_the_model_reads() -> None:
    first = flights((1,)).iloc[0]
    assert first[[*NUMERIC, *CATEGORICAL, ROW_ID, LABEL]].to_dict() == {
        "dep_hour": 5,
        "arr_hour": 8,
        "distance": 1400,
        "dep_delay": 2.0,
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "flight_id": "2013-01-01-UA-1545-EWR",
        "late": 0,
    }


def test_months_come_in_the_order_of_departure() -> None:
    days = flights((2, 1))[ROW_ID].str[:10]
    assert days.is_monotonic_increasing
    assert (days.iloc[0], days.iloc[-1]) == ("2013-01-01", "2013-02-28")


@pytest.mark.parametrize("months", [(), (0,), (13,)], ids=["none", "zero", "thirteen"])
def test_impossible_months_are_refused(months: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="from 1 to 12"):
        flights(months)
