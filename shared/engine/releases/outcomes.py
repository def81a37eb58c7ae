"""Joins what both versions of a release predicted with the labels that arrived, and has it compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.outcome import AbPlan, Compared, QualityPlan
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.monitors.rows.labelled_rows import keyed
from shared.errors import PermanentError, RetryableError
from shared.ports.data import DataReader
from shared.release.states.ab_test import due

if TYPE_CHECKING:
    from shared.judge.evidence.streams import Tolerances
    from shared.judge.labels.outcome_rows import Arm

# So much collected data is held in memory at a time.
SLICE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Served:
    """What one version answered in [start, end)."""

    deployment: DeploymentName
    start: datetime
    end: datetime


def with_quality_of(
    data: DataReader,
    release: Release,
    judgement: Judgement,
    tolerances: Tolerances,
    since: datetime,
    lag: timedelta,
    now: datetime,
) -> Judgement:
    """Return the judgement with the quality of what was served since the challenger's first request.

    Args:
        since: the present step's, or the watch's, beginning.
        lag: how much earlier the champion's rows begin, when it serves no more.
    """
    from shared.judge.labels.quality_verdict import with_quality

    plan = release.plan.judge.quality
    compared = _compared(data, release, since, lag, now)
    return judgement if plan is None or compared is None else with_quality(judgement, plan, compared, tolerances)


def _compared(data: DataReader, release: Release, since: datetime, lag: timedelta, now: datetime) -> Compared | None:
    """Return what the newest labels show; what they showed before when there are no newer ones, or they do not answer.

    Rows are read again only when there are new labels: to do so costs as much as there was traffic.
    """
    from shared.judge.labels.quality_verdict import compared
    from shared.metrics.estimates import UnusableEvidenceError

    plan, champion = release.plan.judge.quality, release.champion
    if plan is None or champion is None:
        return None
    quality = release.judgement.quality if release.judgement else None
    labels = ""
    try:
        labels = data.pinned(plan.labels.asset)
        if quality and quality.labels == labels:
            return quality
        begun, end = _begun(release, since), now - plan.labels.within
        challenger, baseline = _arms(
            data,
            release.endpoint,
            plan,
            labels,
            Served(release.challenger.deployment, begun, end),
            Served(champion.deployment, min(begun, since - lag), end),
        )
    except RetryableError:
        return quality or Compared("")
    except PermanentError as exc:
        return Compared(labels, problem=exc.message)
    except UnusableEvidenceError as exc:
        return Compared(labels, problem=str(exc))
    return compared(plan, labels, challenger, baseline)


def outcome_of(data: DataReader, release: Release, now: datetime) -> Judgement | None:
    """Return the A/B test's outcome when one is due; None when none is, or the storage does not answer.

    Only rows count that were served while the split was held, and were old enough for their labels at its end.
    """
    from shared.judge.labels.outcome import confidence_of_one, judge_outcome
    from shared.metrics.estimates import UnusableEvidenceError

    plan, champion, end = release.plan.ab, release.champion, due(release, now)
    if plan is None or champion is None or end is None or release.traffic_since is None:
        return None
    start, until = release.traffic_since, end - plan.labels.within
    try:
        challenger, baseline = _arms(
            data,
            release.endpoint,
            plan,
            data.pinned(plan.labels.asset),
            Served(release.challenger.deployment, start, until),
            Served(champion.deployment, start, until),
        )
    except RetryableError:
        return None
    except PermanentError as exc:
        return Judgement(Verdict.INCONCLUSIVE, f"{plan.metric} cannot be compared: {exc.message}", has_data=False)
    except UnusableEvidenceError as exc:
        return Judgement(Verdict.INCONCLUSIVE, f"{plan.metric} cannot be compared: {exc}", has_data=False)
    return judge_outcome(plan, challenger, baseline, confidence_of_one(plan))


def _arms(
    data: DataReader, endpoint: EndpointName, plan: QualityPlan | AbPlan, labels: str, *served: Served
) -> tuple[Arm, ...]:
    from shared.judge.labels.outcome_metrics import measure_of
    from shared.judge.labels.outcome_rows import labels_by_key
    from shared.metrics.catalogue import OWN

    source, metric = plan.labels, measure_of(plan.metric, plan.better)
    table = keyed(data.table(labels, {source.label}), source.key)
    own = metric.name if metric.needs == OWN else ""
    # A user's own outcome may be a column beside the label, or of the answers.
    labels_of = labels_by_key(table, source.key, own if own in table.columns else source.label)
    return tuple(_arm(data, endpoint, arm, labels_of, source.key, own) for arm in served)


def _arm(
    data: DataReader, endpoint: EndpointName, served: Served, labels_of: dict[str, object], key: str, own: str
) -> Arm:
    from shared.judge.labels.outcome_rows import ArmReader

    reader, start = ArmReader(labels_of, key, own), served.start
    while start < served.end:
        end = min(start + SLICE, served.end)
        reader.read(keyed(data.collected_predictions(endpoint, served.deployment, start, end), key))
        start = end
    return reader.arm()


def _begun(release: Release, since: datetime) -> datetime:
    """Return when the challenger may have got its first request, or copy of one."""
    begun = [move.at for move in release.history if move.entered in {ReleaseState.SHADOWING, ReleaseState.CANARY}]
    return min([*begun, since])
