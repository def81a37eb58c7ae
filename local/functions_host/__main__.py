"""`python -m local.functions_host`: runs an app with a settings file until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path

from local.errors import LocalSystemError
from local.functions_host.app import load_functions
from local.functions_host.host import FunctionsHost
from local.functions_host.log_lines import log_to_stderr
from local.functions_host.settings import read_host_settings, read_values
from local.functions_host.triggers.queues import Lease
from local.functions_host.triggers.sign_in import parse_users
from local.lifeline import end_with_parent
from local.stopping import until_stopped


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="a file in the shape of local.settings.json")
    parser.add_argument("--port", type=int, default=7071, help="default: %(default)s")
    parser.add_argument("--app-dir", type=Path, default=Path(), help="the folder of function_app.py and host.json")
    parser.add_argument(
        "--queue-lease-seconds",
        type=float,
        default=Lease().duration.total_seconds(),
        help="how long a message stays hidden when its host is killed; default, as on Azure: %(default)s",
    )
    parser.add_argument(
        "--reject-first-deliveries",
        type=int,
        default=0,
        help="events that each function refuses after the start, as Azure may after a cold start; default: %(default)s",
    )
    return parser.parse_args(argv)


def build_host(arguments: argparse.Namespace) -> FunctionsHost:
    """Set the settings as environment variables, import the app, and return its host.

    Raises:
        LocalSystemError: the settings, host.json or the app are not right.
    """
    folder: Path = arguments.app_dir.resolve()
    settings = read_host_settings(folder / "host.json")
    os.environ.update(read_values(arguments.settings))
    os.environ["WEBSITE_AUTH_ENABLED"] = "True"  # as the platform says it: identity headers can be trusted
    return FunctionsHost(
        load_functions(folder),
        settings,
        arguments.port,
        parse_users(os.environ.get("VIGIA_LOCAL_USERS", "")),
        Lease(timedelta(seconds=arguments.queue_lease_seconds)),
        arguments.reject_first_deliveries,
    )


async def run(host: FunctionsHost) -> None:
    """Start the host, print "ready", and stop it on SIGTERM."""
    await host.start()
    try:
        print("ready", flush=True)
        await until_stopped()
    finally:
        await host.stop()


def main() -> int:
    """Return the exit code: 0 after a stop, 1 when the host couldn't start."""
    arguments = parse_arguments()
    log_to_stderr()
    end_with_parent()
    try:
        asyncio.run(run(build_host(arguments)))
    except LocalSystemError as exc:
        if exc.__cause__ is not None:
            traceback.print_exception(exc.__cause__)
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
