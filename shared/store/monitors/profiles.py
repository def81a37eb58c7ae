"""What each model version is compared with, measured once: its profiles, and what other signals need beside them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from shared.domain.ids import ModelName, ModelVersion
from shared.ports.blobs import BlobStore

if TYPE_CHECKING:
    from shared.drift.profiles.profile import Profile

T = TypeVar("T")
TRAINING = "training"


class Profiles:
    """One blob per model version and source of a profile, or kind of reference; none of them ever changes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, model: ModelName, version: ModelVersion, source: str = TRAINING) -> Profile | None:
        """Return the profile; None when it has to be made: there is none, or it is damaged or of an older format."""
        from shared.drift.profiles.profile import Profile

        blob = self._blobs.get(profile_name(model, version, source))
        if blob is None:
            return None
        try:
            return Profile.from_bytes(blob.body)
        except ValueError:
            return None

    def save(self, model: ModelName, version: ModelVersion, profile: Profile, source: str = TRAINING) -> None:
        self._blobs.put(profile_name(model, version, source), profile.to_bytes())

    def read_reference(self, model: ModelName, version: ModelVersion, kind: str, parse: Callable[[Any], T]) -> T | None:
        """Return a signal's reference, e.g. of kind "quality"; None when it has to be made, as for a profile.

        Args:
            parse: reads what `save_reference` was given; raises ValueError for another format.
        """
        blob = self._blobs.get(profile_name(model, version, kind))
        if blob is None:
            return None
        try:
            return parse(json.loads(gzip.decompress(blob.body)))
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save_reference(self, model: ModelName, version: ModelVersion, kind: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, separators=(",", ":")).encode("utf-8", "replace")
        # Without a time in it, equal references are equal bytes.
        self._blobs.put(profile_name(model, version, kind), gzip.compress(text, 6, mtime=0))


def profile_name(model: ModelName, version: ModelVersion, source: str = TRAINING) -> str:
    """Return the name of the blob that holds the profile of that source, e.g. "training", or the reference of that
    kind, e.g. "quality"."""
    return f"profiles/{model}/{version}/{source}.json.gz"
