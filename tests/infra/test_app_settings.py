"""infra/base/app.bicep: the settings that the app is given are those that it reads, and hold no secret."""

from __future__ import annotations

import pytest

from shared.settings import SETTINGS
from tests.infra.files import app_settings, triggers

# For storage and topics that are reached by key, as on a laptop. In Azure both refuse keys.
KEYS = {"AzureWebJobsStorage", "VIGIA_TOPIC_KEY"}
# Their defaults are right in Azure's public cloud.
DEFAULTED = {"VIGIA_LEASE_SECONDS", "VIGIA_ARM_ENDPOINT", "VIGIA_MONITOR_ENDPOINT", "VIGIA_CREDENTIAL"}
# Read by the Functions host, by its worker or by the telemetry SDK, not by the app's settings.
OF_THE_HOST = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__tableServiceUri",
    "PYTHON_ENABLE_OPENTELEMETRY",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
}


def test_app_is_given_every_setting_it_reads() -> None:
    read = {setting.name for setting in SETTINGS if not setting.local_only}

    assert set(app_settings()) == (read - KEYS - DEFAULTED) | OF_THE_HOST


def test_required_settings_are_never_left_out() -> None:
    required = {setting.name for setting in SETTINGS if setting.default is None and not setting.local_only}

    assert required <= set(app_settings())


@pytest.mark.parametrize("name", ["VIGIA_TEAMS_WEBHOOK", "VIGIA_SMTP_PASSWORD"])
def test_secrets_are_key_vault_references(name: str) -> None:
    expression = app_settings()[name]

    assert "'@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/" in expression


def test_every_setting_that_a_timer_names_is_given() -> None:
    named = {properties["schedule"].strip("%") for properties in triggers("timerTrigger").values()}

    assert named <= set(app_settings())


def test_only_action_groups_may_post_alerts() -> None:
    assert app_settings()["VIGIA_ALERTS_CALLER"] == "actionGroupsApplication"


def test_only_event_grid_may_deliver_to_the_webhook_and_only_for_named_subscriptions() -> None:
    assert app_settings()["VIGIA_EVENTS_CALLER"] == "eventGridApplication"
    assert app_settings()["VIGIA_EVENTS_SUBSCRIPTIONS"] == "join(config.entra.webhooks, ',')"
