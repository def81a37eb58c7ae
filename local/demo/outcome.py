"""What came of the demo: read from the stores and the emulators' own logs, then held against what was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.demo.world import World
from shared.domain.release import Release, ReleaseState
from shared.store.facts.ledger import Entry


@dataclass(frozen=True)
class Evidence:
    """Everything there is to know afterwards, read once."""

    entries: tuple[Entry, ...]
    releases: tuple[Release, ...]
    jobs: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    deliveries: tuple[dict[str, Any], ...]
    traffic_writes: tuple[dict[str, Any], ...]
    models_by_job: Counter[str]
    traffic: dict[str, int]
    monitor_verdicts: tuple[str, ...]
    quarantined: int


@dataclass(frozen=True)
class Check:
    """One promise, and whether it was kept."""

    promise: str
    is_kept: bool


def gather(world: World) -> Evidence:
    return Evidence(
        entries=tuple(world.entries()),
        releases=tuple(world.releases()),
        jobs=tuple(world.jobs()),
        messages=tuple(world.ask("inbox", "messages")),
        deliveries=tuple(world.ask("eventgrid", "deliveries")),
        traffic_writes=tuple(world.ask("azureml", "traffic-writes")),
        models_by_job=world.models_by_job(),
        traffic=world.traffic(),
        monitor_verdicts=world.monitor_verdicts(),
        quarantined=sum(1 for _ in world.app.quarantine.items()),
    )


def checks(found: Evidence) -> list[Check]:
    """Return every promise of the story, kept or not."""
    by_version = {release.version: release for release in found.releases}
    first, second, third = (by_version.get(version) for version in ("1", "2", "3"))  # type: ignore[call-overload]
    frozen = [each["reason"] for each in suppressed(found) if "frozen" in each["reason"]]
    told = {(message["channel"], message["kind"]) for message in found.messages}
    causes = Counter(cause(job) for job in found.jobs if job["status"] == "Completed")
    return [
        Check("version 1 was trained by a job and released", _ended(first, ReleaseState.FINISHED, [100])),
        Check("the monitor was silent in March and spoke later", _calm_then_drift(found.monitor_verdicts)),
        Check("drift started exactly one retraining job", causes["drift"] == 1 and causes["request"] == 1),
        Check("version 2 was approved by a person", _was_approved(second)),
        Check("version 2 went 10 %, 50 %, 95 %, 100 %", _ended(second, ReleaseState.FINISHED, [10, 50, 95, 100])),
        Check("version 3 was rolled back from 10 %", _ended(third, ReleaseState.ROLLED_BACK, [10])),
        Check("traffic was read back: version 2 has all of it", _serves_all(found.traffic, second)),
        Check("people were told why", {("teams", "rolled-back"), ("email", "rolled-back")} <= told),
        Check("a spent budget stopped the next retraining, and said so", bool(frozen)),
        Check("no effect happened twice", duplicate_effects(found) == 0),
        Check("nothing is open, nothing in quarantine", not found.quarantined and _all_done(found.entries)),
    ]


def outcome(found: Evidence, kept: Iterable[Check], duration_seconds: float, problem: str = "") -> dict[str, Any]:
    """Return the outcome as JSON values."""
    listed = list(kept)
    return {
        "ok": not problem and all(check.is_kept for check in listed),
        "duration_s": round(duration_seconds, 1),
        "facts": len(found.entries),
        "deliveries": len(found.deliveries),
        "duplicate_deliveries": sum(1 for each in found.deliveries if each["was_duplicate"]),
        "duplicate_effects": duplicate_effects(found),
        "repeated": {kind: count for kind, count in repeats(found).items() if count},
        "jobs": [{"name": job["name"], "cause": cause(job), "status": job["status"]} for job in found.jobs],
        "releases": [
            {
                "model": release.model,
                "version": release.version,
                "state": release.state.value,
                "traffic_steps": list(release.traffic_steps),
                "reason": release.reason,
            }
            for release in found.releases
        ],
        "notifications": [
            {"channel": message["channel"], "kind": message["kind"], "to": ", ".join(message["to"])}
            for message in found.messages
        ],
        "suppressed": suppressed(found),
        "checks": [{"promise": check.promise, "kept": check.is_kept} for check in listed],
        "problem": problem,
    }


def cause(job: dict[str, Any]) -> str:
    return str(job["tags"].get("vigia.cause") or ("evaluation" if "vigia.release" in job["tags"] else "unknown"))


def suppressed(found: Evidence) -> list[dict[str, str]]:
    held_back = (o for entry in found.entries for o in entry.outcomes if o.status == "suppressed")
    return [{"reaction": each.reaction, "reason": each.detail} for each in held_back]


def duplicate_effects(found: Evidence) -> int:
    """Return how often an effect happened again: jobs, model versions, traffic changes, messages to a person."""
    return sum(repeats(found).values())


def repeats(found: Evidence) -> dict[str, int]:
    """Return how often an effect of each kind happened again."""
    tags = [job["tags"] for job in found.jobs]
    return {
        "trainings": _again(each["vigia.fact"] for each in tags if "vigia.fact" in each),
        "evaluations": _again(each["vigia.release"] for each in tags if "vigia.release" in each),
        "models": _again(found.models_by_job.elements()),
        "traffic": sum(
            1 for before, after in _neighbours(found.traffic_writes) if before["traffic"] == after["traffic"]
        ),
        "messages": _again((m["channel"], m["key"], tuple(m["to"])) for m in found.messages if m["key"]),
    }


def _again(things: Iterable[object]) -> int:
    return sum(count - 1 for count in Counter(things).values())


def _neighbours(writes: tuple[dict[str, Any], ...]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    by_endpoint: dict[str, dict[str, Any]] = {}
    for write in writes:
        if write["endpoint"] in by_endpoint:
            yield by_endpoint[write["endpoint"]], write
        by_endpoint[write["endpoint"]] = write


def _ended(release: Release | None, state: ReleaseState, steps: list[int]) -> bool:
    return release is not None and release.state is state and list(release.traffic_steps) == steps


def _was_approved(release: Release | None) -> bool:
    return release is not None and any(
        move.left is ReleaseState.AWAITING_APPROVAL and move.entered is ReleaseState.DEPLOYING
        for move in release.history
    )


def _calm_then_drift(verdicts: tuple[str, ...]) -> bool:
    decided = [verdict for verdict in verdicts if verdict in {"no-drift", "drift"}]
    return bool(decided) and decided[0] == "no-drift" and "drift" in decided


def _serves_all(traffic: dict[str, int], release: Release | None) -> bool:
    return release is not None and traffic == {release.challenger.deployment: 100}


def _all_done(entries: tuple[Entry, ...]) -> bool:
    return all(entry.state == "done" for entry in entries)
