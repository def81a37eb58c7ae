"""Quantities as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.policy.sections.quantities import (
    LONGEST,
    Rate,
    duration_text,
    parse_asset,
    parse_duration,
    parse_email,
    parse_job,
    parse_percent,
    parse_rate,
    parse_size,
    percent_text,
    size_text,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "500ms", timedelta(milliseconds=500)),
        (parse_duration, "30s", timedelta(seconds=30)),
        (parse_duration, "15m", timedelta(minutes=15)),
        (parse_duration, "1.5h", timedelta(minutes=90)),
        (parse_duration, "7d", timedelta(days=7)),
        (parse_duration, "0s", timedelta(0)),
        (parse_percent, "10%", 10.0),
        (parse_percent, "0.5%", 0.5),
        (parse_percent, "100%", 100.0),
        (parse_size, "5GB", 5_000_000_000),
        (parse_size, "1.5TB", 1_500_000_000_000),
        (parse_size, "500MB", 500_000_000),
        (parse_size, "2KB", 2000),
        (parse_rate, "2 per day", Rate(2, timedelta(days=1))),
        (parse_rate, "1 per week", Rate(1, timedelta(days=7))),
        (parse_rate, "3 per 12h", Rate(3, timedelta(hours=12))),
        (parse_asset, "azureml:train-flight-delay@latest", "azureml:train-flight-delay@latest"),
        (parse_asset, "azureml:flights:12", "azureml:flights:12"),
        (parse_job, "azureml:train-flight-delay@latest", "azureml:train-flight-delay@latest"),
        (parse_job, "jobs/train.yml", "jobs/train.yml"),
        (parse_email, "Ana.Maria+ml@Example.com", "ana.maria+ml@example.com"),
    ],
)
def test_quantity_is_read(parse: Callable[[object], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "value", "remedy"),
    [
        pytest.param(parse_duration, 15, "write it with its unit, e.g. 15s, 15m or 15h", id="duration_number"),
        pytest.param(parse_duration, "15 m", "without a space", id="duration_space"),
        pytest.param(parse_duration, "15min", "e.g. 30s, 15m", id="duration_other_unit"),
        pytest.param(parse_duration, "-1h", "write a number and", id="duration_negative"),
        pytest.param(parse_duration, "15m\n", "write a number and", id="duration_line_break"),
        pytest.param(parse_duration, "999999999d", "shorter", id="duration_beyond_calendars"),
        pytest.param(parse_duration, True, "write a number and", id="duration_truth"),
        pytest.param(parse_percent, 10, "write 10%", id="percent_number"),
        pytest.param(parse_percent, "101%", "between 0% and 100%", id="percent_too_much"),
        pytest.param(parse_percent, "ten%", "e.g. 10%", id="percent_word"),
        pytest.param(parse_size, 5, "e.g. 5GB", id="size_number"),
        pytest.param(parse_size, "5 GB", "e.g. 5GB", id="size_with_space"),
        pytest.param(parse_size, "5GiB", "e.g. 5GB", id="size_unit"),
        pytest.param(parse_rate, 2, "e.g. 2 per day", id="rate_number"),
        pytest.param(parse_rate, "2/day", "e.g. 2 per day", id="rate_slash"),
        pytest.param(parse_rate, "0 per day", "leave the section out", id="rate_none"),
        pytest.param(parse_rate, "2 per 0h", "e.g. 2 per day", id="rate_empty_window"),
        pytest.param(parse_asset, "flights", "write azureml:flights@latest", id="asset_bare"),
        pytest.param(parse_asset, "azureml:flights", "azureml:NAME:VERSION", id="asset_without_version"),
        pytest.param(parse_asset, "azureml:../x@latest", "azureml:NAME", id="asset_path"),
        pytest.param(parse_job, "../train.yml", "write e.g. jobs/train.yml", id="job_outside"),
        pytest.param(parse_job, "/etc/train.yml", "write e.g. jobs/train.yml", id="job_absolute"),
        pytest.param(parse_job, "train", "write azureml:train@latest", id="job_bare"),
        pytest.param(parse_email, "ana", "e.g. ana@example.com", id="email_without_host"),
        pytest.param(parse_email, "ana@example.com\nbcc: x@y.zz", "e.g. ana@example.com", id="email_header"),
    ],
)
def test_quantity_that_is_none_says_what_to_write(
    parse: Callable[[object], object], value: object, remedy: str
) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse(value)
    assert remedy in str(caught.value)


@given(
    st.timedeltas(min_value=timedelta(0), max_value=LONGEST).map(lambda d: timedelta(seconds=round(d.total_seconds())))
)
def test_duration_text_is_read_back(duration: timedelta) -> None:
    assert parse_duration(duration_text(duration)) == duration


@given(st.integers(0, 10_000).map(lambda hundredths: hundredths / 100))
def test_percent_text_is_read_back(percent: float) -> None:
    assert parse_percent(percent_text(percent)) == percent


@given(st.integers(1, 999_999), st.sampled_from([timedelta(minutes=1), timedelta(hours=12), timedelta(days=7)]))
def test_rate_as_text_is_read_back(count: int, per: timedelta) -> None:
    assert parse_rate(str(Rate(count, per))) == Rate(count, per)


@given(st.integers(0, 10**12))
def test_size_text_is_read_back(size: int) -> None:
    assert parse_size(size_text(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0KB"), (9, "0.009KB"), (5 * 10**9, "5GB"), (12_345_678, "12.3MB"), (10**15, "1000TB"), (999_900_000, "1GB")],
)
def test_a_size_is_rounded_to_digits(size: int, text: str) -> None:
    assert size_text(size, 3) == text
