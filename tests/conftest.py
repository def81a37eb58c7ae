"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from local.addresses import Addresses
from local.storage import Azurite

TESTS = Path(__file__).parent
# Folders whose tests start a whole system each: beside others their processes would wait for a core.
ALONE = ("chaos", "system")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--unkind", action="store_true", help="tests/system: emulators as slow, late and strict as Azure")
    parser.addoption("--long", action="store_true", help="more seeds, examples and repetitions: for a nightly run")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property gets, before a test's module reads it."""
    settings.register_profile("commit", max_examples=50, deadline=None)
    settings.register_profile("long", max_examples=1_000, deadline=None)
    settings.load_profile("long" if config.getoption("--long") else "commit")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).parts[0] in ALONE:
            item.add_marker("alone")


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
