"""The state of each model's monitor: its newest runs, what they come to, and where its next window begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.fact import FeatureDrift
from shared.domain.ids import DeploymentName, JobName, ModelName, ModelVersion
from shared.drift.results.signals import WORST_FIRST, SignalVerdict
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode
from shared.store.monitors.beats import LOOKS, Beats

RUNS_PER_SIGNAL = 60
_PREFIX = "monitors/"


@dataclass(frozen=True, slots=True)
class MonitorRun:
    """One look at the window [start, end). `sentence` says what was found; `features` are those that drifted.
    `evidence` names the labels that were looked at, when labels were; `report` is the id of the stored report."""

    model_version: ModelVersion
    signal: str
    start: datetime
    end: datetime
    rows: int
    verdict: SignalVerdict
    sentence: str
    features: tuple[FeatureDrift, ...] = ()
    evidence: str = ""
    report: str = ""

    @property
    def name(self) -> str:
        """Return the name of this look, unique among those at the signal."""
        return f"{self.model_version}@{self.evidence or self.start.isoformat()}"


@dataclass(frozen=True, slots=True)
class VersionRows:
    """How many rows one version of a data asset has."""

    asset: str
    created_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Counting:
    """A window [start, end) of so many bytes that is too large for one process: the Spark job that counts it, under a
    name that is ours, or none when the policy names no Spark component."""

    job: JobName | None
    deployment: DeploymentName
    start: datetime
    end: datetime
    size: int


@dataclass(frozen=True, slots=True)
class MonitorState:
    """`window_start` is where the next window begins; `runs` are the newest, oldest first; `labels_seen` is the
    version of the labels that performance was last judged on. `counting` is the window that waits for its counts;
    `counted_by` the job whose profile of the version's training data later jobs count around; `data_rows` what versions
    of the data assets that are watched were found to hold."""

    model: ModelName
    model_version: ModelVersion
    window_start: datetime
    looked_at: datetime
    runs: tuple[MonitorRun, ...] = ()
    labels_seen: str = ""
    counting: Counting | None = None
    counted_by: JobName | None = None
    data_rows: tuple[VersionRows, ...] = ()

    @property
    def is_counting(self) -> bool:
        return self.counting is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides when a monitor is due; it is in the metadata of its state's blob."""

    looked_at: datetime
    is_counting: bool


def last_look(state: MonitorState | None) -> MonitorRun | None:
    """Return what the newest look found: of its signals the one with the worst verdict."""
    runs = state.runs if state else ()
    newest = max((run.end for run in runs), default=None)
    return worst([run for run in runs if run.end == newest]) if newest else None


def standing_drift(state: MonitorState | None) -> tuple[MonitorRun, ...]:
    """Return, per signal whose newest verdict on the version that serves is drift, that run. Looks at too little data
    change nothing."""
    if state is None:
        return ()
    runs = [run for run in state.runs if run.model_version == state.model_version]
    judged = {run.signal: run for run in runs if run.verdict in {"drift", "no-drift"}}
    return tuple(run for run in judged.values() if run.verdict == "drift")


def worst(runs: Sequence[MonitorRun]) -> MonitorRun:
    """Return the first of the runs that no other is worse than."""
    return min(runs, key=lambda run: WORST_FIRST.index(run.verdict))


class MonitorStates:
    """One blob per model; the etag read with it guards the write. `looks` knows when each model's look was begun."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.looks = Beats(blobs, LOOKS)

    def models(self) -> tuple[ModelName, ...]:
        """Return the models whose monitor has looked at least once, by name."""
        names = (item.name for item in self._blobs.list(_PREFIX))
        return tuple(ModelName(name.removeprefix(_PREFIX).removesuffix(".json")) for name in names)

    def standings(self) -> Mapping[ModelName, Standing]:
        """Return what one listing tells of all models; without those whose state was written by a version before it."""
        return {
            ModelName(item.name.removeprefix(_PREFIX).removesuffix(".json")): Standing(
                datetime.fromisoformat(item.metadata["looked_at"]), item.metadata["counting"] == "yes"
            )
            for item in self._blobs.list(_PREFIX)
            if item.metadata.keys() >= {"looked_at", "counting"}
        }

    def read(self, model: ModelName) -> tuple[MonitorState | None, str]:
        """Return the state and its etag; (None, "") before the first run."""
        blob = self._blobs.get(_name(model))
        return (None, "") if blob is None else (decode(MonitorState, blob.body), blob.etag)

    def save(self, state: MonitorState, etag: str) -> str:
        """Store the state over the version that was read, and return its new etag.

        Raises:
            RetryableError: another monitor run saved first; its findings stand.
        """
        body = encode(state)
        name = _name(state.model)
        about = {"looked_at": state.looked_at.isoformat(), "counting": "yes" if state.counting else "no"}
        written = self._blobs.replace(name, body, etag, about) if etag else self._blobs.create(name, body, about)
        if written is None:
            raise RetryableError("monitors.contended", f"another monitor run of {state.model!r} was quicker")
        return written.etag


def _name(model: ModelName) -> str:
    return f"{_PREFIX}{model}.json"
