"""Timers: the sweep of open work, the retraining schedules, and the looks that are due, which they hand out as messages
of queue `looks`. Each first checks that the others still run: a timer cannot report that it does not run itself."""

import azure.functions as func

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_SWEEP_SCHEDULE%")
def sweep(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    app = get_app()
    with app.watchdog.on_duty("sweep"):
        try:
            app.sweep.run()
        finally:
            try:
                app.looks.ask_for("endpoints")
            finally:
                app.arrivals.look()


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_MONITOR_SCHEDULE%")
def monitors(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    app = get_app()
    with app.watchdog.on_duty("monitors"):
        app.monitors.ask_for_due()


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_SCHEDULES_SCHEDULE%")
def schedules(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    app = get_app()
    with app.watchdog.on_duty("schedules"):
        app.schedules.run()


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_POLL_SCHEDULE%")
def registry_poll(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    app = get_app()
    # On duty is the look: a timer that asks for what is never done would seem to be well.
    app.watchdog.look("registry_poll")
    app.looks.ask_for("registry_poll")
