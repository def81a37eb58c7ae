"""Rules propose, guardrails hold back, and nothing is lost without a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain import fact as facts
from shared.domain.fact import Fact
from shared.domain.ids import ModelName
from shared.domain.reaction import Reaction
from shared.domain.state import Freeze, ModelState, Training
from shared.policy.deciding.decide import decide
from shared.policy.deciding.guardrails import chain_guardrail, next_chain, retraining_guardrail
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Rate
from tests.unit.policy.toys import NOW, Wants, a_fact, a_policy, a_state

CHURN = ModelName("churn")
TRAIN = Reaction("start-training", CHURN, "drift in age", {"cause": "drift"})
TELL = Reaction("notify", CHURN, "drift in age")


def _decide(*rules: Wants) -> list[Reaction]:
    return decide(a_fact(), a_policy(*rules), a_state(), NOW)


def test_decide_without_rules_decides_nothing() -> None:
    assert _decide() == []


def test_decide_keeps_the_order_of_the_rules() -> None:
    assert _decide(Wants(TELL), Wants(TRAIN)) == [TELL, TRAIN]


def test_decide_keeps_what_a_rule_suppressed_itself() -> None:
    held = Reaction("start-training", CHURN, "drift", {}, "retraining is frozen: budget")
    assert _decide(Wants(held)) == [held]


def test_decide_when_two_rules_want_the_same_does_it_once() -> None:
    first, second = _decide(Wants(TRAIN), Wants(TRAIN))
    assert first.suppressed is None
    assert second.suppressed == "it is decided already: drift in age"


def test_decide_when_the_same_was_suppressed_before_lets_the_next_try() -> None:
    held = Reaction("start-training", CHURN, "drift", {"cause": "drift"}, "cooldown: …")
    assert [reaction.suppressed for reaction in _decide(Wants(held, TRAIN))] == ["cooldown: …", None]


def test_decide_lets_other_arguments_be_another_reaction() -> None:
    other = Reaction("start-training", CHURN, "new data", {"cause": "new-data"})
    assert [reaction.suppressed for reaction in _decide(Wants(TRAIN, other))] == [None, None]


def test_decide_holds_back_what_is_about_another_model() -> None:
    [held] = _decide(Wants(Reaction("start-training", ModelName("fraud"), "drift")))
    assert held.suppressed == "it is about 'fraud', but the policy is for 'churn'"


class Retrains:
    """A rule that asks every guardrail."""

    name = "retrains"
    looks_at_state = (object,)

    def __init__(self, cooldown: timedelta, at_most: Rate) -> None:
        self._cooldown, self._at_most = cooldown, at_most

    def propose(self, fact: Fact, policy: Policy, state: ModelState, now: datetime) -> list[Reaction]:
        held = retraining_guardrail(state, self._cooldown, self._at_most, now)
        held = held or chain_guardrail(next_chain(state, fact.kind, now), "drift")
        return [Reaction("start-training", policy.model, fact.kind, {}, held)]


TIMES = st.datetimes(timezones=st.just(UTC))
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650))
NAMES = st.text(max_size=5)
BODIES = st.one_of(
    st.builds(facts.ModelRegistered, NAMES, NAMES),
    st.builds(facts.ModelDeployed, NAMES, st.tuples(NAMES)),
    st.builds(facts.RunEnded, NAMES, st.sampled_from(["completed", "failed", "canceled"]), NAMES, st.none() | NAMES),
    st.builds(facts.DriftDetected, st.none() | NAMES, NAMES, NAMES, NAMES, st.just(()), NAMES),
    st.builds(facts.BudgetCrossed, NAMES, st.floats(), st.just("actual"), st.floats(), st.floats(), NAMES, st.none()),
    st.builds(facts.EndpointDegraded, NAMES, st.none(), NAMES, st.just("fired"), TIMES, NAMES),
    st.builds(facts.DataArrived, NAMES, st.none() | NAMES, NAMES),
    st.builds(facts.RetrainingRequested, NAMES, NAMES, NAMES, NAMES),
)
CAUSES = st.sampled_from(["drift", "performance", "schedule", "request", "new-data"])
STATES = st.builds(
    ModelState,
    st.just(CHURN),
    st.lists(st.builds(Training, NAMES, NAMES, CAUSES, TIMES, st.integers(0, 9)), max_size=5).map(tuple),
    st.none() | st.builds(Freeze, NAMES, TIMES, NAMES, st.none() | TIMES),
    st.none() | NAMES,
)


@given(body=BODIES, state=STATES, now=TIMES, cooldown=SPANS, per=SPANS, count=st.integers(1, 5))
def test_decide_never_raises(
    body: facts.FactBody, state: ModelState, now: datetime, cooldown: timedelta, per: timedelta, count: int
) -> None:
    fact = Fact(body, "source", "subject", ("identity",), now, "event")
    policy = a_policy(Retrains(cooldown, Rate(count, per)), Wants(TRAIN, TELL, TRAIN))
    decided = decide(fact, policy, state, now)
    assert len(decided) == 4
    assert decided[-1].suppressed
