"""Whatever a parser is given, it takes it, ignores it, or refuses it with an error of ours that says what is wrong.

The same inputs in every run; `dev.py bench fuzz` looks further.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import inputs_for
from tests.fuzz.parsers import PARSERS, warm_up

EXAMPLES, LONG_EXAMPLES = 100, 1_000
ONES_TO_SHRINK = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture(scope="module", autouse=True)
def parsers_are_warm() -> None:
    warm_up()


@pytest.mark.parametrize("parser", PARSERS)
def test_any_input_has_an_outcome(parser: str, is_long: bool) -> None:
    parse = PARSERS[parser]

    @settings(
        max_examples=LONG_EXAMPLES if is_long else EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=ONES_TO_SHRINK,
    )
    @given(inputs_for(parser))
    def never_anything_else(body: bytes) -> None:
        result = parse(body)
        assert result.outcome in {"accepted", "ignored", "refused"}
        if result.outcome == "refused":
            assert result.code
            assert result.message

    never_anything_else()
