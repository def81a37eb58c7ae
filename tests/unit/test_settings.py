"""Settings are read whole: every problem at once, and the sample lists exactly what there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.addresses import Addresses
from local.app_settings import settings_for
from shared.errors import SettingsError
from shared.settings import SETTINGS, Settings

SAMPLE = Path(__file__).parents[2] / "local.settings.sample.json"


@pytest.fixture
def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
    return values


def test_the_sample_lists_every_setting_and_nothing_else(sample: dict[str, str]) -> None:
    assert list(sample) == [setting.name for setting in SETTINGS]


def test_the_sample_is_accepted(sample: dict[str, str]) -> None:
    settings = Settings.read(sample)

    assert settings.uses_loopback_credential
    assert settings.workspace_id.endswith("/workspaces/ws-local")
    assert settings.policies == Path("policies")


def test_the_sample_is_what_the_local_system_uses(sample: dict[str, str]) -> None:
    used = settings_for(Addresses.fixed(), Path("policies"))

    assert {name: sample[name] for name in used if name in sample} == {
        name: value for name, value in used.items() if name in sample
    }


def test_nothing_set_names_every_missing_setting_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({})

    required = {setting.name for setting in SETTINGS if setting.default is None} | {"AzureWebJobsStorage"}
    assert {name for name in required if f"{name} is missing" in caught.value.message} == required
    assert caught.value.hint == "local.settings.sample.json lists every setting"


def test_blanks_are_as_good_as_nothing(sample: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="VIGIA_WORKSPACE is missing: name of the Azure ML workspace"):
        Settings.read({**sample, "VIGIA_WORKSPACE": "  "})


@pytest.mark.parametrize("name", ["VIGIA_SMTP_PORT", "VIGIA_LEASE_SECONDS"])
def test_a_number_that_is_none_is_refused_with_what_it_is(sample: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a whole number, not 'two'"):
        Settings.read({**sample, name: "two"})


@pytest.mark.parametrize("name", ["VIGIA_ARM_ENDPOINT", "VIGIA_MONITOR_ENDPOINT", "VIGIA_TOPIC_ENDPOINT"])
def test_the_loopback_credential_goes_to_no_other_machine(sample: dict[str, str], name: str) -> None:
    foreign = "https://management.azure.com"

    with pytest.raises(SettingsError, match=rf"loopback, so {name} must be http://127.0.0.1:…, not '{foreign}'"):
        Settings.read({**sample, name: foreign})


def test_an_unknown_credential_is_refused(sample: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="VIGIA_CREDENTIAL must be azure or loopback, not 'none'"):
        Settings.read({**sample, "VIGIA_CREDENTIAL": "none"})


def test_storage_without_a_key_needs_both_services(sample: dict[str, str]) -> None:
    blobs = {"AzureWebJobsStorage": "", "AzureWebJobsStorage__blobServiceUri": "https://st.blob.core.windows.net"}
    queues = {"AzureWebJobsStorage__queueServiceUri": "https://st.queue.core.windows.net"}

    with pytest.raises(SettingsError, match="both AzureWebJobsStorage__blobServiceUri and"):
        Settings.read({**sample, **blobs})
    assert Settings.read({**sample, **blobs, **queues}).storage_queue_uri == "https://st.queue.core.windows.net"
