"""Ways to reach a person, one file each; a module's SPEC makes it a channel under the module's name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from shared.ports.channels import Channel, ChannelSpec, channel_names
from shared.settings import Settings


def channel_specs() -> dict[str, ChannelSpec]:
    """Return every channel's spec by its name."""
    return {name: importlib.import_module(f"{__name__}.{name}").SPEC for name in channel_names()}


def configured_channels(settings: Settings) -> Mapping[str, Channel]:
    """Return the channels that the settings configure, by name.

    Raises:
        SettingsError: a channel is configured in a way that cannot work.
    """
    built = ((name, spec.build(settings)) for name, spec in channel_specs().items())
    return {name: channel for name, channel in built if channel is not None}
