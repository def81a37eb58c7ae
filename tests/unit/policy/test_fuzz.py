"""Whatever a file holds, it is a policy or its mistakes are reported; nothing else is raised."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PolicyError
from shared.policy.reading.load import load_policy
from shared.policy.reading.people import load_people
from tests.unit.policy.toys import SECTIONS, TEXT

YAML_PARTS = st.sampled_from(
    [
        *"[]{}:,-?&*!|>'\"%@#\n \t\\",
        "a",
        "model",
        "---",
        "...",
        ": ",
        "- ",
        "<<: ",
        "&a ",
        "*a",
        "!!int ",
        "\\x00",
        "%YAML 1.1",
    ]
)


def _try(text: str) -> None:
    with contextlib.suppress(PolicyError):
        load_policy(text, "churn.yaml", SECTIONS, ())
    with contextlib.suppress(PolicyError):
        load_people(text, "people.yaml")


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    _try(text)


@given(st.lists(YAML_PARTS, max_size=25).map("".join))
def test_any_sequence_of_yaml_marks(text: str) -> None:
    _try(text)


@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 12),
    inserted=st.lists(YAML_PARTS, max_size=4).map("".join) | st.text(max_size=4),
)
def test_any_edit_of_a_good_policy(start: int, length: int, inserted: str) -> None:
    _try(TEXT[:start] + inserted + TEXT[start + length :])
