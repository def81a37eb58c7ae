"""The settings with which the app talks to the local system instead of Azure."""

from __future__ import annotations

import json
from pathlib import Path

from local.addresses import (
    HOST,
    LOGS_WORKSPACE_ID,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    WORKSPACE_CONTAINER,
    Addresses,
)
from local.cloud_config import ROOT
from local.eventgrid import LOCAL_KEY

USERS = "ana@example.com:Approver+Operator,ben@example.com:Approver,carla@example.com:Reader"


def settings_for(addresses: Addresses, policies: Path = ROOT / "policies") -> dict[str, str]:
    """Return every setting of the app; timers run every few seconds, as an hour here lasts seconds."""
    return {
        "AzureWebJobsStorage": addresses.storage_connection_string,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "VIGIA_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "VIGIA_RESOURCE_GROUP": RESOURCE_GROUP,
        "VIGIA_WORKSPACE": WORKSPACE,
        "VIGIA_ARM_ENDPOINT": addresses.url("azureml"),
        "VIGIA_CREDENTIAL": "loopback",
        "VIGIA_TOPIC_ENDPOINT": f"{addresses.url('eventgrid')}/topics/custom/api/events",
        "VIGIA_TOPIC_KEY": LOCAL_KEY,
        "VIGIA_MONITOR_ENDPOINT": addresses.url("monitor"),
        "VIGIA_LOGS_WORKSPACE_ID": LOGS_WORKSPACE_ID,
        "VIGIA_WORKSPACE_STORAGE": addresses.storage_connection_string,
        "VIGIA_WORKSPACE_CONTAINER": WORKSPACE_CONTAINER,
        "VIGIA_POLICIES": str(policies),
        "VIGIA_PUBLIC_URL": addresses.url("functions"),
        "VIGIA_TEAMS_WEBHOOK": f"{addresses.url('inbox')}/teams/vigia?sig=local",
        "VIGIA_ACS_ENDPOINT": f"{addresses.url('inbox')}/acs",
        "VIGIA_SMTP_HOST": HOST,
        "VIGIA_SMTP_PORT": str(addresses.smtp),
        "VIGIA_MAIL_FROM": "vigia@example.com",
        "VIGIA_LOCAL_USERS": USERS,
        "VIGIA_SWEEP_SCHEDULE": "*/5 * * * * *",
        "VIGIA_MONITOR_SCHEDULE": "*/15 * * * * *",
        "VIGIA_SCHEDULES_SCHEDULE": "*/15 * * * * *",
        "VIGIA_POLL_SCHEDULE": "*/20 * * * * *",
    }


def write_settings(path: Path, values: dict[str, str]) -> None:
    """Write a file in the shape of local.settings.json."""
    path.write_text(json.dumps({"IsEncrypted": False, "Values": values}, indent=2))
