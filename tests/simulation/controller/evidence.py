"""How good the versions really are, and the data that tell it: labels, served rows, scores and predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.batch import PredictionLayout
from shared.errors import PermanentError
from tests.simulation.controller.azureml import AzureMl, Job
from tests.simulation.controller.sky import Sky
from tests.simulation.run import START, Run

if TYPE_CHECKING:
    import pandas as pd

# Every deployment answers a row in so long; labels come for those of so long.
PER_ROW = timedelta(seconds=6)
LABELLED = timedelta(minutes=22)
EVALUATED, SCORED = 200, 300


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so, whatever anybody measures.

    Args:
        right: share of right answers, 0 to 1, by version.
        job_takes: how long evaluations and scorings run; `evaluation` is how the former end.
        scores_after: how long after the evaluation its scores can be read; None for never.
        evaluated: rows of an evaluation.
        cannot_score: deployments that fail on the batch, and `fails_nightly` those that do on what arrives every night;
            every one does where `is_bad_input`.
    """

    right: Mapping[str, float] = field(default_factory=dict)
    job_takes: timedelta = timedelta(minutes=2)
    evaluation: str = "Completed"
    scores_after: timedelta | None = timedelta(0)
    evaluated: int = EVALUATED
    cannot_score: frozenset[str] = frozenset()
    fails_nightly: frozenset[str] = frozenset()
    is_bad_input: bool = False

    def quality(self, version: str) -> float:
        return self.right.get(version.removeprefix("v-"), 0.7)

    def scoring(self, deployment: str) -> str:
        return "Failed" if deployment in self.cannot_score else "Completed"

    def nightly(self, deployment: str) -> str:
        return "Failed" if self.is_bad_input or deployment in self.fails_nightly else "Completed"


class SimulatedData:
    """A `DataReader` of what a release looks at; the areas are "labels" and "data"."""

    def __init__(self, run: Run, sky: Sky, azureml: AzureMl, truth: Truth) -> None:
        self._run, self._sky, self._azureml, self._truth = run, sky, azureml, truth

    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        def look() -> pd.DataFrame:
            self._check()
            return self._labels() if uri.startswith("azureml:labels") else self._scores(uri)

        return self._run.read("data r", f"table {uri[-40:]}", look)

    def document(self, uri: str) -> object:
        return None

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        def look() -> pd.DataFrame:
            self._check()
            return _answered(deployment, self._truth.quality(deployment), _rows(start), _rows(end))

        return self._run.read("data r", f"rows of {deployment} from {start:%H:%M:%S} to {end:%H:%M:%S}", look)

    def batch_predictions(self, uri: str, layout: PredictionLayout) -> pd.DataFrame:
        def look() -> pd.DataFrame:
            self._check()
            written = [job for job in self._azureml.jobs.values() if job.output == uri]
            if not written or not written[0].record(self._run.now).has_succeeded:
                raise PermanentError("data.missing", f"there is nothing at {uri}")
            return _predicted(self._truth.quality(written[0].deployment), layout.columns)

        return self._run.read("data r", f"predictions {uri[-40:]}", look)

    def pinned(self, reference: str) -> str:
        return self._run.read("labels r", f"the version of {reference}", lambda: reference)

    def _check(self) -> None:
        self._sky.check("data r", self._run.now, self._run.active.name if self._run.active else "")

    def _labels(self) -> pd.DataFrame:
        endpoints = self._azureml.endpoints.values()
        deployments = sorted({name for endpoint in endpoints for name in endpoint.deployments})
        return _labelled(tuple(deployments), _rows(self._run.now - LABELLED), _rows(self._run.now))

    def _scores(self, uri: str) -> pd.DataFrame:
        job = next((job for job in self._azureml.jobs.values() if f"/{job.name}/" in uri), None)
        if job is None or not are_scores_there(self._truth, job, self._run.now):
            raise PermanentError("data.missing", f"there is nothing at {uri}")
        champion, challenger = (self._truth.quality(job.inputs[side].rpartition(":")[2]) for side in SIDES)
        return _evaluated(champion, challenger, self._truth.evaluated)


SIDES = ("champion", "challenger")


def are_scores_there(truth: Truth, job: Job, now: datetime) -> bool:
    return truth.scores_after is not None and job.record(now).has_succeeded and now >= job.ends_at + truth.scores_after


def _rows(moment: datetime) -> int:
    """Return how many rows each deployment was asked until then."""
    return max(0, -((START - moment) // PER_ROW))


def _answers(right: float, first: int, end: int) -> list[int]:
    """Return answers of which that share is right, evenly spread, where the truth is a row's number modulo 2."""
    return [row % 2 if row * 37 % 100 < 100 * right else 1 - row % 2 for row in range(first, end)]


@lru_cache(maxsize=64)
def _answered(deployment: str, right: float, first: int, end: int) -> pd.DataFrame:
    import pandas as pd

    keys = [f"{deployment}/{row}" for row in range(first, end)]
    return pd.DataFrame({"row_id": keys, "prediction": _answers(right, first, end)})


@lru_cache(maxsize=64)
def _labelled(deployments: tuple[str, ...], first: int, end: int) -> pd.DataFrame:
    import pandas as pd

    rows = [(f"{name}/{row}", row % 2) for name in deployments for row in range(first, end)]
    return pd.DataFrame(rows, columns=["row_id", "label"])


@lru_cache(maxsize=64)
def _evaluated(champion: float, challenger: float, rows: int) -> pd.DataFrame:
    import pandas as pd

    scores = {
        f"{side}_score": [0.1 + 0.8 * answer for answer in _answers(right, 0, rows)]
        for side, right in zip(SIDES, (champion, challenger), strict=True)
    }
    return pd.DataFrame({"row_id": range(rows), "label": [row % 2 for row in range(rows)], **scores})


@lru_cache(maxsize=64)
def _predicted(right: float, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    rows = [(str(row), str(answer), "a.csv") for row, answer in enumerate(_answers(right, 0, SCORED))]
    return pd.DataFrame(rows, columns=list(columns), dtype="string")
