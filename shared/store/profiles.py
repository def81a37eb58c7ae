"""What each model version's training data looked like, measured once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shared.domain.ids import ModelName, ModelVersion
from shared.ports.blobs import BlobStore

if TYPE_CHECKING:
    from shared.drift.profile import Profile


class Profiles:
    """One blob per model version; a profile never changes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, model: ModelName, version: ModelVersion) -> Profile | None:
        from shared.drift.profile import Profile

        found = self._blobs.get(profile_name(model, version))
        return None if found is None else Profile.from_dict(json.loads(found.body))

    def save(self, model: ModelName, version: ModelVersion, profile: Profile) -> None:
        self._blobs.put(profile_name(model, version), json.dumps(profile.to_dict()).encode())


def profile_name(model: ModelName, version: ModelVersion) -> str:
    """Return the name of the blob that holds a version's profile."""
    return f"profiles/{model}/{version}.json"
