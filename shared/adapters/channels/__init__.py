"""Notification channels, one file each; a module's SPEC makes it a channel under the module's name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.ports.channels import Channel, channel_names
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """What a module of this package exports as SPEC.

    Args:
        name: what policies write under `by:`; the module's file name.
        build: returns the channel, or None when the settings do not configure it. Raises SettingsError.
    """

    name: str
    build: Callable[[Settings], Channel | None]


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
