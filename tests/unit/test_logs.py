from __future__ import annotations

import logging

import pytest

from shared import logs

TRACE, PARENT = "ab" * 16, "cd" * 8


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[logs.Span]:
    done: list[logs.Span] = []
    monkeypatch.setattr(logs, "span_receivers", [done.append])
    return done


def line(**facts: object) -> dict[str, object]:
    record = logs.RedactedRecord("vigia.x", logging.INFO, "f.py", 1, "it.happened", (), None)
    record.__dict__.update(logs.fields(**facts))
    return logs.dimensions(record)


def test_a_line_has_the_facts_of_every_span_around_it_and_its_own(spans: list[logs.Span]) -> None:
    with (
        logs.span("function", function="process"),
        logs.with_facts(workspace="ws-2"),
        logs.span("fact", TRACE, fact="f"),
    ):
        shown = line(n=1)

    assert shown == {"function": "process", "workspace": "ws-2", "fact": "f", "n": 1, "correlation_id": TRACE}
    assert line() == {}


def test_a_span_belongs_to_the_one_around_it_until_it_has_a_correlation_of_its_own(spans: list[logs.Span]) -> None:
    with logs.within(f"00-{TRACE}-{PARENT}-01"), logs.span("function"), logs.span("fact", "12" * 16):
        pass

    fact, function = spans
    assert (function.scope.trace, function.outer.span) == (TRACE, PARENT)
    assert (fact.scope.trace, fact.outer.span) == ("12" * 16, function.scope.span)


@pytest.mark.parametrize("trace_parent", ["", "00-xyz-1-01", f"00-{TRACE}"])
def test_a_trace_that_cannot_be_read_is_nobodys(trace_parent: str, spans: list[logs.Span]) -> None:
    with logs.within(trace_parent), logs.span("function"):
        pass

    (function,) = spans
    assert len(function.scope.trace) == 32
    assert function.outer.span == ""


def test_a_span_that_an_error_ends_has_failed(spans: list[logs.Span]) -> None:
    with pytest.raises(KeyError), logs.span("function"):
        raise KeyError

    assert [span.is_failed for span in spans] == [True]


def test_facts_of_a_span_hold_no_secret(spans: list[logs.Span]) -> None:
    with logs.span("function", reason="AccountKey=canary"), logs.with_facts(why="Bearer canarycanary"):
        assert "canary" not in str(line())
    assert "canary" not in str(spans[0].facts)
