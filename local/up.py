"""`python -m local.up`: the local system on its well-known ports, running until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from local.addresses import Addresses
from local.cloud_config import ROOT
from local.errors import LocalSystemError
from local.lifeline import end_with_parent
from local.stopping import raise_on_stop_signals
from local.system import LocalSystem

CHECK_SECONDS = 1.0


def describe(system: LocalSystem) -> str:
    """Return the addresses that a person wants, one per line."""
    addresses = system.addresses
    lines = {
        "the app": addresses.url("functions"),
        "sign in as": f"{addresses.url('functions')}/.auth/login/aad",
        "how its functions fare": f"{addresses.url('functions')}/_local/host",
        "messages people got": addresses.url("inbox"),
        "Azure ML (ARM)": addresses.url("azureml"),
        "scoring": addresses.url("scoring"),
        "Event Grid": f"{addresses.url('eventgrid')}/_local/events",
        "Monitor": addresses.url("monitor"),
        "storage (blobs)": addresses.url("blob"),
        "settings": str(system.settings_file),
        "logs": str(system.logs),
    }
    width = max(map(len, lines))
    return "\n".join(f"  {name:{width}}  {value}" for name, value in lines.items())


def main() -> int:
    """Return the exit code: 0 after Ctrl-C, 1 when a part failed."""
    parser = argparse.ArgumentParser(prog="dev.py up", description="Run the local system until Ctrl-C.")
    parser.add_argument("--free-ports", action="store_true", help="take any free ports, to run beside another system")
    parser.add_argument(
        "--workdir", type=Path, default=ROOT / ".vigia" / "up", help="for logs and settings; default: .vigia/up"
    )
    parser.add_argument("--unkind", action="store_true", help="as slow, late and strict as Azure, on a scaled clock")
    arguments = parser.parse_args()
    end_with_parent()
    raise_on_stop_signals()
    try:
        addresses = Addresses.free() if arguments.free_ports else Addresses.fixed()
        with LocalSystem(addresses, arguments.workdir, profile="unkind" if arguments.unkind else "quick") as system:
            print(f"The local system is running; Ctrl-C stops it.\n{describe(system)}", flush=True)
            watch(system)
    except LocalSystemError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped")
    return 0


def watch(system: LocalSystem) -> None:
    """Wait until Ctrl-C.

    Raises:
        LocalSystemError: a part has ended by itself.
    """
    forever = threading.Event()
    while not forever.wait(CHECK_SECONDS):
        system.require_running()


if __name__ == "__main__":
    sys.exit(main())
