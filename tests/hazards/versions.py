"""Registrations on their way to traffic: the fact path and the release controller together, over fakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.domain.ids import EndpointName
from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import Release
from shared.ports.queues import RELEASES
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.fact_world import ENDPOINT, World, a_policy, registered

POLICY = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: ana@example.com, approvers: []}
approval: {when: never}
rollout: {strategy: all-at-once, watch_for: 5m}
"""
LONGEST = timedelta(days=3)


class Healthy(FakeTelemetry):
    """Twenty requests a minute to what serves, of which none fails: an end that nothing shows would go back."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        super().__init__()
        self._workspace = workspace

    def intervals(
        self,
        endpoint: EndpointName,
        start: datetime,
        end: datetime,
        width: timedelta,
        quantile: float | None = None,
    ) -> tuple[Interval, ...]:
        names = [name for name, share in self._workspace.endpoints[endpoint].traffic.items() if share]
        times = [start + count * width for count in range(max(0, (end - start) // width))]
        return tuple(Interval(name, moment, 20, 0, 4.0) for moment in times for name in names)


class Registry(World):
    """A registry whose versions are announced in any order, each to be released at once."""

    def __init__(self, created: Mapping[str, datetime]) -> None:
        super().__init__(a_policy(POLICY))
        self.azureml.models.clear()
        self.azureml.endpoints.clear()
        for version, moment in created.items():
            self.azureml.register("churn", version, moment)
        self.telemetry = Healthy(self.azureml)

    def announce(self, versions: Iterable[str]) -> None:
        for version in versions:
            self.process(registered(version, id=f"event-{version}"))

    def look(self) -> bool:
        """Deliver the release message that falls due next; False when there is none."""
        due = self.queues.next_at(RELEASES)
        if due is None:
            return False
        self.clock.advance(max(due - self.clock.now(), timedelta(0)))
        message = self.queues.take(RELEASES)
        assert message is not None
        self.app.reconciler.handle(message)
        return True

    def settle(self) -> None:
        """Deliver release messages until every release has ended."""
        end = self.clock.now() + LONGEST
        while self.look():
            assert self.clock.now() < end, self.states

    @property
    def ended(self) -> dict[str, Release]:
        releases = (self.releases.load(item.id) for item in self.releases.items())
        return {str(stored.release.version): stored.release for stored in releases if stored}

    @property
    def states(self) -> dict[str, str]:
        return {version: str(release.state) for version, release in self.ended.items()}

    @property
    def traffic(self) -> dict[str, int]:
        return {str(name): share for name, share in self.azureml.endpoints[ENDPOINT].traffic.items()}

    @property
    def serving(self) -> list[str]:
        """Return the versions that have traffic."""
        record = self.azureml.endpoints[ENDPOINT]
        return [str(deployment.version) for deployment in record.deployments if record.traffic.get(deployment.name)]
