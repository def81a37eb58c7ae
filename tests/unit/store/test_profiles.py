"""Profiles are stored per model version and source; what cannot be read is made again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from shared.domain.ids import ModelName, ModelVersion
from shared.drift.profiles.profile import profile
from shared.store.monitors.profiles import Profiles, profile_name
from tests.fakes.blobs import MemoryBlobStore

MODEL, VERSION = ModelName("churn"), ModelVersion("3")
MADE = profile(pd.DataFrame({"age": [1.0, 2.0, None], "country": ["PT", "ES", "PT"]}))


@pytest.fixture
def blobs() -> MemoryBlobStore:
    return MemoryBlobStore(lambda: datetime(2026, 11, 20, tzinfo=UTC))


def test_a_profile_is_read_as_it_was_saved_per_source(blobs: MemoryBlobStore) -> None:
    profiles = Profiles(blobs)
    profiles.save(MODEL, VERSION, MADE)
    assert profiles.read(MODEL, VERSION) == MADE
    assert profiles.read(MODEL, VERSION, "first-week") is None
    assert profiles.read(MODEL, ModelVersion("4")) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="not_compressed"),
        pytest.param(MADE.to_bytes()[:-9], id="cut_off"),
        pytest.param(gzip.compress(b"[]"), id="no_object"),
        pytest.param(gzip.compress(b"{"), id="no_json"),
        pytest.param(gzip.compress(json.dumps({"format": 1, "rows": 3, "columns": []}).encode()), id="older_format"),
        pytest.param(
            gzip.compress(json.dumps({**MADE.to_dict(), "columns": [{"kind": "numeric"}]}).encode()), id="parts"
        ),
    ],
)
def test_a_profile_that_cannot_be_read_is_to_be_made_again(blobs: MemoryBlobStore, content: bytes) -> None:
    blobs.put(profile_name(MODEL, VERSION), content)
    assert Profiles(blobs).read(MODEL, VERSION) is None
