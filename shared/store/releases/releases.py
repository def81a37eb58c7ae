"""Releases and what people asked of them: one blob per release, guarded by its ETag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import EndpointName, ReleaseId
from shared.domain.releases.card import VersionCard
from shared.domain.releases.release import Release, ReleaseRequest
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError
from shared.ports.blobs import BlobItem, BlobStore
from shared.store.codec import decode, encode
from shared.store.open_index import TRUSTED_FOR, OpenIndex
from shared.store.releases.batch_runs import BatchRunStore

RELEASES = "releases/"
REQUESTS = "release-requests/"
ASK_ATTEMPTS = 8
UNREADABLE = "unreadable"
HOLDS = "release-holds/"
CARDS = "cards/"


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as it was read; `etag` guards the next write."""

    release: Release
    etag: str


@dataclass(frozen=True, slots=True)
class ReleaseItem:
    """What a listing says of a release without reading it."""

    id: ReleaseId
    state: str
    wake_at: datetime
    is_settled: bool


class ReleaseStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._index = OpenIndex(blobs)

    @property
    def batch_runs(self) -> BatchRunStore:
        return BatchRunStore(self._blobs)

    def create(self, release: Release) -> bool:
        """Store a new release; False when its id exists already, whatever became of it.

        Raises:
            AmbiguousWriteError: it is unknown whether it was written.
        """
        try:
            name, is_open = _name(release.id), not release.is_settled
            return self._index.create(name, encode(release), _metadata(release), is_open=is_open) is not None
        except AmbiguousWriteError:
            stored = self.load(release.id)
            if stored is None:
                raise
            return stored.release == release

    def readable(self, release: ReleaseId) -> StoredRelease | None:
        """Return the release; None also where its record is damaged, which is told when it is looked at itself."""
        try:
            return self.load(release)
        except PermanentError:
            return None

    def load(self, release: ReleaseId) -> StoredRelease | None:
        blob = self._blobs.get(_name(release))
        return None if blob is None else StoredRelease(decode(Release, blob.body), blob.etag)

    def save(self, stored: StoredRelease, release: Release) -> StoredRelease | None:
        """Store the release over exactly the version that was read; None when another worker moved it."""
        try:
            name, is_open = _name(release.id), not release.is_settled
            written = self._index.replace(name, encode(release), stored.etag, _metadata(release), is_open=is_open)
        except AmbiguousWriteError:
            blob = self.load(release.id)
            return blob if blob and blob.release == release else None
        return None if written is None else StoredRelease(release, written.etag)

    def items(self) -> Iterator[ReleaseItem]:
        """Yield every release, by id, from one listing."""
        for item in self._blobs.list(RELEASES):
            release = _id(item.name)
            try:
                yield _item(release, item.metadata)
            except (KeyError, ValueError):
                yield self._read_item(release, item.last_modified)

    def _read_item(self, release: ReleaseId, modified_at: datetime) -> ReleaseItem:
        """Return what the record itself says, where somebody copied it without its metadata; one that cannot be read is
        open, so that whoever looks at it tells people."""
        with suppress(PermanentError):
            if stored := self.load(release):
                return _item(release, _metadata(stored.release))
        return ReleaseItem(release, UNREADABLE, modified_at, is_settled=False)

    def open_ids(self, endpoint: EndpointName | None = None) -> list[ReleaseId]:
        """Return the releases, of one endpoint or of all, that still have something to do; few others among them."""
        of_endpoint = {None, endpoint} if endpoint else None
        items = self._index.list(RELEASES)
        return [_id(item.name) for item in items if not of_endpoint or item.metadata.get("endpoint") in of_endpoint]

    def overdue(self, now: datetime) -> Iterator[tuple[ReleaseId, datetime]]:
        """Yield the releases that should have been looked at by `now`, each with the time that was arranged."""
        for item in list(self._index.list(RELEASES)):
            release = _id(item.name)
            is_due = _wake_at(item) <= now or now - item.last_modified >= TRUSTED_FOR
            if is_due and (wake_at := self._arranged(release, item)) and wake_at <= now:
                yield release, wake_at

    def _arranged(self, release: ReleaseId, item: BlobItem) -> datetime | None:
        """Return when the release wants to be looked at; None where it is settled, or was not stored at all."""
        try:
            stored = self.load(release)
        except PermanentError:
            return _wake_at(item)  # whoever looks at it tells people that it cannot be read
        is_open = stored is not None and not stored.release.is_settled
        self._index.correct(item.name, _metadata(stored.release) if stored else None, is_open=is_open)
        return stored.release.wake_at if stored and is_open else None

    def ask(self, release: ReleaseId, request: ReleaseRequest) -> None:
        """Leave a request for the release. An abort stays: no later request takes it back. Only one that no person
        asked for gives way to a person's decision, which it waits for while the release holds.

        Raises:
            RetryableError: it is not known whether the request was left, or others kept asking at the same moment.
        """
        for _ in range(ASK_ATTEMPTS):
            blob = self._blobs.get(_request_name(release))
            previous = decode(ReleaseRequest, blob.body) if blob else None
            if previous == request or (previous and not self._gives_way(release, previous, request)):
                return
            # Whoever asks at the same moment must not be overwritten unread: it may be an abort.
            if self._write_request(release, request, blob.etag if blob else None):
                return
        raise RetryableError("release.contended", f"others keep asking something of release {release}: ask again")

    def _write_request(self, release: ReleaseId, request: ReleaseRequest, etag: str | None) -> bool:
        name, body = _request_name(release), encode(request)
        try:
            written = self._blobs.create(name, body) if etag is None else self._blobs.replace(name, body, etag)
        except AmbiguousWriteError:
            return False  # reading again shows whether it was written
        return written is not None

    def _gives_way(self, release: ReleaseId, previous: ReleaseRequest, request: ReleaseRequest) -> bool:
        return previous.kind != "abort" or (previous.is_automatic and self._decides(release, request))

    def _decides(self, release: ReleaseId, request: ReleaseRequest) -> bool:
        if request.is_automatic or request.kind not in {"abort", "promote"}:
            return False
        stored = self.load(release)
        return request.kind == "abort" or (stored is not None and bool(stored.release.held_because))

    def held(self, release: ReleaseId) -> ReleaseRequest | None:
        """Return a person's hold, or its end (kind `resume`); None when nobody ever held the release."""
        blob = self._blobs.get(_hold_name(release))
        return None if blob is None else decode(ReleaseRequest, blob.body)

    def hold(self, release: ReleaseId, request: ReleaseRequest, instead_of: ReleaseRequest | None) -> bool:
        """Record a hold or its end, apart from other requests, which cannot undo it; False when what stood there is
        not `instead_of` any more, or it is not known whether this was written."""
        blob = self._blobs.get(_hold_name(release))
        if (decode(ReleaseRequest, blob.body) if blob else None) != instead_of:
            return False
        name, body = _hold_name(release), encode(request)
        with suppress(AmbiguousWriteError):
            written = self._blobs.replace(name, body, blob.etag) if blob else self._blobs.create(name, body)
            return written is not None
        return False

    def card(self, release: ReleaseId) -> VersionCard | None:
        blob = self._blobs.get(f"{CARDS}{release}.json")
        return None if blob is None else decode(VersionCard, blob.body)

    def save_card(self, card: VersionCard) -> None:
        self._blobs.put(f"{CARDS}{card.release.id}.json", encode(card))

    def request(self, release: ReleaseId) -> ReleaseRequest | None:
        blob = self._blobs.get(_request_name(release))
        return None if blob is None else decode(ReleaseRequest, blob.body)


def _name(release: ReleaseId) -> str:
    return f"{RELEASES}{release}.json"


def _id(name: str) -> ReleaseId:
    return ReleaseId(name.removeprefix(RELEASES).removesuffix(".json"))


def _wake_at(item: BlobItem) -> datetime:
    """Return when the marker says that the release is to be looked at; the marker's own time where it does not."""
    with suppress(KeyError, ValueError):
        return datetime.fromisoformat(item.metadata["wake"])
    return item.last_modified


def _request_name(release: ReleaseId) -> str:
    return f"{REQUESTS}{release}.json"


def _hold_name(release: ReleaseId) -> str:
    return f"{HOLDS}{release}.json"


def _item(release: ReleaseId, metadata: Mapping[str, str]) -> ReleaseItem:
    return ReleaseItem(
        id=release,
        state=metadata["state"],
        wake_at=datetime.fromisoformat(metadata["wake"]),
        is_settled=metadata["settled"] == "yes",
    )


def _metadata(release: Release) -> dict[str, str]:
    return {
        "state": release.state,
        "wake": release.wake_at.isoformat(),
        "settled": "yes" if release.is_settled else "no",
        "endpoint": release.endpoint,
    }
