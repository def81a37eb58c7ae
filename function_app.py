"""The app as Azure Functions sees it: its triggers, family by family. No logic lives here."""

import os

import azure.functions as func

from functions import alerts, approvals, events, look, monitors, notices, process, reconcile, timers, webhook
from shared.adapters.otel.outlet import send_telemetry
from shared.logs import set_up_logging
from shared.settings import Settings

set_up_logging()
# Inside a Functions host an incomplete configuration must stop the start, naming everything that is missing;
# elsewhere (indexing, tests, tools) the app can be imported without one.
if "FUNCTIONS_WORKER_RUNTIME" in os.environ:
    Settings.read(os.environ)
    send_telemetry(os.environ)

# What is called from outside, and is light, and the work behind it may run in two apps: VIGIA_RUNS says which this is.
FRONT = (events, webhook, alerts, approvals, monitors)
WORK = (process, reconcile, notices, timers, look)
RUNS = {"all": (*FRONT, *WORK), "front": FRONT, "work": WORK}

app = func.FunctionApp()
for family in RUNS[os.environ.get("VIGIA_RUNS") or "all"]:
    app.register_functions(family.bp)
