"""Checks of the data assets that a policy names: that they exist, with the columns and the rows that are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cli.doctor.finding import Finding, fail, ok, read, warn
from shared.domain.assets import split_reference
from shared.errors import VigiaError
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.reactions.retrain_section import Retrain
from shared.release.gates.slices import Slices
from shared.release.sections.gates_and_approval import Evaluate, Gates

if TYPE_CHECKING:
    from shared.bootstrap import App

# Fewer make each gate inconclusive: docs/reference/policy.md.
LEAST_ROWS = 50


def data(app: App, policy: Policy) -> Iterator[Finding]:
    """Yield what is found of the rows to train on, to evaluate on, and of the labels."""
    needs = dict(_needs(policy))
    for reference, (purpose, columns, least) in needs.items():
        yield from _asset(app, reference, f"{purpose} {reference}", columns, least)


def _needs(policy: Policy) -> Iterator[tuple[str, tuple[str, tuple[str, ...], int]]]:
    """Yield each asset with what it is for, the columns that it must have, and how many rows."""
    retrain, evaluate, monitor = policy.section(Retrain), policy.section(Evaluate), policy.section(Monitor)
    for reference in (retrain.inputs if retrain else {}).values():
        if reference.startswith("azureml:") and "//" not in reference:
            yield reference, ("training data", (), 1)
    performance = monitor.performance if monitor else None
    labels = (performance.key, performance.label) if performance else ()
    if evaluate:
        own = labels if performance and performance.labels in (None, evaluate.data) else ()
        yield evaluate.data, ("evaluation data", (*_slices(policy), *own), LEAST_ROWS)
    if performance and performance.labels and (evaluate is None or performance.labels != evaluate.data):
        yield performance.labels, ("labels", labels, 1)
    if monitor and monitor.labelled:
        yield monitor.labelled.data, ("labelled rows", (monitor.labelled.label, "prediction"), 1)


def _slices(policy: Policy) -> Iterator[str]:
    gates = policy.section(Gates)
    for gate in gates.root if gates else ():
        section = getattr(gate, "slices", None)
        if isinstance(section, Slices):
            yield from section.by


def _asset(app: App, reference: str, subject: str, columns: tuple[str, ...], least: int) -> Iterator[Finding]:
    name, version = split_reference(reference)
    selector = {"label": "latest"} if version is None else {"version": version}
    missing = fail(subject, "is not registered", "register it: python register.py, or az ml data create")
    asset, problem = read(subject, lambda: app.workspace.ml.data.get(name, **selector), missing)
    if problem or asset is None:
        yield problem or missing
        return
    try:
        names, rows = _look_into(app, f"azureml:{name}:{asset.version}", least)
    except VigiaError as exc:
        yield fail(
            subject, f"cannot be read: {exc.message}", exc.hint or "it must be parquet or CSV that the app may read"
        )
        return
    absent = [column for column in columns if column not in names]
    if absent:
        has = ", ".join(sorted(names))
        yield fail(
            subject, f"has no column {', '.join(absent)}", f"add it, or name in the policy one that it has: {has}"
        )
    elif rows < least:
        yield warn(subject, f"has {rows} rows; with fewer than {least} every gate is inconclusive", "add rows")
    else:
        yield ok(subject, f"version {asset.version}: {len(names)} columns, at least {rows} rows")


def _look_into(app: App, reference: str, least: int) -> tuple[set[str], int]:
    """Return the columns, and how many rows the first pieces have: enough of them to say that they are enough."""
    names: set[str] = set()
    rows = 0
    for piece in app.data.batches(reference):
        names |= {str(name) for name in _columns(piece)}
        rows += len(piece)
        if rows >= least:
            break
    return names, rows


def _columns(piece: Any) -> Any:
    return piece.schema.names if hasattr(piece, "schema") else piece.columns
