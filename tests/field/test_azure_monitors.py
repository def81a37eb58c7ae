"""Breaches of Azure ML's monitors: of generated text a lower score is worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.explained import acted, explained, inputs

BREACH = "06_gsq_breach.json"


@pytest.mark.parametrize("metric", ["Groundedness", "Coherence", "Fluency", "Relevance", "Similarity"])
@pytest.mark.parametrize(("value", "kind"), [(2.1, "drift-detected"), (4.4, "monitor-contradicted")])
def test_a_low_score_of_generated_text_is_the_breach(tmp_path: Path, metric: str, value: float, kind: str) -> None:
    event = inputs(BREACH)
    tags = event["data"]["runTags"]
    for name, text in tags.items():
        tags[name] = text.replace("AverageGroundedness", f"Average{metric}").replace("2.1", str(value))
    (explanation,) = explained(tmp_path, event)
    assert explanation["kind"] == kind
    assert acted([explanation]) == (["notify", "start-training"] if kind == "drift-detected" else ["notify"])
