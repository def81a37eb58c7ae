"""Queries over what an app sent about itself: dynamic columns, and what only these tables need of the language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.monitor.kql.syntax import KqlSemanticError
from local.monitor.telemetry import query

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def rows(text: str, *properties: dict[str, str]) -> list[dict[str, Any]]:
    at = NOW - timedelta(minutes=1)
    sent = [{"TimeGenerated": at, "Message": "m", "SeverityLevel": 1, "Properties": facts} for facts in properties]
    return query(f"AppTraces | {text}", {"AppTraces": sent}, NOW - timedelta(hours=1), NOW)


def test_what_a_row_lacks_is_an_empty_text_and_no_number() -> None:
    shown = rows("project a = tostring(Properties.a), b = todouble(Properties.a)", {"a": "1.5"}, {})

    assert shown == [{"a": "1.5", "b": 1.5}, {"a": "", "b": None}]


def test_extremes_leave_out_what_is_missing() -> None:
    text = (
        "summarize most = max(tolong(Properties.n)), least = min(tolong(Properties.n)), all = sum(tolong(Properties.n))"
    )

    assert rows(text, {"n": "3"}, {}, {"n": "5"}) == [{"most": 5, "least": 3, "all": 8}]
    assert rows(text) == [{"most": None, "least": None, "all": 0}]


def test_either_condition_is_enough_and_both_bind_stronger() -> None:
    text = 'where tostring(Properties.a) == "x" or tostring(Properties.b) == "y" and SeverityLevel > 1 | count_of'

    shown = rows(text.replace("count_of", "summarize n = count()"), {"a": "x"}, {"b": "y"}, {"a": "z"})

    assert shown == [{"n": 1}]


def test_a_dynamic_value_is_not_compared_before_it_is_converted() -> None:
    with pytest.raises(KqlSemanticError, match="can't be applied to"):
        rows('where Properties.a == "x"', {"a": "x"})


def test_only_dynamic_values_have_properties() -> None:
    with pytest.raises(KqlSemanticError, match="has no properties"):
        rows("project Message.a")


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(KqlSemanticError, match="AppTrace"):
        query("AppTrace | take 1", {}, NOW, NOW)
