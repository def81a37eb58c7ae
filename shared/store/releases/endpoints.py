"""The desired state of each endpoint: one blob per endpoint, changed only by compare-and-set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.releases.release import Serving
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.release.core.observation import EndpointClaim
from shared.store.codec import decode, encode

ENDPOINTS = "endpoints/"
# A release asks for few splits; of more, the oldest were overtaken long ago.
MOST_EARLIER = 8
NOTE_ATTEMPTS = 5


class EndpointStore:
    """Azure ML's traffic has no compare-and-set; this record has, and whoever owns it may write traffic."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, endpoint: EndpointName) -> EndpointClaim:
        return self._load(endpoint)[0]

    def claim(self, endpoint: EndpointName, release: ReleaseId, instead_of: ReleaseId | None = None) -> bool:
        """Make the release the owner; False when another one is (other than `instead_of`, which has ended).

        Raises:
            RetryableError: somebody else wrote at the same moment.
        """
        claim, etag = self._load(endpoint)
        if claim.owner == release:
            return True
        if claim.owner not in {None, instead_of}:
            return False
        self._store(replace(claim, owner=release, earlier=(), late=(), asked_at=None, told=None), etag)
        return True

    def names(self) -> Iterator[EndpointName]:
        """Yield every endpoint of which something was ever wanted, by name."""
        for item in self._blobs.list(ENDPOINTS):
            yield EndpointName(item.name.removeprefix(ENDPOINTS).removesuffix(".json"))

    def desire(
        self,
        endpoint: EndpointName,
        release: ReleaseId,
        traffic: Mapping[DeploymentName, int],
        now: datetime | None = None,
    ) -> bool:
        """Record the split that the owner is about to write; False when the release is not the owner.

        Args:
            traffic: whole percents that sum to 100.

        Raises:
            ValueError: the split does not sum to 100.
        """
        if sum(traffic.values()) != 100 or min(traffic.values()) < 0:
            raise ValueError(f"a traffic split sums to 100, unlike {dict(traffic)}")
        claim, etag = self._load(endpoint)
        if claim.owner != release:
            return False
        if dict(claim.desired) != dict(traffic):
            # What an earlier owner asked for is not this one's write to land late.
            earlier = (*claim.earlier, claim.desired)[-MOST_EARLIER:] if claim.asked_at else claim.earlier
            self._store(replace(claim, desired=dict(traffic), earlier=earlier, asked_at=now), etag)
        return True

    def note_late(self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], now: datetime) -> None:
        """Note a split that was just written, unless it is the wanted one: its writer was frozen on the way, and
        whoever keeps the endpoint is to put it right, as a late write of his own.

        Raises:
            RetryableError: others kept changing the record at the same time.
        """
        for _ in range(NOTE_ATTEMPTS):
            claim, etag = self._load(endpoint)
            if dict(claim.desired) == dict(traffic):
                return
            late = (*claim.late, dict(traffic))[-MOST_EARLIER:]
            with suppress(RetryableError):
                self._store(replace(claim, late=late, asked_at=now), etag)
                return
        raise RetryableError("endpoint.contended", f"the desired state of {endpoint} keeps changing")

    def desire_mirror(self, endpoint: EndpointName, release: ReleaseId, mirror: Mapping[DeploymentName, int]) -> bool:
        """Record which copies of requests the owner is about to ask for; False when the release is not the owner.

        Args:
            mirror: whole percents that sum to at most 50; empty for none.

        Raises:
            ValueError: more than half of the requests would be copied.
        """
        if sum(mirror.values()) > 50 or any(share < 1 for share in mirror.values()):
            raise ValueError(f"at most 50 % of the requests can be copied, unlike {dict(mirror)}")
        claim, etag = self._load(endpoint)
        if claim.owner != release:
            return False
        if dict(claim.mirror) != dict(mirror):
            self._store(replace(claim, mirror=dict(mirror)), etag)
        return True

    def give_back(
        self,
        endpoint: EndpointName,
        release: ReleaseId,
        champion: Serving | None,
        last_known_good: Serving | None,
        idle: Mapping[DeploymentName, datetime] | None = None,
    ) -> None:
        """Record what serves now and let the next release in; nothing happens when the release is not the owner.

        Args:
            idle: the release's deployments that may serve nobody from now on, and when that was.
        """
        claim, etag = self._load(endpoint)
        if claim.owner != release:
            return
        retired = {**claim.idle, **(idle or {})}
        if champion:
            retired.pop(champion.deployment, None)
        # Without a champion nothing is to serve: the split of a first version that was given up must not come back.
        desired = claim.desired if champion else {}
        given = replace(
            claim, desired=desired, owner=None, last_owner=release, champion=champion, last_known_good=last_known_good
        )
        self._store(replace(given, idle=retired), etag)

    def change(self, previous: EndpointClaim, updated: EndpointClaim) -> bool:
        """Store what was changed in a record without owner; False when it is not any more what it was before.

        Raises:
            RetryableError: somebody else wrote at the same moment.
        """
        claim, etag = self._load(previous.endpoint)
        if claim != previous or claim.owner is not None:
            return False
        self._store(updated, etag)
        return True

    def _load(self, endpoint: EndpointName) -> tuple[EndpointClaim, str | None]:
        blob = self._blobs.get(_name(endpoint))
        if blob is None:
            return EndpointClaim(endpoint), None
        return decode(EndpointClaim, blob.body), blob.etag

    def _store(self, claim: EndpointClaim, etag: str | None) -> None:
        body = encode(replace(claim, generation=claim.generation + 1))
        name = _name(claim.endpoint)
        written = self._blobs.create(name, body) if etag is None else self._blobs.replace(name, body, etag)
        if written is None:
            raise RetryableError(
                code="endpoint.contended", message=f"somebody else just changed the desired state of {claim.endpoint}"
            )


def _name(endpoint: EndpointName) -> str:
    return f"{ENDPOINTS}{endpoint}.json"
