"""What endpoints and deployments, online and batch, are alike in: a state, and reads that lag behind writes."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from local.azureml.base.arm import Json, Resource

_SETTLED = {"Succeeded", "Failed"}


@dataclass
class Provisioned:
    """`shown` is what reads see while they are stale."""

    resource: Resource
    shown: Json | None = field(default=None, kw_only=True)
    stale_until: float = field(default=0.0, kw_only=True)

    def __getstate__(self) -> Json:
        """Return what outlives this process: its clock does not."""
        return {**self.__dict__, "shown": None, "stale_until": 0.0}

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def state(self) -> str:
        return str(self.resource.properties["provisioningState"])

    @state.setter
    def state(self, value: str) -> None:
        self.resource.properties["provisioningState"] = value

    @property
    def is_settled(self) -> bool:
        """Whether no operation is under way, so that a write is accepted."""
        return self.state in _SETTLED

    def keep_showing(self, seconds: float) -> None:
        """Let reads see the state of now, before the next write, for a while longer."""
        self.shown = copy.deepcopy(self.resource.json())
        self.stale_until = time.monotonic() + seconds

    def json(self) -> Json:
        if self.shown is not None and time.monotonic() < self.stale_until:
            return self.shown
        self.shown = None
        return self.resource.json()


D = TypeVar("D", bound=Provisioned)


@dataclass
class ProvisionedEndpoint(Provisioned, Generic[D]):
    """`deployments` by name."""

    deployments: dict[str, D] = field(default_factory=dict)
