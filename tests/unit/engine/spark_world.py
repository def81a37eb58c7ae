"""A world whose windows one process cannot read, and whose Spark jobs do what the component does."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import unquote

import pandas as pd

from shared.drift.profiles.counting import count
from shared.drift.profiles.profile import Profile, profile
from shared.drift.profiles.stored import counts_to_bytes
from shared.drift.rows.sample import Chosen
from shared.policy.sections.model import Policy
from shared.ports.jobs import JobRequest
from tests.unit.engine.fact_world import POLICY, a_policy
from tests.unit.engine.monitors.test_run_due import World

TICK = timedelta(minutes=5)
SPARK = "spark: {component: azureml:vigia_count_window@latest, when_above: 5GB, instances: 4}"
DRIFT = "data_drift: {minimum_rows: 500}"
ON_SPARK = a_policy(POLICY + f"monitor: {{every: 1h, {DRIFT}, {SPARK}}}\n")
LARGE, HUGE = 6 * 10**9, 11 * 10**9


class SparkWorld(World):
    """A world whose jobs do what the component does, when a test has them do it."""

    def __init__(self, policy: Policy = ON_SPARK, size: int = LARGE) -> None:
        super().__init__(policy)
        self.data.size = size
        self.workspace.job_outcome = "Running"

    @property
    def requests(self) -> list[JobRequest]:
        return [request for request in self.workspace.requests if isinstance(request, JobRequest)]

    def run_job(self, window: pd.DataFrame) -> None:
        """Have the newest job count these rows, and end."""
        request = self.requests[-1]
        if "profile" in request.inputs:
            (item,) = self.files.list(f"{folder_of(request.inputs['profile'])}/profile/part-")
            stored = self.files.get(item.name)
            assert stored is not None
            made = Profile.from_bytes(base64.b64decode(stored.body))
        else:
            training = self.data.tables[request.inputs["training_data"]]
            ignored = {unquote(name) for name in request.inputs.get("ignore", "").split(",")}
            made = profile(Chosen(training, set(training.columns) - ignored))
        for part, content in (("profile", made.to_bytes()), ("counts", counts_to_bytes(count(made, window)))):
            self.write(part, base64.b64encode(content) + b"\n")
        self.workspace.end_job(request.name, "Completed")

    def write(self, part: str, content: bytes) -> None:
        folder = folder_of(self.requests[-1].outputs["result"])
        self.files.put(f"{folder}/{part}/_SUCCESS", b"")
        self.files.put(f"{folder}/{part}/part-00000-ab-c000.txt", content)


def folder_of(uri: str) -> str:
    return uri.removeprefix("azureml://datastores/workspaceblobstore/paths/")


def counted(shift: float = 0.0, policy: Policy = ON_SPARK) -> SparkWorld:
    """Return a world one of whose windows was too large, and was counted."""
    world = SparkWorld(policy)
    window = world.customers(1000, shift)
    world.data.requests.append(("v-1", world.clock.now(), window))
    world.look()
    world.run_job(window)
    world.look(wait=TICK)
    return world
