"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from local.addresses import Addresses
from local.storage import Azurite

TESTS = Path(__file__).parent
# Folders whose tests start whole systems, which mostly wait: each folder in one process, one system after the other.
LANES = ("chaos", "system/models", "system")
# What takes longest, first: what starts last is waited for by one core alone.
FIRST = (*LANES, "microsoft", "simulation")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--unkind", action="store_true", help="tests/system: emulators as slow, late and strict as Azure")
    parser.addoption("--long", action="store_true", help="more seeds, examples and repetitions: for a nightly run")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property gets, before a test's module reads it."""
    settings.register_profile("commit", max_examples=50, deadline=None)
    settings.register_profile("long", max_examples=1_000, deadline=None)
    settings.load_profile("long" if config.getoption("--long") else "commit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
        return next((number for number, folder in enumerate(FIRST) if path.startswith(f"{folder}/")), len(FIRST))

    items.sort(key=place)


class Lanes(LoadFileScheduling):
    """A file stays in one process, because its tests share what is slow to start; so does a folder of LANES."""

    def _split_scope(self, nodeid: str) -> str:
        lane = next((folder for folder in LANES if nodeid.startswith(f"tests/{folder}/")), None)
        return lane or str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes | None:
    return Lanes(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Whether a test that repeats itself does so as often as a nightly run, or only often enough to fail."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Addresses]:
    """Addresses whose blob, queue and table services run in memory, for the whole session.

    Tests share it: each uses containers and queues with names of its own.
    """
    addresses = Addresses.free()
    with Azurite(addresses):
        yield addresses
