"""When each recurring job was begun and ended last: the times are the storage service's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.ports.blobs import BlobStore

TIMERS = "timers/"
LOOKS = "monitor-looks/"
_BEGUN, _ENDED = "begun", "ended"


@dataclass(frozen=True, slots=True)
class Beat:
    """`begun_at` is None before the first run; `ended_at` is when a run last came to its end, or else when the first
    one was awaited."""

    begun_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_cut_off(self) -> bool:
        """Return whether the newest run has not come to its end: it is under way, or was killed."""
        return self.begun_at is not None and (self.ended_at is None or self.ended_at < self.begun_at)


class Beats:
    """Two empty blobs per name below `prefix`, whose dates are the record: reading every name is one listing."""

    def __init__(self, blobs: BlobStore, prefix: str) -> None:
        self._blobs, self._prefix = blobs, prefix

    def begin(self, name: str) -> None:
        self._blobs.put(f"{self._prefix}{_BEGUN}/{name}", b"")

    def end(self, name: str) -> None:
        self._blobs.put(f"{self._prefix}{_ENDED}/{name}", b"")

    def read_awaiting(self, names: Iterable[str]) -> Mapping[str, Beat]:
        """Return every name's beat; runs of these names are awaited from now on, unless one has ended before."""
        beats = self.read()
        for name in names:
            if beats.get(name, Beat()).ended_at is None:
                self._blobs.create(f"{self._prefix}{_ENDED}/{name}", b"")
        return beats

    def read(self) -> Mapping[str, Beat]:
        beats: dict[str, Beat] = {}
        for item in self._blobs.list(self._prefix):
            kind, _, name = item.name.removeprefix(self._prefix).partition("/")
            beat, at = beats.get(name, Beat()), item.last_modified
            beats[name] = replace(beat, begun_at=at) if kind == _BEGUN else replace(beat, ended_at=at)
        return beats
