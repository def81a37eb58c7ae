"""The storage service's time reaches the clock with every blob that is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local.addresses import Addresses
from shared.adapters.storage.clock import ServiceClock
from shared.adapters.storage.timed_storage import TimedBlobStore
from tests.settings import settings_for


def test_a_machine_that_is_an_hour_off_is_put_right_by_the_first_blob(azurite: Addresses) -> None:
    clock = ServiceClock(lambda: datetime.now(UTC) - timedelta(hours=1))
    blobs = TimedBlobStore(settings_for(AzureWebJobsStorage=azurite.storage_connection_string), clock)
    blobs.put("timed/a.json", b"{}")
    assert blobs.get("timed/nothing.json") is None

    blob = blobs.get("timed/a.json")

    assert blob is not None
    assert abs(clock.now() - blob.read_at) < timedelta(minutes=1)
