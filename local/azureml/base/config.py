"""The configuration of the Azure ML emulator, and the faults that can be set."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from local.addresses import Addresses
from local.azureml.base.environments import Environments
from local.profile import Conditions, Span


@dataclass
class Faults:
    """Counters that run down: each is "the next n". Set over POST /_local/faults, so mutable."""

    busy_endpoint: int = 0  # writes to endpoints and deployments that answer 409
    lost_replies: int = 0  # writes that are carried out and whose answer never arrives
    status_429: int = 0  # calls answered 429
    status_401: int = 0  # calls answered 401, as to a token of a secret that was rotated
    stale_reads_ms: int = 0  # how long endpoint reads still show the state before the last write; not a counter
    slow_operations_ms: int = 0  # how long operations of endpoints stay "Updating" at least; not a counter


@dataclass(frozen=True)
class AzureMlConfig:
    """`python` runs jobs and scoring processes. Jobs, models and logs live under `workdir` until the next start.

    With `is_kept` they stay, and so does what is registered; storage must be the same, too.
    """

    addresses: Addresses
    workdir: Path
    python: str = sys.executable
    # A Python that has PySpark, for Spark components.
    spark_python: str = field(default_factory=lambda: os.environ.get("VIGIA_SPARK_PYTHON", ""))
    concurrent_jobs: int = 1
    seed: int = 0  # of the generator that splits traffic
    operation_seconds: float = 0.05  # how long endpoint and compute operations stay "Updating"
    deployment_timeout_seconds: float = 120.0  # from start of the process to readiness
    pending_limit: int = 64  # requests waiting on one deployment before the proxy answers 429
    is_kept: bool = False
    # Where environments are made that need other packages than this one has; None makes none.
    layers: Path | None = None
    require_keys: bool = True  # scoring asks for the endpoint's key, as the service does
    faults: Faults = field(default_factory=Faults)
    conditions: Conditions = field(default_factory=Conditions)

    @cached_property
    def environments(self) -> Environments:
        return Environments(self.python, self.layers)

    @property
    def updating_seconds(self) -> float:
        """How long an operation of an endpoint takes that has nothing to wait for."""
        return self.taking(self.conditions.profile.traffic_minutes)

    def taking(self, span: Span) -> float:
        """Return how long an operation takes that takes so many minutes in Azure."""
        return max(self.operation_seconds, self.faults.slow_operations_ms / 1000, self.conditions.drawn(span))

    @property
    def stale_seconds(self) -> float:
        """How long reads show the state before the last write."""
        profile = self.conditions.profile
        return max(self.faults.stale_reads_ms / 1000, profile.seconds(profile.stale_minutes))
