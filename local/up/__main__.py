"""`python -m local.up`: the local system on its well-known ports, running until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from local.addresses import Addresses
from local.cloud_config import ROOT
from local.errors import LocalSystemError
from local.lifeline import end_with_parent
from local.stopping import raise_on_stop_signals
from local.system import LocalSystem
from local.up.policies import PolicyFolder

if TYPE_CHECKING:
    from local.up.data import DataFolder

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
    arguments = _arguments()
    end_with_parent()
    raise_on_stop_signals()
    try:
        policies = PolicyFolder(arguments.policies, arguments.workdir / "policies") if arguments.policies else None
        with _system(arguments, policies) as system:
            print(f"The local system is running; Ctrl-C stops it.\n{describe(system)}")
            print('For the commands and the SDK, in another terminal: eval "$(python3 dev.py env)"', flush=True)
            watch(system, policies, _data(arguments, system))
    except LocalSystemError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py up", description="Run the local system until Ctrl-C.")
    parser.add_argument("--free-ports", action="store_true", help="take any free ports, to run beside another system")
    parser.add_argument(
        "--workdir", type=Path, default=ROOT / ".vigia" / "up", help="for logs and settings; default: .vigia/up"
    )
    parser.add_argument("--policies", type=Path, metavar="DIR", help="your policies, read again whenever they change")
    parser.add_argument("--data", type=Path, metavar="DIR", help="your files, each a data asset named like the file")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="go on where the last start with --keep ended: storage, workspace, endpoints",
    )
    parser.add_argument("--unkind", action="store_true", help="as slow, late and strict as Azure, on a scaled clock")
    return parser.parse_args()


def _system(arguments: argparse.Namespace, policies: PolicyFolder | None) -> LocalSystem:
    """Return the system, not yet started; the app has the policies that were right last.

    Raises:
        LocalSystemError: there is no such folder.
    """
    changes = {}
    if arguments.data is not None:
        _require(arguments.data)
    if policies is not None:
        _require(policies.source)
        policies.prepare(is_kept=arguments.keep)
        take_over(policies)
        changes = {"VIGIA_POLICIES": str(policies.served), "VIGIA_LOCAL_USERS": policies.users()}
    profile = "unkind" if arguments.unkind else "quick"
    addresses = _addresses(arguments)
    return LocalSystem(addresses, arguments.workdir, extra_settings=changes, profile=profile, keep=arguments.keep)


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise LocalSystemError(f"there is no folder {folder}", "make it, or name another one")


def _addresses(arguments: argparse.Namespace) -> Addresses:
    """Return where the parts listen; what is kept names its addresses, so they stay with it."""
    file = arguments.workdir / "kept" / "addresses.json"
    if not arguments.free_ports:
        return Addresses.fixed()
    if arguments.keep and file.exists():
        return Addresses.read(file)
    addresses = Addresses.free()
    if arguments.keep:
        file.parent.mkdir(parents=True, exist_ok=True)
        addresses.write(file)
    return addresses


def take_over(policies: PolicyFolder) -> bool:
    """Serve the policies when they have changed and are right; say it when they are wrong. Return whether the app
    has to read them."""
    if not policies.has_changed():
        return False
    if problems := policies.problems():
        print(f"{problems}\nthe app goes on with the policies as they were", flush=True)
        return False
    policies.serve()
    return True


def _data(arguments: argparse.Namespace, system: LocalSystem) -> DataFolder | None:
    if arguments.data is None:
        return None
    from local.up.data import DataFolder  # the SDK takes a second

    return DataFolder(arguments.data, system.settings)


def watch(system: LocalSystem, policies: PolicyFolder | None = None, data: DataFolder | None = None) -> None:
    """Have the app follow its policies, and the workspace its files, until Ctrl-C.

    Raises:
        LocalSystemError: a part has ended by itself.
    """
    forever = threading.Event()
    while not forever.wait(CHECK_SECONDS):
        system.require_running()
        if policies is not None and take_over(policies):
            system.change_settings({"VIGIA_LOCAL_USERS": policies.users()})
            print(f"the app has read {policies.source} again", flush=True)
        for asset in data.register() if data is not None else ():
            print(f"data asset {asset} is registered", flush=True)


if __name__ == "__main__":
    sys.exit(main())
