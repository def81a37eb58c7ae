"""How far the registry poll has looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.ids import EndpointName, ModelName
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

NAME = "polls/registry.json"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a model's versions were looked at; both times are Azure ML's own.

    Args:
        first: creation of the newest version that was there at the first look; it and what is older is never published.
        newest: creation of the newest version that was seen since.
    """

    first: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class JobsMark:
    """The last look at the jobs.

    Args:
        looked_at: when that was; it never goes back.
        seen: what there was to publish, published or not, so that it is not looked up again.
    """

    looked_at: datetime
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """How far everything was looked at.

    Args:
        of: by model, its versions.
        jobs: None before the first look.
        deployments: by endpoint, "deployment model:version" of each that was up.
        data: by model, "azureml:NAME:VERSION" of each data asset that its training would read.
    """

    of: Mapping[ModelName, Mark] = field(default_factory=dict)
    jobs: JobsMark | None = None
    deployments: Mapping[EndpointName, tuple[str, ...]] = field(default_factory=dict)
    data: Mapping[ModelName, tuple[str, ...]] = field(default_factory=dict)


class PollMarks:
    """One blob for everything; the etag read with it guards the write."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self) -> tuple[Marks, str]:
        """Return the marks and their etag; (none, "") before the first poll."""
        blob = self._blobs.get(NAME)
        return (Marks(), "") if blob is None else (decode(Marks, blob.body), blob.etag)

    def save(self, marks: Marks, etag: str) -> None:
        """Store the marks over those that were read. Another poll that was quicker stands: the next one looks again
        from there."""
        body = encode(marks)
        if etag:
            self._blobs.replace(NAME, body, etag)
        else:
            self._blobs.create(NAME, body)
