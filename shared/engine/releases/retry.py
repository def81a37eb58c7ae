"""Releasing a version once more that did not make it: a release of its own, with the same gates and approval."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.release import Release, ReleaseState
from shared.engine.releases.reopen import Reopener, Wish, refusal
from shared.ports.workspace import endpoints_of
from shared.release.core.names import release_id
from shared.release.core.versions import is_newer
from shared.release.open_release import Opening


class Retrier(Reopener):
    def open(self, wish: Wish, plan: ReleasePlan) -> Release:
        """Open another release of the version, under the policy as it is now, and have it looked at.

        Whoever submitted the version stays its submitter. A deployment of it that did not come up is deleted first: its
        name is needed.

        Raises:
            PermanentError: there is nothing to repeat: it has no release that ended without success, one is under way,
                it serves, a newer version serves, or the registry has it no more.
        """
        previous = self._check(wish)
        self._clear(wish, previous)
        now, submitter = self.clock.now(), previous.submitter or wish.address
        opening = Opening(
            model=wish.model,
            version=wish.version,
            endpoint=wish.endpoint,
            fact=wish.fact("retry", now),
            submitter=submitter,
            submitter_is_unknown=submitter is None,
            cause=f"retry of {previous.id} by {wish.by}: {wish.reason}",
            chain=previous.chain,
            number=2,
        )
        return self.open_as_next(opening, plan, now)

    def _check(self, wish: Wish) -> Release:
        """Return the version's last release.

        Raises:
            PermanentError: there is no release of it, one is under way, or it serves or is overtaken.
        """
        earlier = list(self._earlier_releases(wish))
        if not earlier:
            hint = f"`vigia releases --model {wish.model}` lists them; a version is released when it is registered"
            raise refusal("retry.unknown", f"{wish.name} was never released", hint)
        last = earlier[-1]
        if running := next((release for release in earlier if not release.state.is_terminal), None):
            hint = f"vigia releases get {running.id} shows it"
            raise refusal("retry.runs", f"release {running.id} of it is under way, {running.state}", hint)
        claim = self.endpoints.read(wish.endpoint)
        serving = claim.champion.version if claim.champion else None
        if serving == wish.version:
            raise refusal("retry.serves", f"{wish.name} serves already", "there is nothing to repeat")
        is_overtaken = serving is not None and is_newer(serving, None, wish.version, None)
        if is_overtaken or any(release.state is ReleaseState.FINISHED for release in earlier):
            hint = f"vigia releases undo {wish.model} --to {wish.version} brings back a version that served"
            newer = f"version {serving} serves, which is newer" if is_overtaken else "it made it before"
            raise refusal("retry.overtaken", f"{wish.name} cannot be repeated: {newer}", hint)
        self.require_registered(wish, "retry.no_model")
        return last

    def _earlier_releases(self, wish: Wish) -> Iterator[Release]:
        """Yield the version's releases, oldest first."""
        for number in count(1):
            stored = self.releases.load(release_id(wish.model, wish.version, number))
            if stored is None:
                return
            if stored.release.endpoint == wish.endpoint:
                yield stored.release

    def _clear(self, wish: Wish, release: Release) -> None:
        endpoints, name = endpoints_of(self.workspace, release.plan.endpoint_type), release.challenger.deployment
        endpoint = endpoints.endpoint(wish.endpoint)
        remains = (
            next((deployment for deployment in endpoint.deployments if deployment.name == name), None)
            if endpoint
            else None
        )
        if remains and remains.version == wish.version and remains.state in {"Failed", "Canceled"}:
            endpoints.delete_deployment(wish.endpoint, name)
