"""After the promotion: the new version is watched beside what the champion keeps of the traffic, and must be proven.

What both versions suffer at the same time is nobody's fault. So a failure takes the traffic back only where the
champion served beside; what is compared with the champion's time before may be a shared trouble, and people decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.actions import ScoreBatch, SetTraffic
from shared.release.core.judgements import is_proven
from shared.release.core.observation import Observation
from shared.release.core.requests import hold_reason, promote_request, promotion
from shared.release.core.transitions import SHIFT_WITHIN, ReleaseUpdate, go_on, hold, is_late, move, stay, unheld
from shared.release.core.words import duration, split
from shared.release.states.bake import NOT_MEASURED, BakeDecision, decide_bake
from shared.release.states.ending import end, go_back, hold_and_call, roll_back, trouble_of_champion
from shared.release.states.interference import changed_by_hand, lost, other_traffic

# A batch may wait long for its cluster.
TRY_WITHIN = timedelta(days=1)


def promoted(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:  # noqa: ARG001 - every state has one shape
    """Begin to watch."""
    reason = f"watching for {duration(release.plan.watch_for)}"
    return go_on(move(release, ReleaseState.WATCHING, reason, now), now)


def watching(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Keep judging after the promotion; the old champion stays, to compare with and to go back to."""
    if gone := lost(release, observation, now):
        return gone
    if release.phase == "ending":
        return _take_all(release, observation, now)
    release = replace(release, judgement=observation.judgement or release.judgement)
    decision = decide_bake(observation.judgement or NOT_MEASURED, is_over=False, held=hold_reason(observation))
    if decision.kind == "failed":
        return _failed(release, observation, decision.reason, now)
    target = _watch_split(release, observation)
    if observation.traffic != target:
        if is_late(release, now):
            return end(
                release, ReleaseState.ABORTED, changed_by_hand(observation), now, traffic=split(observation.traffic)
            )
        return other_traffic(release, observation, target, now)
    if release.phase == "asking":
        return _asking(release, observation, now)
    return (
        _trying(release, observation, now) if observation.is_tried else _watch_on(release, decision, observation, now)
    )


def _watch_on(release: Release, decision: BakeDecision, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Wait for the watch to end, and end it."""
    if is_late(release, now):
        return _watched(release, observation, now)
    if decision.kind in {"held", "doubted"}:
        return hold(release, decision.reason, now)
    return stay(unheld(release), now)


def _trying(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Have the champion score what a job failed on. The watch does not end over it, but for a day at most."""
    trials = tuple(ScoreBatch(trial) for trial in observation.trials)
    if release.deadline and now >= release.deadline + TRY_WITHIN:
        return hold(release, f"{release.judgement.reason if release.judgement else ''}, for too long", now)
    return stay(unheld(release), now, *trials)


def _is_side_by_side(release: Release) -> bool:
    """Return whether both versions are measured in the same minutes of the watch."""
    return release.holdback > 0 or release.probed_at is not None


def _watch_split(release: Release, observation: Observation) -> Mapping[DeploymentName, int]:
    """Return the split of the watch; without the champion's deployment there is nothing to hold back."""
    return _all(release) if _is_alone(release, observation) else release.traffic_at(len(release.steps) - 1)


def _is_alone(release: Release, observation: Observation) -> bool:
    return release.champion is None or observation.deployment(release.champion.deployment) is None


def _failed(release: Release, observation: Observation, failure: str, now: datetime) -> ReleaseUpdate:
    """Take the traffic back where that is safe and the champion served beside; else ask people, whose word counts."""
    obstacle = _obstacle(release, observation)
    if not obstacle:
        return roll_back(release, ReleaseState.ROLLED_BACK, failure, now)
    reason = f"{failure}; but {obstacle}"
    if release.phase == "asking":
        return _asking(release, observation, now, reason)
    return ask_to_decide(release, reason, now) if is_late(release, now) else hold(release, reason, now)


def _obstacle(release: Release, observation: Observation) -> str:
    champion = release.champion
    if champion is None:
        return "there is no earlier version to go back to"
    if observation.deployment(champion.deployment) is None:
        return f"deployment {champion.deployment} of the champion was deleted"
    if trouble := trouble_of_champion(release, observation):
        return trouble
    if release.plan.batch or _is_side_by_side(release):
        return ""
    return "the champion had no traffic beside it, so both may suffer from the same; a person must decide"


def _watched(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """End the watch: well if the version is proven, else as the policy says."""
    watched, judgement = f"watched for {duration(release.plan.watch_for)}", release.judgement
    if held := hold_reason(observation):
        return ask_to_decide(release, held, now)
    if is_proven(release) or release.plan.batch or release.plan.on_undecided == "finish":
        verdict = judgement.reason if judgement else "there was no earlier version to compare with"
        return _end_well(release, observation, f"{watched} without a failure: {verdict}", now)
    reason = f"{watched}, and not proven: {judgement.reason if judgement else 'nothing was measured'}"
    if release.plan.on_undecided == "roll-back":
        return go_back(release, observation, ReleaseState.ABORTED, reason, now)
    return ask_to_decide(release, reason, now)


def ask_to_decide(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    """Have people decide whether the version stays; it goes on serving, and being judged, until they do."""
    within = release.plan.approval.expires
    request_words = replace(release, phase="asking", reason=reason, deadline=now + within, held_because="")
    return hold(request_words, _question(request_words, reason), now)


def _question(release: Release, reason: str) -> str:
    return (
        f"{reason}; vigia releases promote {release.id} keeps it, vigia releases abort {release.id} takes it back; "
        f"after {duration(release.plan.approval.expires)} it goes back if the champion can take the traffic"
    )


def _asking(release: Release, observation: Observation, now: datetime, failure: str = "") -> ReleaseUpdate:
    """Wait for a person's answer. One that is not given goes back, if the champion can take the traffic."""
    judgement = release.judgement or NOT_MEASURED
    held = hold_reason(observation)
    if (request := promote_request(release, observation)) and not held:
        return _end_well(release, observation, promotion(request, judgement), now)
    if is_proven(release) and not held:
        return _end_well(release, observation, f"proven after all: {judgement.reason}", now)
    if not is_late(release, now):
        return hold(release, failure or release.held_because or held or release.reason, now)
    reason = f"nobody decided within {duration(release.plan.approval.expires)}: {failure or release.reason}"
    if _is_alone(release, observation):
        return hold_and_call(release, reason, now)
    return go_back(release, observation, ReleaseState.ABORTED, reason, now)


def _end_well(release: Release, observation: Observation, reason: str, now: datetime) -> ReleaseUpdate:
    """Finish, once the champion's last share is the new version's."""
    if len(_watch_split(release, observation)) == 1:
        return end(release, ReleaseState.FINISHED, reason, now)
    ending = replace(unheld(release), phase="ending", reason=reason, deadline=now + SHIFT_WITHIN)
    return go_on(ending, now, SetTraffic(release.endpoint, _all(release)))


def _take_all(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Give the new version what was held back, until that is read back; people are called as long as it is not."""
    target, held_back = _all(release), release.traffic_at(len(release.steps) - 1)
    if observation.traffic == target and not observation.is_updating:
        release = replace(unheld(release), phase=None, traffic_steps=(*release.traffic_steps, 100))
        return end(release, ReleaseState.FINISHED, release.reason, now)
    if is_late(release, now):
        reason = f"the traffic is still {split(observation.traffic)} instead of {split(target)}"
        return hold_and_call(release, reason, now)
    if observation.is_updating:
        return stay(unheld(release), now)
    if observation.traffic not in (target, held_back) and not observation.has_failed:
        return other_traffic(release, observation, target, now)
    return stay(unheld(release), now, SetTraffic(release.endpoint, target))


def _all(release: Release) -> dict[DeploymentName, int]:
    return {release.challenger.deployment: 100}
