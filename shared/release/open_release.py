"""A release at its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.notice import NoticeKind
from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import Release, ReleaseState, Serving, Undo
from shared.release.core.names import deployment_name, release_id
from shared.release.core.transitions import WAIT_FOR_ENDPOINT, tell


@dataclass(frozen=True, slots=True)
class Opening:
    """What a release is opened with.

    Args:
        fact: the key of the fact that opens it.
        submitter: the address of the human behind it, None when no human is, or nobody could name them.
        submitter_is_unknown: a human may be behind it whose address is not known.
        cause: in a few words, e.g. "drift" or "registered by ana@example.com".
        chain: how many automatic retrainings led here in a row.
        number: 1 for the version's first release; more when a person wants it back.
        undo: that person's wish.
    """

    model: ModelName
    version: ModelVersion
    endpoint: EndpointName
    fact: FactKey
    submitter: str | None
    cause: str
    chain: int = 0
    number: int = 1
    undo: Undo | None = None
    submitter_is_unknown: bool = False


def new_release(opening: Opening, plan: ReleasePlan, now: datetime) -> Release:
    """Return the release of this model version; it is the same one, by id, however often it is opened."""
    release = Release(
        id=release_id(opening.model, opening.version, opening.number),
        model=opening.model,
        version=opening.version,
        endpoint=opening.endpoint,
        plan=plan,
        opened_at=now,
        opened_by=opening.fact,
        submitter=opening.submitter,
        submitter_is_unknown=opening.submitter_is_unknown,
        cause=opening.cause,
        chain=opening.chain,
        challenger=Serving(deployment_name(opening.version), opening.version),
        state=ReleaseState.OPENED,
        entered_at=now,
        deadline=now + WAIT_FOR_ENDPOINT,
        wake_at=now,
        reason=f"opened by {opening.cause}",
        undo=opening.undo,
    )
    return tell(release, NoticeKind.RELEASE_OPENED, reason=release.reason)
