"""What each model version's reference data looked like, measured once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.ids import ModelName, ModelVersion
from shared.ports.blobs import BlobStore
from shared.store.monitors.references import References

if TYPE_CHECKING:
    from shared.drift.profiles.profile import Profile

TRAINING = "training"


class Profiles:
    """One blob per model version and source; a profile never changes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    @property
    def references(self) -> References:
        """Return what other signals go by, which is kept beside the profile."""
        return References(self._blobs)

    def read(self, model: ModelName, version: ModelVersion, source: str = TRAINING) -> Profile | None:
        """Return the profile; None when there is none that can be read, and it has to be made anew: a damaged one, or
        one of an older format, which lies at another name."""
        from shared.drift.profiles.profile import Profile

        found = self._blobs.get(profile_name(model, version, source))
        if found is None:
            return None
        try:
            return Profile.from_bytes(found.body)
        except ValueError:
            return None

    def save(self, model: ModelName, version: ModelVersion, profile: Profile, source: str = TRAINING) -> None:
        self._blobs.put(profile_name(model, version, source), profile.to_bytes())


def profile_name(model: ModelName, version: ModelVersion, source: str = TRAINING) -> str:
    """Return the name of the blob that holds the profile of a version's data of that source, e.g. "training"."""
    return f"profiles/{model}/{version}/{source}.json.gz"
