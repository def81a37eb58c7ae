"""Complete settings for tests, with what a test cares about replaced."""

from __future__ import annotations

from shared.settings import Settings

VALUES = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "VIGIA_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
    "VIGIA_RESOURCE_GROUP": "rg-local",
    "VIGIA_WORKSPACE": "ws-local",
    "VIGIA_WORKSPACE_STORAGE": "UseDevelopmentStorage=true",
    "VIGIA_WORKSPACE_CONTAINER": "azureml-blobstore",
    "VIGIA_TOPIC_ENDPOINT": "http://127.0.0.1:10020/topics/custom/api/events",
    "VIGIA_TOPIC_KEY": "a2V5",
    "VIGIA_LOGS_WORKSPACE_ID": "00000000-0000-0000-0000-000000000002",
    "VIGIA_PUBLIC_URL": "http://127.0.0.1:7071",
    "VIGIA_ARM_ENDPOINT": "http://127.0.0.1:10010",
    "VIGIA_MONITOR_ENDPOINT": "http://127.0.0.1:10030",
    "VIGIA_CREDENTIAL": "loopback",
}


def settings_for(**values: str) -> Settings:
    return Settings.read({**VALUES, **values})
