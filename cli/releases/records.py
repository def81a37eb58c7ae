"""Finds releases, and what people were asked about them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from shared.domain.ids import ReleaseId
from shared.domain.releases.approval import ApprovalRequest, Decision, Vote
from shared.domain.releases.release import Release
from shared.errors import RetryableError

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.store.releases.approvals import ApprovalRecords

NAMED = 5


@dataclass(frozen=True, slots=True)
class Approval:
    """The question that counts, the answers so far, and what it came to."""

    request: ApprovalRequest
    votes: tuple[Vote, ...]
    decision: Decision | None


def newest_first(app: App, model: str | None, limit: int) -> list[Release]:
    """Return the running releases, then at most `limit` that have ended; newest first in both."""
    items = sorted(app.releases.items(), key=lambda item: item.wake_at, reverse=True)
    # A model's releases are named after it, so that most of the others need not be read.
    mine = [item for item in items if model is None or item.id.startswith(f"{model}-")]
    ids = [item.id for item in mine if not item.is_settled]
    listed = [release for release_id in ids if (release := _load(app, release_id)) and model in {None, release.model}]
    ended = [item.id for item in mine if item.is_settled]
    while ended and limit:
        release = _load(app, ended.pop(0))
        if release and model in {None, release.model}:
            listed.append(release)
            limit -= 1
    return listed


def find_release(app: App, beginning: str) -> Release:
    """Return the release of that id, or the only one whose id begins so.

    Raises:
        CommandError: there is none, or there are several.
    """
    if release := _load(app, ReleaseId(beginning)):
        return release
    ids = [item.id for item in app.releases.items()]
    matching = [release_id for release_id in ids if release_id.startswith(beginning)]
    release = _load(app, matching[0]) if len(matching) == 1 else None
    if release:
        return release
    listed = ", ".join(matching[:NAMED]) + (", …" if len(matching) > NAMED else "")
    message = (
        f"several releases begin with {beginning!r}: {listed}" if matching else f"there is no release {beginning!r}"
    )
    raise CommandError("cli.release", message, "`vigia releases` lists them")


def approval_of(app: App, release: Release) -> Approval | None:
    """Return the approval that was asked for; None when none was, and for who may not read it.

    On Azure only the app and its pages may. What came of it is in the release's story.
    """
    if not release.approval_digest:
        return None
    with suppress(RetryableError):
        return _approval(app.approvals.records, release)
    return None


def _approval(records: ApprovalRecords, release: Release) -> Approval | None:
    request = records.request(release.id, release.approval_digest)
    if request is None:
        return None
    votes = records.votes(release.id, release.approval_digest)
    return Approval(request, votes, records.decision(release.id, release.approval_digest))


def _load(app: App, release: ReleaseId) -> Release | None:
    stored = app.releases.load(release)
    return stored.release if stored else None
