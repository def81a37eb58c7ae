from __future__ import annotations

from pathlib import Path

import pytest

from cli.policy.warnings import warnings
from shared.bootstrap import policy_sections
from shared.domain.ids import ModelName
from shared.domain.notice import NEEDS_A_PERSON, Notice, NoticeKind
from shared.engine.notices.outbox import routes
from shared.policy.reading.load import load_policy
from shared.policy.reading.problems import PolicyProblemsError
from shared.policy.sections.model import Policy
from shared.reactions.notify_section import Notify, Route

POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people:
  owner: Ana@example.com
  approvers: [ana@example.com, ben@example.com]
notify:
"""


def _load(*rules: str, header: str = POLICY) -> Policy:
    return load_policy(header + "".join(f"  - {rule}\n" for rule in rules), "p.yaml", {"notify": Notify}, ())


def _routes(policy: Policy, kind: NoticeKind) -> tuple[Route, ...]:
    section = policy.section(Notify)
    assert section is not None
    return section.routes(kind, policy.people)


def test_each_person_is_told_once_per_channel() -> None:
    policy = _load(
        "{on: [approval-needed, rolled-back], to: [owner, approvers], by: [teams, email]}",
        "{on: [rolled-back], to: [owner, carla@example.com], by: [email]}",
    )
    assert _routes(policy, NoticeKind.ROLLED_BACK) == (
        Route("teams", "ana@example.com"),
        Route("teams", "ben@example.com"),
        Route("email", "ana@example.com"),
        Route("email", "ben@example.com"),
        Route("email", "carla@example.com"),
    )
    assert len(_routes(policy, NoticeKind.APPROVAL_NEEDED)) == 4
    assert _routes(policy, NoticeKind.PROMOTED) == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{on: [aproval-needed], to: [owner], by: [email]}", "did you mean approval-needed?"),
        ("{on: [promoted], to: [owner], by: [emial]}", "did you mean email?"),
        ("{on: [promoted], to: [boss], by: [email]}", "write owner, approvers, or an address"),
        ("{on: [promoted], to: ['@'], by: [email]}", "is not an e-mail address"),
        ("{on: [promoted], by: [email]}", "add to:"),
        ("{on: promoted, to: [owner], by: [email]}", "is not a list"),
        ("{on: [promoted], to: [owner], by: [email], when: now}", "is not a key here"),
        ("{on: [], to: [owner], by: [email]}", "is empty; name at least one"),
        ("{on: [7], to: [owner], by: [email]}", "is not a notice"),
    ],
)
def test_mistakes_are_refused_with_their_line_and_a_remedy(rule: str, message: str) -> None:
    with pytest.raises(PolicyProblemsError) as caught:
        _load("{on: [promoted], to: [owner], by: [email]}", rule)
    (problem,) = caught.value.problems
    assert problem.line == 9
    assert message in str(problem)


def test_telling_approvers_who_do_not_exist_is_refused() -> None:
    header = POLICY.replace("[ana@example.com, ben@example.com]", "[]")
    with pytest.raises(PolicyProblemsError, match=r"add people\.approvers"):
        _load("{on: [promoted], to: [approvers], by: [email]}", header=header)


def test_a_reminder_goes_where_the_question_went_unless_a_rule_names_it() -> None:
    approval_rule = "{on: [approval-needed], to: [approvers], by: [teams]}"
    assert _routes(_load(approval_rule), NoticeKind.APPROVAL_REMINDER) == (
        Route("teams", "ana@example.com"),
        Route("teams", "ben@example.com"),
    )
    own = _load(approval_rule, "{on: [approval-reminder], to: [owner], by: [email]}")
    assert _routes(own, NoticeKind.APPROVAL_REMINDER) == (Route("email", "ana@example.com"),)


@pytest.mark.parametrize(
    ("rule", "channel"),
    [
        ("{on: [approval-needed], to: [approvers], by: [teams]}", "teams"),
        ("{on: [promoted], to: [owner], by: [teams]}", "email"),
    ],
)
def test_an_escalation_goes_to_those_it_is_for(rule: str, channel: str) -> None:
    section = _load(rule).section(Notify)
    assert section is not None
    recipients = section.routes(NoticeKind.APPROVAL_ESCALATED, _load(rule).people, ("Carla@example.com",))
    assert recipients == (Route(channel, "carla@example.com"),)


SHIPPED = sorted((Path(__file__).parents[3] / "policies").glob("**/[!p]*.yaml"))


@pytest.mark.parametrize("kind", sorted(NEEDS_A_PERSON))
def test_what_needs_a_person_reaches_one_without_a_rule(kind: NoticeKind) -> None:
    policy = load_policy(POLICY.removesuffix("notify:\n"), "p.yaml", {"notify": Notify}, ())
    recipients = routes(Notice(kind, "k", policy.model), [policy])
    assert recipients
    questions = {NoticeKind.APPROVAL_NEEDED, NoticeKind.APPROVAL_REMINDER, NoticeKind.APPROVAL_ESCALATED}
    expected = ["ana@example.com", "ben@example.com"] if kind in questions else ["ana@example.com"]
    assert recipients == tuple(Route("email", address) for address in expected)


def test_a_rule_takes_the_place_of_the_default() -> None:
    policy = _load("{on: [release-held], to: [carla@example.com], by: [teams]}")
    recipients = routes(Notice(NoticeKind.RELEASE_HELD, "k", policy.model), [policy])
    assert recipients == (Route("teams", "carla@example.com"),)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{on: [release-held], to: [carla@example.com], by: [teams]}", Route("teams", "carla@example.com")),
        ("{on: [promoted], to: [carla@example.com], by: [teams]}", Route("email", "ana@example.com")),
    ],
    ids=["as_a_rule_says", "by_default"],
)
def test_the_end_of_a_hold_is_told_where_the_hold_was(rule: str, expected: Route) -> None:
    policy = _load(rule)
    assert routes(Notice(NoticeKind.RELEASE_RESUMED, "k", policy.model), [policy]) == (expected,)


def test_what_is_only_news_is_told_by_rules_alone() -> None:
    policy = _load("{on: [release-held], to: [owner], by: [teams]}")
    for kind in set(NoticeKind) - NEEDS_A_PERSON - {NoticeKind.RELEASE_RESUMED}:
        assert routes(Notice(kind, "k", policy.model), [policy]) == ()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_policies_route_everything_that_needs_a_person_by_rules_of_their_own(path: Path) -> None:
    policy = load_policy(path.read_text(), str(path), policy_sections(), ())
    assert list(warnings(policy, None)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", sorted(NEEDS_A_PERSON))
def test_whatever_needs_a_person_reaches_one_with_a_shipped_policy(path: Path, kind: NoticeKind) -> None:
    policy = load_policy(path.read_text(), str(path), policy_sections(), ())
    for model in (policy.model, ModelName("")):
        assert routes(Notice(kind, "k", model), [policy]) != ()
