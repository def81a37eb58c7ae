"""One look at data, now: of files on this machine, or of what an endpoint collected."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli.kit import context
from cli.kit.errors import CommandError
from cli.monitor.files import ParquetPieces, read_files
from cli.monitor.request import LookRequest

if TYPE_CHECKING:
    import pandas as pd

    from shared.bootstrap import App
    from shared.drift.results.comparison import DriftRules
    from shared.drift.results.signals import MonitorReport, SignalReport
    from shared.engine.monitors.subject import Reference
    from shared.policy.sections.model import Policy
    from shared.policy.sections.monitoring import Monitor

FILES = "files"
AZUREML = "azureml:"


def look_at_files(request: LookRequest, now: datetime) -> MonitorReport:
    """Return how files differ from files; needs no policy, no workspace and no network.

    Raises:
        CommandError: an option is missing, or does not go with files.
    """
    from shared.drift.profiles.profile import profile
    from shared.drift.results.assemble import ReportHeader, assemble, rules_in_words
    from shared.drift.results.comparison import DriftRules
    from shared.engine.monitors.window_signals import measure_data_drift

    if not request.reference or not request.current:
        hint = "give both, e.g. --reference january.parquet --current july.parquet, or the name of a model"
        raise CommandError("cli.nothing", "without a model, --reference and --current say what is compared", hint)
    if request.window or request.start or request.end:
        raise CommandError(
            "cli.window", "files have no window", "leave --window, --start and --end out, or give a model"
        )
    reference, rows = read_files([Path(path) for path in request.reference]), read_files(request.current)
    left_out = {*request.ignore, *([request.label] if request.label else [])}
    rules = _with_options(DriftRules(ignore=frozenset(left_out)), request)
    made = profile(reference, rules.ignore)
    signals = [measure_data_drift(rows, made, rules, request.importances), *_quality(reference, rows, rules, now)]
    signals += _on_labels(reference, rows, request) if request.label else []
    header = ReportHeader(
        model=FILES,
        start=now,
        end=now,
        reference=_named(request.reference),
        made_at=now,
        reference_rows=made.rows,
        rules=(f"The window: {_named([str(path) for path in request.current])}.", *rules_in_words(rules)),
    )
    return assemble(header, signals)


# Files that are given were not answered by the endpoint, so that signals on labels and answers do not apply.
_OF_ANSWERS = (
    "performance",
    "fairness",
    "concept_drift",
    "prediction_drift",
    "estimated_performance",
    "attribution_drift",
)


def look_at_model(app: App, model: str, request: LookRequest) -> MonitorReport:
    """Return what a model's monitor sees now; it announces nothing and stores nothing.

    Raises:
        CommandError: there is nothing to look at, or an option is invalid.
        RetryableError: a service did not answer.
    """
    from shared.domain.ids import DeploymentName, ModelVersion
    from shared.engine.monitors.look import MonitorLook
    from shared.engine.monitors.subject import Subject
    from shared.policy.sections.monitoring import Monitor
    from shared.store.monitors.monitors import MonitorState

    policy = context.require_policy(app, model)
    monitor = _monitor(policy, policy.section(Monitor), request)
    looking = MonitorLook(app.workspace, app.data, app.profiles)
    deployment = looking.deployment(policy)
    if deployment is None and not (request.current and request.reference):
        raise CommandError(
            "cli.not_served",
            f"no version of {policy.model} serves on endpoint {policy.endpoint.name}",
            "give --reference and --current to compare files",
        )
    start, end = _window(request, monitor.every, app.clock.now())
    stored, _ = app.monitor_states.read(policy.model)
    version = deployment.version if deployment else None
    subject = Subject(
        policy,
        monitor,
        deployment.name if deployment else DeploymentName(""),
        MonitorState(policy.model, version or ModelVersion(""), start, start, stored.runs if stored else ()),
        end,
        app.monitor_reports.last(policy.model),
        reference=_reference(app, request.reference, monitor) if request.reference else None,
        rows=_rows(request.current) if request.current else None,
    )
    return dataclasses.replace(looking.look(subject).report, made_at=app.clock.now())


def _monitor(policy: Policy, monitor: Monitor | None, request: LookRequest) -> Monitor:
    """Return the policy's monitor with the command's options in place of its own values.

    Raises:
        CommandError: there is nothing to look at.
    """
    from shared.policy.sections.monitoring import Monitor
    from shared.policy.sections.signals import DataDrift

    if monitor is None:
        if not request.reference:
            hint = "add one, or give --reference"
            raise CommandError("cli.no_monitor", f"the policy of {policy.model} has no section monitor", hint)
        monitor = Monitor(data_drift=DataDrift())
    rules = monitor.data_drift or (DataDrift() if request.reference or request.current else None)
    if rules is None and not monitor.signals:
        hint = "add monitor.data_drift, or another signal"
        raise CommandError("cli.no_signal", f"the monitor of {policy.model} watches nothing", hint)
    if rules is not None:
        changes: dict[str, object] = {"ignore": (*rules.ignore, *request.ignore)}
        changes |= {"min_effect": request.min_effect} if request.min_effect else {}
        changes |= {"minimum_rows": request.minimum_rows} if request.minimum_rows else {}
        rules = rules.model_copy(update=changes)
    importance = request.importances or monitor.importance
    omitted = [*(_OF_ANSWERS if request.current else ()), *(("data_quality",) if request.reference else ())]
    return monitor.model_copy(update={"data_drift": rules, "importance": importance, **dict.fromkeys(omitted)})


def _window(request: LookRequest, every: timedelta, now: datetime) -> tuple[datetime, datetime]:
    """Return the window, by default the newest one of the policy's length.

    Raises:
        CommandError: it ends before it starts.
    """
    end = request.end or now
    start = request.start or end - (request.window or every)
    if start >= end:
        raise CommandError("cli.window", f"the window ends at {end}, before it starts", "give --start before --end")
    return start, end


def _rows(files: Sequence[Path]) -> pd.DataFrame:
    """Return the files as one frame: signals beside data drift need all rows at once.

    Raises:
        CommandError: a file cannot be read, or they are too large.
    """
    rows = read_files(files)
    if isinstance(rows, ParquetPieces):
        raise CommandError(
            "cli.file", "--current is too large beside a model", "leave MODEL out to compare large files"
        )
    return rows


def _reference(app: App, names: Sequence[str], monitor: Monitor) -> Reference:
    from shared.drift.profiles.profile import profile
    from shared.engine.monitors.subject import Reference

    ignore = frozenset(monitor.data_drift.ignore) if monitor.data_drift else frozenset()
    if not any(name.startswith(AZUREML) for name in names):
        return Reference(_named(names), profile(read_files([Path(name) for name in names]), ignore))
    if len(names) > 1:
        raise CommandError("cli.reference.commands", "one data asset is one reference", "give --reference once")
    asset = app.data.pinned(names[0])
    return Reference(asset, profile(app.data.table(asset), ignore))


def _with_options(rules: DriftRules, request: LookRequest) -> DriftRules:
    return dataclasses.replace(
        rules,
        min_effect=request.min_effect or rules.min_effect,
        minimum_rows=request.minimum_rows or rules.minimum_rows,
    )


def _quality(reference: object, rows: object, rules: DriftRules, now: datetime) -> list[SignalReport]:
    """Return what is wrong with the rows as data; files that are read in pieces are not looked through for that."""
    if isinstance(reference, ParquetPieces) or isinstance(rows, ParquetPieces):
        return []
    from shared.drift.signals.quality import QualityRules, check_quality
    from shared.drift.signals.quality_profile import profile_quality

    return [check_quality(profile_quality(reference, rules.ignore), rows, now, QualityRules(ignore=rules.ignore))]  # type: ignore[arg-type]


def _on_labels(reference: object, rows: object, request: LookRequest) -> list[SignalReport]:
    """Return what scored rows with labels say of scored rows: the metric to expect, and with labels concept drift.

    Raises:
        CommandError: the metric cannot be estimated, or the files are too large.
    """
    import pandas as pd

    from shared.drift.signals.concept import ConceptRules
    from shared.drift.signals.estimated import estimate_performance, estimate_reference_of
    from shared.drift.signals.questions import concept_questions, judge_questions
    from shared.engine.monitors.references import PREDICTION, answers_of, estimate_rules
    from shared.engine.monitors.rows.labelled_rows import require_columns
    from shared.engine.monitors.subject import attempt
    from shared.policy.sections.monitoring import Monitor
    from shared.policy.sections.signals import EstimatedPerformance

    if not isinstance(reference, pd.DataFrame) or not isinstance(rows, pd.DataFrame):
        raise CommandError(
            "cli.file", "the files are too large for --label", "leave it out, or take a part of the rows"
        )
    try:
        section = EstimatedPerformance.model_validate({"metric": request.metric})
    except ValueError as exc:
        raise CommandError(
            "cli.metric", f"{request.metric!r} cannot be estimated", "write e.g. roc_auc or mae"
        ) from exc
    kind, label, ignore = Monitor(estimated_performance=section).answers(None), request.label, set(request.ignore)
    labelled, current = reference, rows

    def estimated() -> SignalReport:
        require_columns(labelled, {PREDICTION, label}, "the reference has")
        require_columns(current, {PREDICTION}, "the current rows have")
        rules = estimate_rules(section, kind)
        made = estimate_reference_of(labelled.dropna(subset=[label]), label, rules, ignore)
        return estimate_performance(made, answers_of(made, current), rules)

    def concept() -> SignalReport:
        questions = concept_questions(kind, labelled.dropna(subset=[label]), label, (), {label, PREDICTION, *ignore})
        return judge_questions(questions, current.dropna(subset=[label]), label, ConceptRules())

    signals = [attempt("estimated-performance", estimated)]
    return [*signals, attempt("concept-drift", concept)] if label in current.columns else signals


def _named(paths: Sequence[str]) -> str:
    """Return the files by name: a report does not show a machine's folders."""
    names = [path if path.startswith(AZUREML) else Path(path).name for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
