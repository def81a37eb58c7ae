from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.channels import ChannelSpec, channel_specs, configured_channels
from shared.adapters.channels.teams import TeamsChannel
from shared.errors import SettingsError
from shared.ports.channels import channel_names
from tests.settings import settings_for

ROOT = Path(__file__).parents[3]


def test_every_file_exports_a_spec_with_its_own_name_and_is_documented() -> None:
    page = (ROOT / "docs/reference/notices.md").read_text(encoding="utf-8")
    for name, spec in channel_specs().items():
        assert isinstance(spec, ChannelSpec)
        assert spec.name == name
        assert f"`{name}`" in page, f"add the channel `{name}` to docs/reference/notices.md"
    assert channel_names() == ("email", "teams")


def test_only_configured_channels_are_built() -> None:
    assert configured_channels(settings_for()) == {}
    configured = configured_channels(
        settings_for(VIGIA_TEAMS_WEBHOOK="https://flow.example/x?sig=abc", VIGIA_SMTP_HOST="127.0.0.1")
    )
    assert sorted(configured) == ["email", "teams"]


@pytest.mark.parametrize(
    "url",
    [
        "http://flow.example/x?sig=hidden",
        "ftp://127.0.0.1/x?sig=hidden",
        "https://user:hidden@flow.example/x",
        "https:///x?sig=hidden",
        "http://127.0.0.1.evil.example/?sig=hidden",
        "https://flow.example:port/?sig=hidden",
        "javascript:hidden",
        "https://flow.example/\x00hidden",
        "https://flow.example/hidden é",
    ],
)
def test_a_webhook_that_could_leak_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        configured_channels(settings_for(VIGIA_TEAMS_WEBHOOK=url))
    assert "VIGIA_TEAMS_WEBHOOK" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_plain_http_is_for_this_machine() -> None:
    assert configured_channels(settings_for(VIGIA_TEAMS_WEBHOOK="http://127.0.0.1:10040/teams"))


def test_a_sender_that_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="VIGIA_MAIL_FROM"):
        configured_channels(settings_for(VIGIA_SMTP_HOST="127.0.0.1", VIGIA_MAIL_FROM="Vigia"))


def test_secrets_are_not_in_a_channels_repr() -> None:
    channels = configured_channels(
        settings_for(
            VIGIA_TEAMS_WEBHOOK="https://flow.example/x?sig=hidden",
            VIGIA_SMTP_HOST="127.0.0.1",
            VIGIA_SMTP_USER="vigia",
            VIGIA_SMTP_PASSWORD="hidden",
        )
    )
    assert "hidden" not in repr(channels)
    assert isinstance(channels["teams"], TeamsChannel)
