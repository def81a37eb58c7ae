"""What is stored, by whom, and what deletes it: every folder, container, queue and table that Vigia writes.

`infra/base/storage.bicep` has a rule for each row with `days`, and no other; rules act by folder and by the time of the
last change, about once a day. What is open must outlast them: a marker, a release and a question are under no rule, and
a parked fact or a failed notice is written again before its time (`shared/store/open_index.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

APP, DECISIONS, DEAD_LETTERS, QUEUES, WORKSPACE, LOGS = (
    "vigia",
    "vigia-decisions",
    "dead-letters",
    "queue",
    "workspaceblobstore",
    "Log Analytics",
)
PROOF = "nothing: it says why production is what it is"


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """One row.

    Args:
        container: where the place is; each further workspace has the first two again, under names of its own.
        place: a folder, ending in "/", a blob, a queue or tables.
        content: what there is one of per blob, or message.
        writer: the part of the app, or who else.
        goes: what deletes it, and when; or why nothing does.
        days: the key under `retention` of the environment file that says how long a rule keeps it; "" for no rule.
    """

    container: str
    place: str
    content: str
    writer: str
    goes: str = "the rule"
    days: str = ""


def _one_per(subject: str) -> str:
    return f"nothing: one per {subject}, written over"


STORED = (
    StoredPlace(APP, "ledger/", "fact: plan, policy digests, outcomes, notices", "processor", days="ledgerDays"),
    StoredPlace(APP, "passing/", "fact that concerns no policy", "processor", days="passingDays"),
    StoredPlace(APP, "open/", "fact, release or notice that is open (empty)", "all", "the app, when it is closed"),
    StoredPlace(APP, "releases/", "release", "controller", PROOF),
    StoredPlace(APP, "release-requests/", "release: what a person asked of it", "command, pages", PROOF),
    StoredPlace(APP, "release-holds/", "release: who holds it, or took that back", "command", PROOF),
    StoredPlace(APP, "cards/", "release: its version's card", "controller", PROOF),
    StoredPlace(
        APP, "endpoints/", "endpoint: owner, split that is wanted, last known good", "controller, keeper", PROOF
    ),
    StoredPlace(APP, "endpoint-checks/", "the endpoint that was checked last", "keeper", _one_per("app")),
    StoredPlace(APP, "batch-runs/", "scoring job of a batch release", "controller", PROOF),
    StoredPlace(APP, "models/", "model: trainings, freeze, data that waits", "processor", _one_per("model")),
    StoredPlace(APP, "monitors/", "model: windows and verdicts", "monitors", _one_per("model")),
    StoredPlace(APP, "profiles/", "model version: its training data's profile", "monitors", PROOF),
    StoredPlace(
        APP, "monitor-reports/", "look of a monitor: its report, as JSON and HTML", "monitors", days="reportDays"
    ),
    StoredPlace(APP, "monitor-rows/", "look of a monitor: its numbers, as parquet", "monitors", days="ledgerDays"),
    StoredPlace(APP, "monitor-looks/", "monitor: when it began and ended last (empty)", "monitors", _one_per("model")),
    StoredPlace(APP, "look-claims/", "subject of looks: who looks, and whether it ended", "looks", _one_per("subject")),
    StoredPlace(APP, "timers/", "timer: when it began and ended last (empty)", "timers", _one_per("timer")),
    StoredPlace(APP, "outbox/", "notice: what was sent to whom", "outbox", days="ledgerDays"),
    StoredPlace(
        APP, "storms/", "kind of notice and model: what waits for a digest", "outbox", _one_per("kind and model")
    ),
    StoredPlace(APP, "lasting/", "trouble that may pass by itself: since when it lasts", "outbox", _one_per("kind")),
    StoredPlace(APP, "polls/", "how far the registry poll has looked", "registry poll", _one_per("app")),
    StoredPlace(APP, "schedules/", "how far the schedules have looked", "schedules", _one_per("app")),
    StoredPlace(APP, "workspace.json", "whose records these are", "app", _one_per("app")),
    StoredPlace(APP, "quarantine/", "event that was set aside", "processor", "the app, when a person has resolved it"),
    StoredPlace(APP, "quarantine-resolved/", "event that was set aside and resolved", "command", days="ledgerDays"),
    StoredPlace(APP, "settled/", "what was put back or dismissed: who, when, why", "command", days="ledgerDays"),
    StoredPlace(APP, "ignored/", "event of a type that nobody reads", "processor", days="passingDays"),
    StoredPlace(APP, "events/", "event too large for a message, since it was last sent", "intake", days="ledgerDays"),
    StoredPlace(APP, "posted-results/", "result of another tool that was posted (empty)", "alerts", days="ledgerDays"),
    StoredPlace(
        APP, "troubles/", "message that failed for the last time: the error", "queue functions", days="ledgerDays"
    ),
    StoredPlace(APP, "arrivals.json", "what people were told of", "sweep", _one_per("app")),
    StoredPlace(DECISIONS, "approvals/", "question, answer, decision", "controller, pages", PROOF),
    StoredPlace(DECISIONS, "open/", "question without a decision (empty)", "controller", "the app, when it is decided"),
    StoredPlace(DECISIONS, "secrets/", "the secret of the pages' forms", "pages", _one_per("app")),
    StoredPlace(
        DEAD_LETTERS, "", "delivery that was given up", "Event Grid", "a replay, or the rule", "deadLetterDays"
    ),
    StoredPlace(QUEUES, "events", "event", "Event Grid, intake", "whoever has worked on it to the end"),
    StoredPlace(QUEUES, "releases", "release to look at", "controller, sweep", "whoever has looked at it"),
    StoredPlace(QUEUES, "notices", "notice to send", "outbox", "whoever has sent it"),
    StoredPlace(QUEUES, "looks", "subject to look at", "timers", "whoever has looked at it"),
    StoredPlace(
        QUEUES,
        "*-poison",
        "message that failed five times",
        "Functions host",
        "a replay: the sweep has it stay",
    ),
    StoredPlace(
        WORKSPACE, "labelling/", "what people should label, their answers, versions of labels", "processor", "people"
    ),
    StoredPlace(WORKSPACE, "vigia/windows/", "window that Spark counted, and its profile", "Spark job", "people"),
    StoredPlace(LOGS, "App*, FunctionAppLogs", "log line, request, metric, exception", "app, host", days="logDays"),
    StoredPlace(LOGS, "Storage*Logs, AzureDiagnostics", "change of records, use of secrets", "Azure", days="logDays"),
)
