"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.addresses import Addresses
from local.storage import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Addresses]:
    """Addresses whose blob, queue and table services run in memory, for the whole session.

    Tests share it: each uses containers and queues with names of its own.
    """
    addresses = Addresses.free()
    with Azurite(addresses):
        yield addresses
