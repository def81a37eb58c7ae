"""The outcome of the demo: read from the stores and the emulators' own logs, then compared with what was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local.demo.world import World
from shared.domain.releases.release import Release, ReleaseState
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
    holds: bool


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


def checks(evidence: Evidence) -> list[Check]:
    """Return every promise of the story, and whether it holds."""
    by_version = {release.version: release for release in evidence.releases}
    first, second, third = (by_version.get(version) for version in ("1", "2", "3"))  # type: ignore[call-overload]
    frozen = [reaction["reason"] for reaction in suppressed(evidence) if "frozen" in reaction["reason"]]
    notices = {(message["channel"], message["kind"]) for message in evidence.messages}
    causes = Counter(cause(job) for job in evidence.jobs if job["status"] == "Completed")
    return [
        Check("version 1 was trained by a job and released", _ended(first, ReleaseState.FINISHED, [100])),
        Check("the monitor was silent in March and spoke later", _calm_then_drift(evidence.monitor_verdicts)),
        Check("drift started exactly one retraining job", causes["drift"] == 1 and causes["request"] == 1),
        Check("version 2 was approved by a person", _was_approved(second)),
        Check("version 2 went 10 %, 50 %, 95 %, 100 %", _ended(second, ReleaseState.FINISHED, [10, 50, 95, 100])),
        Check("version 3 was rolled back from 10 %", _ended(third, ReleaseState.ROLLED_BACK, [10])),
        Check("traffic was read back: version 2 has all of it", _serves_all(evidence.traffic, second)),
        Check("people were notified of the reason", {("teams", "rolled-back"), ("email", "rolled-back")} <= notices),
        Check("a spent budget stopped the next retraining, and said so", bool(frozen)),
        Check("no effect happened twice", duplicate_effects(evidence) == 0),
        Check("nothing is open, nothing in quarantine", not evidence.quarantined and _all_done(evidence.entries)),
    ]


def outcome(evidence: Evidence, results: Iterable[Check], duration_seconds: float, problem: str = "") -> dict[str, Any]:
    """Return the outcome as JSON values."""
    listed = list(results)
    return {
        "ok": not problem and all(check.holds for check in listed),
        "duration_s": round(duration_seconds, 1),
        "facts": len(evidence.entries),
        "deliveries": len(evidence.deliveries),
        "duplicate_deliveries": sum(1 for delivery in evidence.deliveries if delivery["was_duplicate"]),
        "duplicate_effects": duplicate_effects(evidence),
        "repeated": {kind: count for kind, count in repeats(evidence).items() if count},
        "jobs": [{"name": job["name"], "cause": cause(job), "status": job["status"]} for job in evidence.jobs],
        "releases": [
            {
                "model": release.model,
                "version": release.version,
                "state": release.state.value,
                "traffic_steps": list(release.traffic_steps),
                "reason": release.reason,
            }
            for release in evidence.releases
        ],
        "notifications": [
            {"channel": message["channel"], "kind": message["kind"], "to": ", ".join(message["to"])}
            for message in evidence.messages
        ],
        "suppressed": suppressed(evidence),
        "checks": [{"promise": check.promise, "kept": check.holds} for check in listed],
        "problem": problem,
    }


def cause(job: dict[str, Any]) -> str:
    return str(job["tags"].get("vigia.cause") or ("evaluation" if "vigia.release" in job["tags"] else "unknown"))


def suppressed(evidence: Evidence) -> list[dict[str, str]]:
    held_back = (o for entry in evidence.entries for o in entry.outcomes if o.status == "suppressed")
    return [{"reaction": decision.reaction, "reason": decision.detail} for decision in held_back]


def duplicate_effects(evidence: Evidence) -> int:
    """Return how often an effect happened again: jobs, model versions, traffic changes, messages to a person."""
    return sum(repeats(evidence).values())


def repeats(evidence: Evidence) -> dict[str, int]:
    """Return how often an effect of each kind happened again."""
    tags = [job["tags"] for job in evidence.jobs]
    return {
        "trainings": _again(tag["vigia.fact"] for tag in tags if "vigia.fact" in tag),
        "evaluations": _again(tag["vigia.release"] for tag in tags if "vigia.release" in tag),
        "models": _again(evidence.models_by_job.elements()),
        "traffic": sum(
            1 for previous, updated in _neighbours(evidence.traffic_writes) if previous["traffic"] == updated["traffic"]
        ),
        "messages": _again((m["channel"], m["key"], tuple(m["to"])) for m in evidence.messages if m["key"]),
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
