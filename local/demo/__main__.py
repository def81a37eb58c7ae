"""`python -m local.demo`: starts the whole system on loopback and plays the story."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from local.addresses import Addresses
from local.child_process import own_environment
from local.demo.lateness import policies_for
from local.demo.narrator import Narrator, StoryError
from local.demo.outcome import checks, gather, outcome
from local.demo.story import Story
from local.demo.timeline import print_checks, print_timeline
from local.demo.waiting import StoodStillError, Waiting
from local.demo.world import World
from local.errors import LocalSystemError
from local.lifeline import end_with_parent
from local.profile import QUICK, UNKIND
from local.stopping import raise_on_stop_signals
from local.system import LocalSystem
from local.up.__main__ import describe, watch

# Event Grid may deliver twice and in any order; here it does, all the time.
FAULTS = {"duplicate": 0.3, "reorder": True, "seed": 7}
SETTINGS = {
    "VIGIA_MONITOR_SCHEDULE": "*/1 * * * * *",
    "VIGIA_SWEEP_SCHEDULE": "*/5 * * * * *",
}


def main() -> int:
    """Play the demo; 0 only if everything that the story promises has happened."""
    arguments = _arguments()
    end_with_parent()
    raise_on_stop_signals()
    for name in os.environ.keys() - own_environment().keys():
        del os.environ[name]
    console = Console(stderr=False, highlight=False)
    addresses = Addresses.fixed() if arguments.serve else Addresses.free()
    with tempfile.TemporaryDirectory(prefix="vigia-demo-") as folder:
        workdir = Path(arguments.workdir or folder)
        profile = UNKIND if arguments.unkind else QUICK
        settings = {**SETTINGS, "VIGIA_POLICIES": str(policies_for(profile, workdir))}
        system = LocalSystem(addresses, workdir, faults=FAULTS, extra_settings=settings, profile=profile.name)
        try:
            with console.status("starting storage, Azure ML, Event Grid, Monitor, inbox and the app …"):
                system.start()
            result = _play(system, console, asks_a_person=arguments.ask)
            if arguments.json:
                arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
            if arguments.serve:
                _serve(system, console)
        except LocalSystemError as exc:
            console.print(f"[red]The local system failed:[/] {exc}", markup=True)
            return 1
        except KeyboardInterrupt:
            console.print("stopped")
            return 130
        finally:
            system.stop()
    return 0 if result["ok"] else 1


def _serve(system: LocalSystem, console: Console) -> None:
    """Return never; Ctrl-C or SIGTERM raise KeyboardInterrupt."""
    console.print(f"\nEverything keeps running until Ctrl-C:\n{describe(system)}", soft_wrap=True)
    console.print(f"\nAsk it: vigia status --settings {system.settings_file}", soft_wrap=True)
    watch(system)


def _play(system: LocalSystem, console: Console, asks_a_person: bool) -> dict[str, Any]:
    world = World(system)
    narrator = Narrator(console, Waiting(system.require_running, world.pulse, system.errors))
    story = Story(world, narrator, asks_a_person)
    problem = ""
    try:
        story.tell()
        story.stop()
        duration = narrator.seconds
        narrator.wait("everything comes to rest", world.is_at_rest)
    except (StoryError, StoodStillError) as exc:
        problem = str(exc)
        duration = narrator.seconds
    finally:
        story.stop()
    evidence = narrator.get("reading what has come of it", lambda: gather(world))
    results = checks(evidence)
    result = outcome(evidence, results, duration, problem)
    narrator.act("What happened, as the stores and the emulators recorded it")
    print_timeline(console, evidence)
    narrator.act("What was promised")
    print_checks(console, results)
    _print_summary(console, result)
    return result


def _print_summary(console: Console, result: dict[str, Any]) -> None:
    console.print(
        f"\n{result['facts']} facts from {result['deliveries']} deliveries "
        f"({result['duplicate_deliveries']} duplicates sent on purpose, all of them in shuffled order), "
        f"{result['duplicate_effects']} effects done twice, {result['duration_s']:.0f} seconds."
    )
    if result["problem"]:
        console.print(f"[red]The story broke off:[/] {result['problem']}")
    console.print("[green]All of it happened.[/]" if result["ok"] else "[red]Not all of it happened.[/]")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--ask", action="store_true", help="wait for you to approve on the page, instead of simulating")
    parser.add_argument("--serve", action="store_true", help="leave everything running and print the addresses")
    parser.add_argument("--unkind", action="store_true", help="as slow, late and strict as Azure, on a scaled clock")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome to this file")
    parser.add_argument(
        "--workdir", type=Path, metavar="DIR", help="keep settings and logs here (default: thrown away)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
