"""The plan changed after the link was sent: 409."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.releases import a_plan
from tests.hazards.offices import BEN, ReleaseOffice


def test_an_answer_to_what_is_no_longer_asked_does_not_count() -> None:
    world = ReleaseOffice()
    release = world.ask()
    question = world.office.question(release)
    assert question is not None
    old = question.request.digest
    later = question.request.requested_at.replace(year=2027)
    world.office.open(replace(question.request, digest="e" * 64, requested_at=later))

    outcome = world.office.vote(release, old, BEN, "approve", "")

    assert (outcome.code, outcome.status) == ("changed", 409)
    assert world.decisions() == []


def test_other_evidence_or_another_policy_is_another_question() -> None:
    digests = set()
    for policy, gain in (("a" * 64, 2.0), ("a" * 64, 2.5), ("b" * 64, 2.0)):
        world = ReleaseOffice()
        release = world.open(approval=replace(a_plan().approval, approvers=(BEN,)), policy_digest=policy)
        world.offer_scores(release, challenger_gain=gain)
        world.run_to_question(release)
        question = world.office.question(release)
        assert question is not None
        digests.add(question.request.digest)

    assert len(digests) == 3
