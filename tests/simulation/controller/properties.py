"""What must hold, whatever happens. Every check reads the services, not what the code says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from shared.domain.ids import EndpointName
from shared.domain.notice import Notice
from shared.domain.releases.approval import ApprovalRequest, Vote
from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState
from shared.engine.releases.approvals import bar_to_vote
from shared.errors import PermanentError
from shared.release.core.names import evaluation_job, scoring_job
from shared.release.core.observation import EndpointClaim
from shared.release.states.batch import sides
from shared.store.codec import decode
from tests.simulation.controller.azureml import Accepted
from tests.simulation.controller.evidence import EVALUATED, are_scores_there
from tests.simulation.controller.story import Story
from tests.simulation.controller.world import World
from tests.simulation.services import Version

T = TypeVar("T")
# What a worker has seen counts for so long; what was sent lands within a minute.
GRACE = timedelta(minutes=4)
CANCELED_WITHIN = timedelta(minutes=15)
# Between two looks, with what their calls take.
INTERVAL = timedelta(seconds=90)
NOTIFIED_WITHIN = timedelta(minutes=5)
MOST_LOOKS_AN_HOUR = 60


def violations(world: World, story: Story, *, is_exact: bool) -> Iterator[str]:
    """Yield each broken promise in a sentence.

    Args:
        is_exact: no worker was stopped, killed or left without an answer: what has a deadline met it.
    """
    outcome = FinishedRun(world, story)
    checks = [
        every_release_ends,
        an_abort_stays,
        an_abort_is_obeyed,
        traffic_is_claimed,
        nothing_down_gets_traffic,
        deployments_are_made_once,
        approvals_are_counted,
        record_and_endpoint_agree,
        splits_are_whole,
        reports_follow_a_read,
        jobs_run_once_and_for_somebody,
        only_evidence_passes_gates,
        only_the_proven_get_more,
    ]
    if is_exact:
        checks += [
            deadlines_act,
            damage_is_reported,
            damage_stops_nobody_else,
            blindness_is_reported,
            looks_are_few,
            no_message_is_poison,
        ]
    for check in checks:
        yield from check(outcome)


class FinishedRun:
    """The services at the end of a run."""

    def __init__(self, world: World, story: Story) -> None:
        self.world, self.story = world, story

    @cached_property
    def releases(self) -> dict[str, list[tuple[Version, Release]]]:
        """Return every readable version of every release, by id, oldest first."""
        return {
            name.removeprefix("releases/").removesuffix(".json"): [
                (version, release) for version in versions if (release := _read(Release, version)) is not None
            ]
            for name, versions in self.world.releases_stored()
        }

    @cached_property
    def claims(self) -> dict[EndpointName, list[tuple[Version, EndpointClaim]]]:
        claims = {n: v for n, v in self.world.blobs.history.items() if n.startswith("endpoints/")}
        return {
            EndpointName(name.removeprefix("endpoints/").removesuffix(".json")): [
                (version, claim) for version in versions if (claim := _read(EndpointClaim, version)) is not None
            ]
            for name, versions in claims.items()
        }

    @property
    def notices(self) -> list[tuple[datetime, Notice]]:
        return list(self.world.notices.notices.values())

    def accepted(self, what: str) -> list[Accepted]:
        return [request for request in self.world.azureml.accepted if request.what == what and request.by != "hand"]

    def requests(self, release: str) -> list[tuple[Version, ReleaseRequest]]:
        versions = self.world.blobs.history.get(f"release-requests/{release}.json", [])
        return [(v, request) for v in versions if (request := _read(ReleaseRequest, v)) is not None]

    def abort_of(self, release: str) -> tuple[Version, ReleaseRequest] | None:
        """Return a person's first request to abort."""
        requests = self.requests(release)
        return next(((v, r) for v, r in requests if r.kind == "abort" and not r.is_automatic), None)


def every_release_ends(end: FinishedRun) -> Iterator[str]:
    """A release ends: by itself, or by those who were told what holds it."""
    for name, versions in end.releases.items():
        newest = versions[-1][1]
        if not newest.is_settled:
            yield f"{name} is {newest.state} for ever: {newest.reason}; {newest.held_because}"


def an_abort_stays(end: FinishedRun) -> Iterator[str]:
    """Nothing that is asked later takes a person's abort back."""
    for name in end.releases:
        abort = end.abort_of(name)
        later = [] if abort is None else [r for v, r in end.requests(name) if v.at >= abort[0].at]
        yield from (f"the abort of {name} was lost to {r.kind} by {r.by}" for r in later if r.kind != "abort")


def an_abort_is_obeyed(end: FinishedRun) -> Iterator[str]:
    """After a person's abort the challenger gets no more traffic, and the release does not end as a success."""
    for name, versions in end.releases.items():
        abort, newest = end.abort_of(name), versions[-1][1]
        if abort is None:
            continue
        aborted_at = abort[0].at
        terminal = next((v.at for v, r in versions if r.state.is_terminal), None)
        if terminal is not None and terminal <= aborted_at + GRACE:
            continue
        if newest.state is ReleaseState.FINISHED:
            yield f"{name} was aborted at {aborted_at:%H:%M:%S} and finished"
        for write in end.accepted("traffic"):
            mine, share = newest.challenger.deployment, write.split.get(newest.challenger.deployment, 0)
            is_later = write.endpoint == newest.endpoint and write.at > aborted_at + GRACE
            if is_later and share > write.previous.get(mine, 0):
                yield f"{name} was aborted at {aborted_at:%H:%M:%S}, and {mine} got {share} % at {write.at:%H:%M:%S}"


def traffic_is_claimed(end: FinishedRun) -> Iterator[str]:
    """Only a split is written that is, or was a moment ago, desired of the endpoint."""
    for write in end.accepted("traffic"):
        desired = [claim.desired for claim in _current(end.claims.get(write.endpoint, []), write.at)]
        if dict(write.split) not in [dict(name) for name in desired]:
            yield f"{write.by} wrote {dict(write.split)} at {write.at:%H:%M:%S}, which nobody desired"


def nothing_down_gets_traffic(end: FinishedRun) -> Iterator[str]:
    for write in end.accepted("traffic"):
        for name, since in write.down.items():
            share = write.split.get(name, 0)
            if share > write.previous.get(name, 0) and write.at > since + GRACE:
                yield f"{name} is down since {since:%H:%M:%S} and got {share} % at {write.at:%H:%M:%S} by {write.by}"


def deployments_are_made_once(end: FinishedRun) -> Iterator[str]:
    """A deployment that is there is not written again, one that was deleted is made again only for a person, and none
    is made for a release that has gone on."""
    for write in end.accepted("deployment"):
        made = f"{write.by} made deployment {write.deployment} at {write.at:%H:%M:%S}"
        own = [v for v in end.releases.values() if _is_for(v[-1][1], write)]
        is_wished = any(write.gone_at and write.gone_at <= v[-1][1].opened_at <= write.at for v in own)
        if write.is_there or (write.gone_at is not None and not is_wished):
            yield f"{made} again"
        if not any(release.state is ReleaseState.DEPLOYING for v in own for release in _current(v, write.at)):
            yield f"{made} for a release that had gone on"


def _is_for(release: Release, write: Accepted) -> bool:
    return (release.endpoint, release.challenger.deployment) == (write.endpoint, write.deployment)


def _current(versions: list[tuple[Version, T]], at: datetime) -> list[T]:
    """Return what a record said at that moment, and a moment before."""
    ends = [version.at for version, _ in versions[1:]] + [at]
    return [
        value for (version, value), end in zip(versions, ends, strict=True) if version.at <= at and end >= at - GRACE
    ]


def approvals_are_counted(end: FinishedRun) -> Iterator[str]:
    """Who was asked about is deployed only if enough different people agreed who may, and none of them refused."""
    for name, versions in end.releases.items():
        moved = [
            (version.at, updated)
            for (_, previous), (version, updated) in pairwise(versions)
            if previous.state is ReleaseState.AWAITING_APPROVAL and updated.state is ReleaseState.DEPLOYING
        ]
        for at, release in moved:
            folder = f"approvals/{name}/{release.approval_digest}/"
            request = _read(ApprovalRequest, end.world.blobs.history[f"{folder}request.json"][-1])
            assert request is not None
            votes = [
                vote
                for blob, stored in end.world.blobs.history.items()
                if blob.startswith(f"{folder}votes/") and (vote := _read(Vote, stored[0])) and stored[0].at <= at
            ]
            agreed = {v.person for v in votes if v.choice == "approve" and bar_to_vote(request, v.person) is None}
            if len(agreed) < release.approvals_needed:
                yield f"{name} was deployed with the approval of {sorted(agreed)}"


def deadlines_act(end: FinishedRun) -> Iterator[str]:
    """Whatever has a deadline is another by then, or people are called again; one that waits its turn may wait."""
    for name, versions in end.releases.items():
        if len(versions) < len(end.world.blobs.history[f"releases/{name}.json"]):
            continue  # nobody could read its deadline; that is told
        for (_, previous), (version, updated) in pairwise(versions):
            deadline = previous.deadline
            if deadline is None or version.at <= deadline + INTERVAL:
                continue
            if (previous.state, previous.deadline) == (updated.state, updated.deadline):
                at, until = f"{version.at:%H:%M:%S}", f"{deadline:%H:%M:%S}"
                yield f"{name} is still {previous.state} at {at}; it had time until {until}"
                break


def blindness_is_reported(end: FinishedRun) -> Iterator[str]:
    """Whoever cannot look for five minutes says so within them, and with what the service answered."""
    for name, tries in _refused(end).items():
        began = previous = tries[0][0]
        for at, status in tries:
            if at - previous > 2 * INTERVAL:
                began = at
            previous = at
            if at - began < NOTIFIED_WITHIN:
                continue
            notices = [
                posted for posted, n in end.notices if began <= posted <= began + NOTIFIED_WITHIN and _says(n, status)
            ]
            if not notices:
                yield f"{name} could not look from {began:%H:%M:%S} on ({status}), and nobody was told"
                break


def damage_is_reported(end: FinishedRun) -> Iterator[str]:
    """Whose record cannot be read for five minutes is named to people."""
    parameters = [notice.parameters.get("part", "") for _, notice in end.notices]
    for name, versions in end.world.releases_stored():
        release = name.removeprefix("releases/").removesuffix(".json")
        for damaged, repaired in pairwise(versions):
            is_long = repaired.at - damaged.at > NOTIFIED_WITHIN and damaged.metadata.get("settled") != "yes"
            if is_long and _read(Release, damaged) is None and f"release {release}" not in parameters:
                yield f"the record of {release} was damaged from {damaged.at:%H:%M:%S} on, and nobody was told"


def damage_stops_nobody_else(end: FinishedRun) -> Iterator[str]:
    """No release waits for another's record to be repaired."""
    for name, versions in end.releases.items():
        if any("a stored Release cannot be read" in release.held_because for _, release in versions):
            yield f"{name} was stopped by another release's damaged record"


def looks_are_few(end: FinishedRun) -> Iterator[str]:
    for name, tries in _refused(end).items():
        for number, (at, _) in enumerate(tries):
            within = sum(1 for later, _ in tries[number:] if later - at < timedelta(hours=1))
            if within > MOST_LOOKS_AN_HOUR:
                yield f"{name} looked {within} times in the hour from {at:%H:%M:%S} on, and saw nothing"
                break


def no_message_is_poison(end: FinishedRun) -> Iterator[str]:
    yield from (f"a message is poison: {message.text}" for message in end.world.queues.poison)


def _refused(end: FinishedRun) -> dict[str, list[tuple[datetime, str]]]:
    """Return when looks at each release saw nothing, and what the service said."""
    times_by_name: dict[str, list[tuple[datetime, str]]] = {}
    looked = set()
    for at, _, status, by in end.world.sky.refusals:
        # One look may try twice.
        if by in end.world.looking and (by, at.replace(microsecond=0)) not in looked:
            looked.add((by, at.replace(microsecond=0)))
            times_by_name.setdefault(end.world.looking[by], []).append((at, status))
    return times_by_name


def _says(notice: Notice, status: str) -> bool:
    return status in notice.parameters.get("reason", "")


def record_and_endpoint_agree(end: FinishedRun) -> Iterator[str]:
    """When all releases have ended, the traffic is what is wanted, or people were told that it is not."""
    for name, versions in end.claims.items():
        claim, endpoint = versions[-1][1], end.world.azureml.at(name, end.world.run.now)
        if claim.owner is not None or endpoint is None or not claim.desired:
            continue
        actual = {deployment: share for deployment, share in endpoint.traffic.items() if share}
        if actual == dict(claim.desired):
            continue
        if claim.told is None or dict(claim.told) != actual:
            yield f"{name} serves {actual}, {dict(claim.desired)} is wanted, and nobody was told"


def splits_are_whole(end: FinishedRun) -> Iterator[str]:
    for write in end.accepted("traffic"):
        if sum(write.split.values()) != 100:
            yield f"{write.by} wrote {dict(write.split)}, which is not 100 %"


def reports_follow_a_read(end: FinishedRun) -> Iterator[str]:
    """A release is promoted, or has gone back, only after the endpoint was seen to serve that."""
    for name, versions in end.releases.items():
        for (_, previous), (version, updated) in pairwise(versions):
            went_back = previous.state is ReleaseState.ROLLING_BACK and updated.has_moved_traffic and updated.champion
            if went_back and updated.state in {ReleaseState.ROLLED_BACK, ReleaseState.ABORTED, ReleaseState.FAILED}:
                traffic_at = updated.traffic_at(-1)
            elif previous.state is ReleaseState.CANARY and updated.state is ReleaseState.PROMOTED:
                traffic_at = updated.traffic_at(len(updated.steps) - 1)
            else:
                continue
            splits = end.world.azureml.splits_of(updated.endpoint, version.at - GRACE, version.at)
            if traffic_at not in [dict(split) for split in splits]:
                at = f"{version.at:%H:%M:%S}"
                yield f"{name} is {updated.state} at {at}, and {updated.endpoint} never served {traffic_at}"


def jobs_run_once_and_for_somebody(end: FinishedRun) -> Iterator[str]:
    """Nothing is scored twice, and no job goes on for a release that was given up."""
    jobs = end.world.azureml.jobs.values()
    counts = Counter(job.request for job in jobs)
    yield from (f"{request} runs {count} times" for request, count in counts.items() if count > 1)
    for name, versions in end.releases.items():
        newest = versions[-1][1]
        ended = next((v.at for v, r in versions if r.state.is_terminal), None)
        own = {evaluation_job(newest.id), *(scoring_job(newest.id, side.deployment) for side in sides(newest))}
        for job in jobs:
            # A cancel that is lost is asked for again, each time later.
            grace = GRACE if job.canceled_at is None else CANCELED_WITHIN
            if ended and job.request in own and job.was_running(ended + grace):
                yield f"{job.name} still runs for {name}, which ended at {ended:%H:%M:%S}"


def only_evidence_passes_gates(end: FinishedRun) -> Iterator[str]:
    """A release passes its gates on scores that are there, are enough, and are good."""
    truth = end.story.truth
    for name, versions in end.releases.items():
        for (_, previous), (version, updated) in pairwise(versions):
            is_through = updated.state in {ReleaseState.AWAITING_APPROVAL, ReleaseState.DEPLOYING}
            if previous.state is not ReleaseState.EVALUATING or not is_through or not updated.plan.gates:
                continue
            job = end.world.azureml.jobs.get(evaluation_job(updated.id))
            is_there = job is not None and are_scores_there(truth, job, version.at)
            # A first version is not compared with any.
            is_judged = updated.champion is not None or any(gate.kind == "metric" for gate in updated.plan.gates)
            is_good = truth.evaluated >= EVALUATED and truth.quality(updated.version) >= 0.5
            if not is_there or (is_judged and not is_good):
                yield f"{name} passed its gates at {version.at:%H:%M:%S} without good evidence"


def only_the_proven_get_more(end: FinishedRun) -> Iterator[str]:
    """An A/B test promotes the better version, and a batch endpoint swaps to one that predicts alike, unless a person
    asked for it."""
    truth = end.story.truth
    for name, versions in end.releases.items():
        newest = versions[-1][1]
        champion, plan = newest.champion, newest.plan
        if champion is None or not (plan.ab or (plan.batch and not newest.undo)):
            continue
        own, others = truth.quality(newest.version), truth.quality(champion.deployment)
        if own > others if plan.ab else abs(own - others) <= 0.1:
            continue
        requested_at = [version.at for version, request in end.requests(name) if request.kind == "promote"]
        free = plan.steps[0] if plan.ab else 0
        for write in end.accepted("traffic"):
            share = write.split.get(newest.challenger.deployment, 0)
            opened, settled = versions[0][0].at, versions[-1][0].at
            is_own = write.endpoint == newest.endpoint and opened <= write.at <= settled
            is_more = share > max(free, write.previous.get(newest.challenger.deployment, 0))
            if is_own and is_more and not any(at <= write.at for at in requested_at):
                yield f"{name} got {share} % at {write.at:%H:%M:%S}, and nothing proved that it should"


def _read(kind: type[T], version: Version) -> T | None:
    try:
        return decode(kind, version.body)
    except PermanentError:
        return None
