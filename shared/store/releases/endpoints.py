"""The desired state of each endpoint: one blob per endpoint, changed only by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.releases.release import Serving
from shared.errors import RetryableError
from shared.ports.blobs import BlobItem, BlobStore
from shared.release.core.observation import EndpointClaim
from shared.store.codec import decode, encode

ENDPOINTS = "endpoints/"
CHECKED_LAST = "endpoint-checks/last"
# A release asks for few splits; of more, the oldest were overtaken long ago.
MOST_EARLIER = 8
NOTE_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ClaimSummary:
    """What the listing tells of an endpoint's desired state; not `is_described` when it tells nothing.

    Args:
        is_told: people were told of a split that was not the desired one.
    """

    endpoint: EndpointName
    is_described: bool = True
    is_owned: bool = False
    is_told: bool = False
    desired: Mapping[DeploymentName, int] = field(default_factory=dict)


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

    def summaries(self) -> tuple[ClaimSummary, ...]:
        """Return every endpoint of which something was ever wanted, by name, in one listing."""
        return tuple(_summary(item) for item in self._blobs.list(ENDPOINTS))

    def describe(self, endpoint: EndpointName) -> None:
        """Write what the listing lacks about a record of a version before it; nothing else changes.

        Raises:
            PermanentError: the record is damaged.
        """
        claim, etag = self._load(endpoint)
        if etag is not None:
            self._blobs.replace(_name(endpoint), encode(claim), etag, _metadata(claim))

    def checked_last(self) -> str:
        """Return the endpoint at which the last pass of full checks stopped; "" before the first."""
        blob = self._blobs.get(CHECKED_LAST)
        return blob.body.decode() if blob else ""

    def note_checked(self, endpoint: EndpointName) -> None:
        self._blobs.put(CHECKED_LAST, endpoint.encode())

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
        name, about = _name(claim.endpoint), _metadata(claim)
        written = self._blobs.replace(name, body, etag, about) if etag else self._blobs.create(name, body, about)
        if written is None:
            raise RetryableError(
                code="endpoint.contended", message=f"somebody else just changed the desired state of {claim.endpoint}"
            )


def _metadata(claim: EndpointClaim) -> dict[str, str]:
    desired = ",".join(f"{name}={share}" for name, share in sorted(claim.desired.items()) if share)
    return {"owned": _word(claim.owner), "told": _word(claim.told), "desired": desired or "nothing"}


def _word(value: object) -> str:
    return "no" if value is None else "yes"


def _summary(item: BlobItem) -> ClaimSummary:
    name, about = EndpointName(item.name.removeprefix(ENDPOINTS).removesuffix(".json")), item.metadata
    if not about.keys() >= {"owned", "told", "desired"}:
        return ClaimSummary(name, is_described=False)
    shares = (part.partition("=") for part in about["desired"].split(",") if "=" in part)
    desired = {DeploymentName(deployment): int(share) for deployment, _, share in shares}
    return ClaimSummary(name, is_owned=about["owned"] == "yes", is_told=about["told"] == "yes", desired=desired)


def _name(endpoint: EndpointName) -> str:
    return f"{ENDPOINTS}{endpoint}.json"
