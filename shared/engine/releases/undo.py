"""Bringing an earlier version back: a release without gates, and with everything else."""

from __future__ import annotations

from shared.domain.ids import ModelVersion
from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import Release, Undo
from shared.engine.releases.reopen import Reopener, Wish, refusal
from shared.release.open_release import Opening


class Undoer(Reopener):
    def open(self, wish: Wish, plan: ReleasePlan) -> Release:
        """Open a release of the earlier version and have it looked at.

        It skips the gates, the evaluation and the approval, which the version passed before it served; it goes through
        the same steps and the same judgement as any other.

        Raises:
            PermanentError: the version cannot be brought back: it never served, serves now, or is gone; or another
                release is under way.
        """
        self._check(wish)
        now = self.clock.now()
        opening = Opening(
            model=wish.model,
            version=wish.version,
            endpoint=wish.endpoint,
            fact=wish.fact("undo", now),
            submitter=wish.address,
            submitter_is_unknown=wish.address is None,
            cause=f"undo by {wish.by}: {wish.reason}",
            undo=Undo(wish.by, wish.reason, now),
        )
        return self.open_as_next(opening, plan, now)

    def _check(self, wish: Wish) -> None:
        self.require_registered(wish, "undo.no_model")
        if owner := self.desk.active_on(wish.endpoint):
            hint = f"vigia releases abort {owner} gives the champion its traffic back"
            raise refusal("undo.busy", f"release {owner} is under way on endpoint {wish.endpoint}", hint)
        claim = self.endpoints.read(wish.endpoint)
        if claim.champion and claim.champion.version == wish.version:
            raise refusal("undo.serves", f"{wish.name} serves already", "there is nothing to undo")
        if wish.version not in self._served(wish):
            raise refusal(
                "undo.unknown", f"{wish.name} never served on {wish.endpoint}", "register it, and it is released"
            )

    def _served(self, wish: Wish) -> set[ModelVersion | None]:
        """Return the versions that were once promoted, as far as releases tell."""
        claim = self.endpoints.read(wish.endpoint)
        versions = {serving.version for serving in (claim.champion, claim.last_known_good) if serving}
        for item in self.releases.items():
            stored = self.releases.readable(item.id) if item.id.startswith(wish.model) else None
            if stored is None or (stored.release.model, stored.release.endpoint) != (wish.model, wish.endpoint):
                continue
            release = stored.release
            versions |= {release.champion.version} if release.champion else set()
            versions |= {release.version} if release.was_promoted else set()
        return versions
