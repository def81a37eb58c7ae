"""While a policy file is broken, the people who can fix it are still notified."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bootstrap import policy_sections
from shared.policy.reading.salvage import readable_policies

RIGHT = "model: churn\nkind: tabular\nendpoint: {name: churn, type: online}\npeople: {owner: Ana@example.com}\n"


def read(folder: Path) -> list[tuple[str, str]]:
    return [(policy.model, policy.people.owner) for policy in readable_policies(folder, policy_sections(), ())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(RIGHT, [("churn", "ana@example.com")], id="right"),
        pytest.param(RIGHT + "modle: x\n", [("churn", "ana@example.com")], id="unknown_key"),
        pytest.param(RIGHT + "retrain: {job: [\n", [("churn", "ana@example.com")], id="no_yaml"),
        pytest.param(
            'model: "churn"\npeople:\n  owner: "ben@example.com" # he\n\tx', [("churn", "ben@example.com")], id="quoted"
        ),
        pytest.param("people: {owner: ben@example.com}\n", [("", "ben@example.com")], id="no_model"),
        pytest.param("model: churn\npeople: {owner: ben}\n", [], id="no_address"),
        pytest.param("", [], id="empty"),
    ],
)
def test_model_and_owner_are_read_from_what_is_left(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    (tmp_path / "churn.yaml").write_text(text)
    assert read(tmp_path) == expected


def test_a_folder_that_is_gone_has_nobody(tmp_path: Path) -> None:
    assert read(tmp_path / "gone") == []


@given(st.binary(max_size=300))
def test_no_bytes_stop_it(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "a.yaml").write_bytes(body)
    (folder / "b.yaml").write_text(RIGHT)
    assert ("churn", "ana@example.com") in read(folder)
