"""What a batch endpoint's jobs read and predicted, as the rows that it served; and whether jobs still come.

A job's rows count in the window in which it completed. Nobody collects requests there: inputs are read from where the
job read them, and predictions from the file that it wrote, which are put side by side by the policy's
`rollout.batch.predictions`: by file and row, or by columns that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.batch import PredictionLayout
from shared.engine.monitors.references import PREDICTION
from shared.engine.monitors.rows.labelled_rows import keyed, require_columns
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import FILE_AND_ROW, Monitor
from shared.ports.batch_endpoints import BatchEndpoints, BatchRun
from shared.ports.data import DataReader
from shared.ports.workspace import Workspace
from shared.release.sections.rollout import Rollout
from shared.release.states.batch import PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

# Jobs are late by a half, not by a minute; with fewer gaps between jobs than three nobody knows when the next is due.
LATE, FEWEST_GAPS, GAPS = 2, 3, 20
LOOK_BACK = timedelta(days=60)


def served_rows(policy: Policy, workspace: Workspace, data: DataReader) -> DataReader:
    """Return a reader of the rows that the policy's endpoint served: what was collected, or what its jobs scored."""
    if policy.endpoint.type == "online":
        return data
    rollout = policy.section(Rollout)
    predictions = rollout.batch.predictions if rollout and rollout.batch else None
    layout = PredictionLayout(**predictions.model_dump()) if predictions else PredictionLayout()
    return cast(DataReader, _BatchRows(data, workspace.batch, layout))


def silent_jobs(
    policy: Policy, workspace: Workspace, deployment: DeploymentName, since: datetime, now: datetime
) -> str:
    """Return that the endpoint has had no job for twice as long as the policy says, or else as its jobs were ever
    apart lately; "" while nobody can say so.

    Args:
        since: from when jobs are awaited where there was none.

    Raises:
        RetryableError: the service did not answer.
    """
    monitor = policy.section(Monitor)
    if policy.endpoint.type == "online" or monitor is None:
        return ""
    runs = _runs(workspace.batch, policy.endpoint.name, deployment, now - LOOK_BACK)
    ends = [run.ended_at for run in runs]
    gaps = [later - earlier for earlier, later in pairwise(ends)][-GAPS:]
    every = monitor.jobs_every or (max(gaps) if len(gaps) >= FEWEST_GAPS else None)
    newest = ends[-1] if ends else since
    if every is None or now - newest <= LATE * every:
        return ""
    how = "as the policy says" if monitor.jobs_every else f"as the last {len(ends)} were"
    late = f"endpoint {policy.endpoint.name} has completed no job since {newest:%Y-%m-%d %H:%M} UTC"
    return f"{late}; they should be {every / timedelta(hours=1):.3g} h apart at most, {how}"


def _runs(
    endpoints: BatchEndpoints, endpoint: EndpointName, deployment: DeploymentName, since: datetime
) -> list[BatchRun]:
    """Return the jobs without those in which releases compare versions."""
    own = PREDICTIONS.removeprefix("azureml://")
    return [run for run in endpoints.completed_runs(endpoint, deployment, since) if own not in run.predictions]


@dataclass
class _JobRows:
    """Batches that read when they are gone through. Each file's rows come in the order of the file."""

    read: Callable[[list[str]], Iterator[pd.DataFrame]]
    findings: tuple[str, ...] = field(default=(), init=False)

    def __iter__(self) -> Iterator[Any]:
        findings: list[str] = []
        yield from self.read(findings)
        self.findings = tuple(findings)


@dataclass(frozen=True)
class _BatchRows:
    """A DataReader; what is not about served rows is left to `data`."""

    data: DataReader
    endpoints: BatchEndpoints
    layout: PredictionLayout

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def collected_batches(self, *window: Any) -> _JobRows:
        def read(findings: list[str]) -> Iterator[Any]:
            for run in self._window(findings, *window):
                for uri, _ in self.data.files(run.data):
                    yield from self.data.batches(uri)

        return _JobRows(read)

    def scored_batches(self, *window: Any) -> _JobRows:
        def read(findings: list[str]) -> Iterator[pd.DataFrame]:
            for run in self._window(findings, *window):
                answers, rows, answered = self._answers(run), 0, 0
                for frame, key in self._inputs(run):
                    scored = _joined(frame, answers.reindex(key).reset_index(drop=True))
                    rows, answered = rows + len(frame), answered + len(scored)
                    yield scored
                if answered < rows:
                    findings.append(f"{rows - answered:,} of {rows:,} rows of job {run.name} have no prediction")

        return _JobRows(read)

    def collected_bytes(self, *window: Any) -> int:
        return sum(size for run in self._window([], *window) for _, size in self.data.files(run.data))

    # A line of predictions is shorter than its row, as a rule; what is read twice counts twice.
    def scored_bytes(self, *window: Any) -> int:
        return 2 * self.collected_bytes(*window)

    def _window(
        self, findings: list[str], endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> list[BatchRun]:
        """Return the jobs that completed in [start, end); of those that read the same data the last.

        Raises:
            ValueError: the service does not say what a job read.
        """
        runs = [run for run in _runs(self.endpoints, endpoint, deployment, start) if run.ended_at < end]
        if unknown := next((run for run in runs if not run.data), None):
            raise ValueError(
                f"job {unknown.name} of {endpoint} does not say what it read; give it one input, by its path"
            )
        last = {run.data: run for run in runs}
        repeated = sorted(run.name for run in runs if last[run.data] is not run)
        findings += [f"job {name} read what a later one read, and counts once" for name in repeated]
        return [run for run in runs if last[run.data] is run]

    def _inputs(self, run: BatchRun) -> Iterator[tuple[pd.DataFrame, pd.MultiIndex]]:
        """Yield the job's rows with the keys under which their predictions stand.

        Raises:
            ValueError: they lack a column of the key.
        """
        import pandas as pd

        by_place = set(self.layout.key) <= set(FILE_AND_ROW)
        for uri, _ in self.data.files(run.data):
            first = 0
            for batch in self.data.batches(uri):
                frame = batch if isinstance(batch, pd.DataFrame) else batch.to_pandas()
                frame = frame.reset_index(drop=True)
                place = {"file": uri.rsplit("/", 1)[-1], "row": frame.index + first}
                first += len(frame)
                if not by_place:
                    require_columns(frame, set(self.layout.key), f"the inputs of job {run.name} have")
                key = keyed(frame.assign(**place) if by_place else frame, *self.layout.key)[list(self.layout.key)]
                yield frame, pd.MultiIndex.from_frame(key)

    def _answers(self, run: BatchRun) -> pd.DataFrame:
        """Return the job's predictions by key, as numbers where all of a column are.

        Raises:
            ValueError: two lines have the same key.
        """
        import pandas as pd

        from shared.judge.batch import prediction_texts

        layout = self.layout
        lines = keyed(self.data.batch_predictions(run.predictions, layout), *layout.key)
        if repeated := int(lines.duplicated(list(layout.key)).sum()):
            raise ValueError(f"{repeated:,} lines of job {run.name} have the key {layout.key} of another")
        columns = {}
        for name in (column for column in layout.columns if column not in layout.key):
            texts = prediction_texts(lines[name])
            numbers = pd.to_numeric(texts, errors="coerce")
            is_numeric = not bool((numbers.isna() & texts.notna()).any())
            columns[PREDICTION if name == layout.prediction else name] = (
                numbers.astype("float64") if is_numeric else texts.astype(object)
            )
        return pd.DataFrame(columns).set_axis(pd.MultiIndex.from_frame(lines[list(layout.key)]))


def _joined(frame: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a prediction, with what was predicted beside their own columns."""
    import pandas as pd

    own = frame.drop(columns=[name for name in answers.columns if name in frame.columns])
    return pd.concat([own, answers], axis=1)[answers[PREDICTION].notna()]
