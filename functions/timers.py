"""Timers: the sweep of open work, the drift monitors, the retraining schedules, the poll of the workspace and of what
Azure ML's own monitors left there. Each first checks that the others still run: a timer cannot report that it does
not run itself."""

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
                app.keeper.run()
            finally:
                app.arrivals.look()


@bp.timer_trigger(arg_name="timer", schedule="%VIGIA_MONITOR_SCHEDULE%")
def monitors(timer: func.TimerRequest) -> None:
    from shared.bootstrap import get_app

    app = get_app()
    with app.watchdog.on_duty("monitors"):
        app.monitors.run_due()


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
    with app.watchdog.on_duty("registry_poll"):
        try:
            app.registry_poll.run()
        finally:
            app.azure_monitors.run()
