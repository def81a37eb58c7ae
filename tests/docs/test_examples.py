"""The worked examples of the how-tos run as they stand."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from shared.adapters.channels import ChannelSpec
from shared.domain.releases.verdict import Verdict
from shared.errors import PermanentError, RetryableError
from shared.events.spec import EventSpec
from shared.reactions.spec import ReactionSpec
from shared.release.gates.conversion import Conversion, judge
from shared.release.gates.spec import GateEvidence, GateSpec
from tests.docs.pages import PAGES, Block, blocks

EXAMPLES = {
    mark.removeprefix("example="): block
    for page in PAGES
    for block in blocks(page)
    for mark in block.info
    if mark.startswith("example=")
}
MODULES = {
    "reaction": ("shared.reactions.pause_retraining", ReactionSpec),
    "event": ("shared.events.types.table_refreshed", EventSpec),
    "gate": ("shared.release.gates.alarms", GateSpec),
    "channel": ("shared.adapters.channels.pager", ChannelSpec),
}


def _run(block: Block, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(block.text, block.place, "exec", dont_inherit=True), module.__dict__)
    return module


@pytest.mark.parametrize("kind", MODULES)
def test_an_example_exports_what_its_registry_looks_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, spec = MODULES[kind]
    module = _run(EXAMPLES[kind], name, monkeypatch)
    assert isinstance(module.SPEC, spec)
    assert f"`{name.replace('.', '/')}.py`" in EXAMPLES[kind].page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["reaction", "event", "gate"])
def test_an_examples_own_test_passes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(EXAMPLES[kind], MODULES[kind][0], monkeypatch)
    module = _run(EXAMPLES[f"{kind}-test"], f"example_test_{kind}", monkeypatch)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        for arguments in _cases(test):
            test(**arguments)


def _cases(test: Any) -> list[dict[str, Any]]:
    """Return what pytest would call the test with."""
    for mark in getattr(test, "pytestmark", []):
        names, cases = mark.args
        return [dict(zip(names, case.values, strict=True)) for case in cases]
    return [{}]


def test_the_example_conversion_is_released_by_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    convert = _run(EXAMPLES["convert"], "example_convert", monkeypatch)
    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    classifiers: list[Any] = [LogisticRegression(C=C) for C in (1.0, 0.001)]  # type: ignore[no-untyped-call]
    model, weaker = (classifier.fit(scale(rows.to_numpy()), labels) for classifier in classifiers)
    rows = pd.DataFrame(scale(rows.to_numpy()), columns=rows.columns)

    scores, others = (convert.scores(model, convert.convert(form, rows), rows) for form in (model, weaker))

    assert (scores["challenger_seconds"] > 0).all()
    gate = Conversion(time_ratio_at_most=None)
    alike, unlike = (judge(gate, GateEvidence(table, has_champion=True)) for table in (scores, others))
    assert alike.verdict is Verdict.PASS, alike.reason
    assert unlike.verdict is Verdict.FAIL, unlike.reason


def test_the_example_reaction_may_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    reaction = _run(EXAMPLES["reaction"], MODULES["reaction"][0], monkeypatch)
    test = _run(EXAMPLES["reaction-test"], "example_test_reaction", monkeypatch)
    fact, policy, state = test.ended("failed"), test.POLICY, test.ModelState(test.MODEL)
    states = [state]

    def update(_: object, change: Any) -> Any:
        states.append(change(states[-1]))
        return states[-1]

    [proposed] = reaction.SPEC.propose(fact, policy, state, test.NOW)
    models = SimpleNamespace(update=update)
    context = reaction.ReactionContext(fact, policy, 0, test.NOW, SimpleNamespace(), models, SimpleNamespace())
    first, second = reaction.SPEC.perform(proposed, context), reaction.SPEC.perform(proposed, context)

    assert first == second
    assert states[1] == states[2] != state


@pytest.mark.parametrize(
    ("status", "error"), [(200, None), (429, RetryableError), (503, RetryableError), (403, PermanentError)]
)
def test_the_example_channel_tells_again_from_never(
    status: int, error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _run(EXAMPLES["channel"], MODULES["channel"][0], monkeypatch)
    channel = module.SPEC.build(SimpleNamespace(pager_key="secret-word"))
    monkeypatch.setattr(module.PagerChannel, "_post", lambda _, body: status)
    message = SimpleNamespace(key="k", title="t", sentence="s")

    if error is None:
        channel.send(message, SimpleNamespace(email="ana@example.com"))
    else:
        with pytest.raises(error):
            channel.send(message, SimpleNamespace(email="ana@example.com"))
    assert "secret-word" not in repr(channel)
    assert module.SPEC.build(SimpleNamespace(pager_key="")) is None
