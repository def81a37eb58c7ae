"""A running inbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.inbox import Inbox
from tests.local.running import call, running


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox(0, 0)
    with running(inbox):
        yield inbox


def messages(inbox: Inbox) -> list[dict[str, Any]]:
    """Return the messages that it has taken, as its `/_local/messages` lists them."""
    listed: list[dict[str, Any]] = call("GET", f"http://127.0.0.1:{inbox.port}/_local/messages")[1]
    return listed
