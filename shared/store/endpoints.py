"""What is wanted of each endpoint: one blob per endpoint, changed only by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.release import Serving
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.release.observation import EndpointClaim
from shared.store.codec import decode, encode


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
        self._store(replace(claim, owner=release), etag)
        return True

    def desire(self, endpoint: EndpointName, release: ReleaseId, traffic: Mapping[DeploymentName, int]) -> bool:
        """Record the split that the owner is about to write; False when the release is not the owner.

        Args:
            traffic: whole percents that sum to 100.
        """
        if sum(traffic.values()) != 100 or min(traffic.values()) < 0:
            raise ValueError(f"a traffic split sums to 100, unlike {dict(traffic)}")
        claim, etag = self._load(endpoint)
        if claim.owner != release:
            return False
        if dict(claim.desired) != dict(traffic):
            self._store(replace(claim, desired=dict(traffic)), etag)
        return True

    def give_back(
        self, endpoint: EndpointName, release: ReleaseId, champion: Serving | None, last_known_good: Serving | None
    ) -> None:
        """Record what serves now and let the next release in; nothing happens when the release is not the owner."""
        claim, etag = self._load(endpoint)
        if claim.owner == release:
            self._store(replace(claim, owner=None, champion=champion, last_known_good=last_known_good), etag)

    def _load(self, endpoint: EndpointName) -> tuple[EndpointClaim, str | None]:
        found = self._blobs.get(_name(endpoint))
        if found is None:
            return EndpointClaim(endpoint), None
        return decode(EndpointClaim, found.body), found.etag

    def _store(self, claim: EndpointClaim, etag: str | None) -> None:
        body = encode(replace(claim, generation=claim.generation + 1))
        name = _name(claim.endpoint)
        written = self._blobs.create(name, body) if etag is None else self._blobs.replace(name, body, etag)
        if written is None:
            raise RetryableError(
                code="endpoint.contended", message=f"somebody else just changed what is wanted of {claim.endpoint}"
            )


def _name(endpoint: EndpointName) -> str:
    return f"endpoints/{endpoint}.json"
