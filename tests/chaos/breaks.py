"""Deliberately broken workers: the harness must catch each of them, or what it finds of the others means nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from shared.bootstrap import App
from shared.domain.ids import JobName, ReleaseId
from shared.domain.releases.release import Release
from shared.engine.facts.process import Processor
from shared.engine.notices.bursts import Bursts
from shared.ports.clock import Deadline
from shared.ports.jobs import JobRecord, JobRequest
from shared.store.facts.ledger import Claimed
from shared.store.releases.releases import ReleaseStore, StoredRelease


class _Except:
    """A port with some of its methods replaced."""

    def __init__(self, target: Any, **replaced: Callable[..., Any]) -> None:
        self._target = target
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._target, name)


def _done_before_the_effect(app: App) -> None:
    """Write `done` first and act afterwards: a worker that crashes in between loses the effect."""
    finish_and_act = Processor._carry_out

    def carry_out(self: Processor, claim: Claimed) -> None:
        finished = self.ledger.finish(claim, (), ())
        if finished is not None:
            finish_and_act(self, Claimed(finished.entry, finished.etag, claim.at))

    Processor._carry_out = carry_out  # type: ignore[method-assign]


def _random_names(app: App) -> None:
    """Name jobs by chance: whoever repeats one submits another."""
    real = app.workspace._target  # type: ignore[attr-defined]

    def submit_job(request: JobRequest, *rest: Any) -> JobRecord:
        return real.submit_job(replace(request, name=JobName(f"job-{uuid.uuid4().hex}")), *rest)  # type: ignore[no-any-return]

    app.workspace._target = _Except(real, submit_job=submit_job)  # type: ignore[attr-defined]


def _unconditional_done(app: App) -> None:
    """Write the ledger without If-Match: a zombie overwrites what others did meanwhile."""
    real = app.blobs._target  # type: ignore[attr-defined]

    def write(name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Any:
        return (
            real.put(name, body, metadata) if name.startswith("ledger/") else real.replace(name, body, etag, metadata)
        )

    app.blobs._target = _Except(real, replace=write)  # type: ignore[attr-defined]


def _no_sweep(app: App) -> None:
    """Never sweep: what a dead worker left open stays open once its message is gone.

    Claims hold for long, so that the message finds the fact busy however late the next worker comes.
    """
    app.ledger._lease = timedelta(minutes=10)
    app.sweep = SimpleNamespace(run=lambda: None)  # type: ignore[assignment]


def _evaluation_in_memory(app: App) -> None:
    """Know only in memory which evaluation was submitted: whoever comes after a kill submits another."""
    real, submitted = app.workspace._target, dict[JobName, JobName]()  # type: ignore[attr-defined]

    def submit_job(request: JobRequest, deadline: Deadline | None = None) -> JobRecord:
        if "vigia.release" in request.tags:
            submitted[request.name] = JobName(f"{request.name}-{uuid.uuid4().hex[:8]}")
        named = replace(request, name=submitted.get(request.name, request.name))
        return real.submit_job(named, deadline)  # type: ignore[no-any-return]

    def job(name: JobName) -> JobRecord | None:
        return real.job(submitted.get(name, name))  # type: ignore[no-any-return]

    app.workspace._target = _Except(real, submit_job=submit_job, job=job)  # type: ignore[attr-defined]


def _steps_by_hearsay(app: App) -> None:
    """Take a step that somebody else began for done: whoever comes after a kill leaves it out."""
    load, save, own = ReleaseStore.load, ReleaseStore.save, set[tuple[str, int]]()

    def loaded(self: ReleaseStore, release: ReleaseId) -> StoredRelease | None:
        stored = load(self, release)
        if stored is None or stored.release.phase != "shifting" or (release, stored.release.step_index) in own:
            return stored
        current = stored.release
        beyond = min(current.step_index + 1, len(current.steps) - 1)
        own.add((release, beyond))
        plan = replace(current.plan, on_hand_edit="repair")  # else it stops at traffic that it does not expect
        return StoredRelease(replace(current, step_index=beyond, plan=plan), stored.etag)

    def saved(self: ReleaseStore, stored: StoredRelease, release: Release) -> StoredRelease | None:
        own.add((release.id, release.step_index))
        return save(self, stored, release)

    ReleaseStore.load, ReleaseStore.save = loaded, saved  # type: ignore[method-assign]


def _unmarked_digest(app: App) -> None:
    """Leave what a digest lists waiting: the next one lists it again."""
    Bursts._mark = lambda *_: None  # type: ignore[method-assign]


BREAKS: Mapping[str, Callable[[App], None]] = {
    "done-before-effect": _done_before_the_effect,
    "random-names": _random_names,
    "unconditional-done": _unconditional_done,
    "no-sweep": _no_sweep,
    "evaluation-in-memory": _evaluation_in_memory,
    "steps-by-hearsay": _steps_by_hearsay,
    "unmarked-digest": _unmarked_digest,
}


def apply(name: str, app: App) -> None:
    """Break the wired app in the way of that name; the empty name leaves it whole."""
    if name:
        BREAKS[name](app)
