from __future__ import annotations

import pytest

from shared.domain.notice import NoticeKind
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.policy.problems import PolicyProblemsError
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
    ("rule", "said"),
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
def test_mistakes_are_refused_with_their_line_and_a_remedy(rule: str, said: str) -> None:
    with pytest.raises(PolicyProblemsError) as caught:
        _load("{on: [promoted], to: [owner], by: [email]}", rule)
    (problem,) = caught.value.problems
    assert problem.line == 9
    assert said in str(problem)


def test_telling_approvers_who_do_not_exist_is_refused() -> None:
    header = POLICY.replace("[ana@example.com, ben@example.com]", "[]")
    with pytest.raises(PolicyProblemsError, match=r"add people\.approvers"):
        _load("{on: [promoted], to: [approvers], by: [email]}", header=header)


def test_a_reminder_goes_where_the_question_went_unless_a_rule_names_it() -> None:
    asked = "{on: [approval-needed], to: [approvers], by: [teams]}"
    assert _routes(_load(asked), NoticeKind.APPROVAL_REMINDER) == (
        Route("teams", "ana@example.com"),
        Route("teams", "ben@example.com"),
    )
    own = _load(asked, "{on: [approval-reminder], to: [owner], by: [email]}")
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
    found = section.routes(NoticeKind.APPROVAL_ESCALATED, _load(rule).people, ("Carla@example.com",))
    assert found == (Route(channel, "carla@example.com"),)
