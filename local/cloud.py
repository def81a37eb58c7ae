"""`python -m local.cloud CONFIG.json`: Event Grid, Azure ML, Monitor and the inbox in one process, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Protocol

from local.azureml import AzureMl, AzureMlConfig
from local.cloud_config import CloudConfig
from local.errors import LocalSystemError
from local.eventgrid import BlobDeadLetters, EventGrid, Faults, StorageQueue, SubscriptionError, load_subscriptions
from local.eventgrid.faults import FaultsError
from local.functions_host.log_lines import log_to_stderr
from local.inbox import Inbox
from local.lifeline import end_with_parent
from local.monitor import Monitor
from local.profile import Conditions, ProfileError, profile_named
from local.stopping import until_stopped
from local.traffic_log import TrafficLog

EVENTS_QUEUE = "events"  # of infra/events/subscription.bicep


class Emulator(Protocol):
    """A part of the cloud."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def build_emulators(config: CloudConfig, dead_letters: BlobDeadLetters) -> list[Emulator]:
    """Return the emulators in the order in which to start them; the traffic log ties Azure ML to Monitor.

    Raises:
        SubscriptionError: the file of event subscriptions is not right.
        FaultsError: an unknown fault, or one out of bounds.
        ProfileError: there is no such profile.
    """
    addresses, conditions = config.addresses, Conditions(profile_named(config.profile))
    grid = EventGrid(
        addresses.eventgrid,
        load_subscriptions(config.subscriptions),
        addresses.url("functions"),
        dead_letters,
        config.time_scale,
        Faults().changed(config.faults),
        conditions=conditions,
        queue=StorageQueue(addresses.storage_connection_string, EVENTS_QUEUE),
    )

    async def publish(event: dict[str, Any]) -> None:
        await grid.publish("workspace", [event])

    traffic = TrafficLog()
    azureml_config = AzureMlConfig(
        addresses,
        config.workdir / "azureml",
        config.python,
        conditions=conditions,
        is_kept=config.is_kept,
        layers=config.layers,
    )
    azureml = AzureMl(azureml_config, publish, traffic)
    monitor = Monitor(addresses.monitor, traffic, conditions)
    return [Inbox(addresses.inbox, addresses.smtp), monitor, grid, azureml]


async def run(config: CloudConfig) -> None:
    """Start every emulator, print "ready", and stop them in reverse order on SIGTERM."""
    dead_letters = BlobDeadLetters(config.addresses.storage_connection_string)
    started: list[Emulator] = []
    try:
        for emulator in build_emulators(config, dead_letters):
            await emulator.start()
            started.append(emulator)
        print("ready", flush=True)
        await until_stopped()
    finally:
        for emulator in reversed(started):
            await emulator.stop()
        dead_letters.close()


def main() -> int:
    """Return the exit code: 0 after a stop, 1 when a part couldn't start."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description=__doc__)
    parser.add_argument("config", type=Path, help="a JSON file, see local/cloud_config.py")
    arguments = parser.parse_args()
    log_to_stderr()
    end_with_parent()
    try:
        asyncio.run(run(CloudConfig.read(arguments.config)))
    except (LocalSystemError, SubscriptionError, FaultsError, ProfileError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
