"""Checks of who may do what: of whoever asks, here; on Azure the app asks as its own identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.doctor.finding import Finding, fail, ok, read

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy


def rights(app: App, policy: Policy) -> Iterator[Finding]:
    """Yield whether the places can be read that the app reads. Nothing is written or started to find out."""
    now, minute = app.clock.now(), timedelta(minutes=1)
    probes: dict[str, tuple[Callable[[], object], str]] = {
        "Azure ML": (app.workspace.listing, "AzureML Data Scientist on the workspace"),
        "the app's storage": (
            lambda: app.models.read(policy.model),
            "Storage Blob Data Contributor on the app's storage",
        ),
        "the workspace's storage": (
            lambda: app.workspace_files.get("vigia-doctor"),
            "Storage Blob Data Reader on the workspace's storage",
        ),
        "the traffic log": (
            lambda: app.telemetry.intervals(policy.endpoint.name, now - minute, now, minute),
            "Log Analytics Reader on the logs' workspace",
        ),
    }
    for name, (probe, role) in probes.items():
        subject = f"right to read {name}"
        _, problem = read(subject, probe, fail(subject, "it is not there", f"look at the settings; the role is {role}"))
        yield (
            Finding(problem.status, subject, problem.detail, f"is it up? If it refuses: {role}")
            if problem
            else ok(subject, "granted")
        )
