"""What a training is made of, and what has to be known before another one starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.ids import JobName, ModelVersion, ReleaseId


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a job runs and on what, each at the version that it has now.

    Args:
        component: "NAME:VERSION", which fixes code, command and environment.
        inputs: by name; a data asset as "azureml:NAME:VERSION", else a URI or a literal.
    """

    component: str
    inputs: Mapping[str, str]

    @property
    def fixes_its_data(self) -> bool:
        """Return whether the same recipe reads the same data: asset versions never change, places do.

        Without any asset the component finds its data by itself, and nobody here knows whether it is new.
        """
        values = self.inputs.values()
        return any(is_data_version(value) for value in values) and not any("://" in value for value in values)


@dataclass(frozen=True, slots=True)
class Made:
    """A training that was done: its job, the version it made if that is the one that serves, and its recipe."""

    job: JobName
    recipe: Recipe
    serving: ModelVersion | None = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The newest version of the registry that no release has decided yet.

    `version` is None while a training that ended has registered none, `release` while none was opened.
    """

    job: JobName | None = None
    version: ModelVersion | None = None
    release: ReleaseId | None = None


@dataclass(frozen=True, slots=True)
class BeforeTraining:
    """What was read from the workspace and the releases right before a training would start.

    Args:
        recipe: of the training that would start; None when it cannot be known.
        made: of the version that serves, and of the last training that completed.
        newcomer: what the endpoint may get by itself; None when nothing is on its way.
        running: the last training that was started, when Azure ML still runs it.
        doubt: why what set it off is not what the workspace shows; "" when it is.
    """

    recipe: Recipe | None = None
    made: tuple[Made, ...] = ()
    newcomer: Newcomer | None = None
    running: JobName | None = None
    doubt: str = ""


def is_data_version(value: str) -> bool:
    """Return whether an input is one version of an asset: "azureml:NAME:VERSION"."""
    return value.startswith("azureml:") and "://" not in value and value.count(":") == 2
