"""Timers: the sweep of open work, the retraining schedules, and the looks that are due, which they hand out as messages
of queue `looks`. Each first checks that the others still run: a timer cannot report that it does not run itself."""

import logging
from typing import TYPE_CHECKING

import azure.functions as func

from functions.traced import traced
from shared.logs import fields, with_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.bootstrap import App

bp = func.Blueprint()
log = logging.getLogger("vigia.functions")


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_SWEEP_SCHEDULE%")
@traced
def sweep(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    try:
        _in_each_workspace(_sweep)
    finally:
        # Of the app, and not of a workspace: the queues and the dead letters are those of all.
        get_app().arrivals.look()


def _sweep(app: "App") -> None:
    with app.watchdog.on_duty("sweep"):
        try:
            app.sweep.run()
        finally:
            app.looks.ask_for("endpoints")


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_MONITOR_SCHEDULE%")
@traced
def monitors(timer: func.TimerRequest) -> None:
    def ask(app: "App") -> None:
        with app.watchdog.on_duty("monitors"):
            app.monitors.ask_for_due()

    _in_each_workspace(ask)


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_SCHEDULES_SCHEDULE%")
@traced
def schedules(timer: func.TimerRequest) -> None:
    def run(app: "App") -> None:
        with app.watchdog.on_duty("schedules"):
            app.schedules.run()

    _in_each_workspace(run)


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_POLL_SCHEDULE%")
@traced
def registry_poll(timer: func.TimerRequest) -> None:
    def ask(app: "App") -> None:
        # On duty is the look: a timer that asks for what is never done would seem to be well.
        app.watchdog.look("registry_poll")
        app.looks.ask_for("registry_poll")

    _in_each_workspace(ask)


def _in_each_workspace(work: "Callable[[App], None]") -> None:
    """Do a timer's work for each workspace; one in which it fails does not keep the others waiting.

    Raises:
        Exception: the first failure, once every workspace had its turn, so that the host counts the run as failed.
    """
    from shared.bootstrap import get_workspaces

    workspaces = get_workspaces()
    failures: list[Exception] = []
    for name in workspaces.readable_names:
        try:
            app = workspaces.app(name)
            with with_facts(workspace=app.settings.workspace):
                work(app)
        except Exception as exc:
            log.exception("timer.failed", extra=fields(workspace=name))
            failures.append(exc)
    if failures:
        raise failures[0]
