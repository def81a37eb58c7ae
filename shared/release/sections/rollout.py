"""The policy's section `rollout`: how traffic moves to a new version, and whether its keys fit together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from shared.domain.releases.plan import GatePlan
from shared.metrics.catalogue import Metric
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import duration_text
from shared.release.sections.ab_test import ab_problems
from shared.release.sections.batch import batch_problems
from shared.release.sections.judge import judge_problems, warm_up_problems
from shared.release.sections.rollout_keys import IN_STEPS, RolloutKeys, smoke_problems
from shared.release.sections.traffic import traffic_problems

# Source: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.
MOST_MIRRORED = 50
MOST_HELD_BACK = 50
# Intervals of probes that a release's record holds, each with two deployments: about 100 KB.
MOST_PROBED = 500
# Keys of `rollout` that say something about traffic.
_ONLINE = ("steps", "mirror", "bake", "judge", "smoke_test", "expected_traffic", "probe", "holdback", "on_undecided")
_OF_AB = ("split", "hold_for", "on_inconclusive", "outcome")


class Rollout(RolloutKeys):
    """How traffic moves to a new version."""

    def metrics(self) -> Iterator[tuple[str, Metric]]:
        for path, section in (("judge.quality", self.judge.quality), ("outcome", self.outcome)):
            if section is not None:
                yield f"{path}.metric", section.measure

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        yield from self._keep_problems()
        gates: tuple[GatePlan, ...] = getattr(policy.sections.get("gates"), "plans", tuple)()
        if self.package and not any(gate.kind == "conversion" for gate in gates):
            yield "package", "no gate compares it with the original; write gates: [{conversion: {}}, …]"
        if self.strategy == "batch":
            yield from self._batch_problems(policy)
        else:
            yield from self._online_problems(policy)

    def _online_problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.endpoint.type != "online":
            yield "", "traffic is moved on online endpoints only; write endpoint: {…, type: online}, or strategy: batch"
        if self.batch is not None:
            yield "batch", f"{self.strategy} compares no batch; leave it out, or write strategy: batch"
        if self.strategy not in IN_STEPS and "steps" in self.model_fields_set:
            yield "steps", f"{self.strategy} has no steps; leave them out, or write strategy: canary"
        if self.strategy != "shadow" and "mirror" in self.model_fields_set:
            yield "mirror", f"{self.strategy} copies no requests; leave it out, or write strategy: shadow"
        if not 1 <= self.mirror <= MOST_MIRRORED:
            yield "mirror", f"Azure ML copies 1% to {MOST_MIRRORED}% of the requests; write e.g. {MOST_MIRRORED}%"
        yield from _step_problems(self.steps)
        yield from self._time_problems()
        yield from judge_problems(self.judge)
        if self.strategy in IN_STEPS:
            yield from warm_up_problems(self.judge, self.shortest_stage, self.deadline)
        yield from self._quality_problems()
        yield from ab_problems(self)
        yield from self._holdback_problems()
        if policy.endpoint.kubernetes:
            yield from self._kubernetes_problems()
        if self.expected_traffic is not None or self.probe is not None:
            yield from traffic_problems(self)

    def _kubernetes_problems(self) -> Iterator[tuple[str, str]]:
        """Yield what needs mirrored traffic or the traffic log, which Azure ML has for managed endpoints only.

        Source: learn.microsoft.com, concept-endpoints-online, read 2026-11-30.
        """
        if self.strategy == "shadow":
            yield "strategy", "a Kubernetes endpoint copies no requests; write strategy: canary"
        if "instance_type" in self.deployment.model_fields_set:
            yield "deployment.instance_type", "is the cluster's own; write endpoint: {…, instance_type: NAME}"
        if self.expected_traffic is not None:
            yield "expected_traffic", "is measured nowhere on a Kubernetes endpoint; leave it out"
        if self.probe is None:
            example = "{sample: azureml:NAME@latest, per_interval: 20}"
            yield "probe", f"a Kubernetes endpoint has no traffic log: only probes are measured; write probe: {example}"
            return
        longest, interval = max(self.deadline, self.watch_for), self.judge.interval
        if interval > timedelta(0) and longest / interval > MOST_PROBED:
            wider = duration_text(math.ceil(longest / MOST_PROBED / timedelta(minutes=1)) * timedelta(minutes=1))
            what = f"{duration_text(longest)} of probes, {duration_text(interval)} apart, are too many to keep"
            yield "judge.interval", f"{what}; write judge: {{interval: {wider}}}"

    def _batch_problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.endpoint.type != "batch":
            yield "strategy", "batch needs a batch endpoint; write endpoint: {…, type: batch}, or strategy: canary"
        for key in (*_ONLINE, *_OF_AB):
            if key in self.model_fields_set:
                yield key, "is about traffic, of which a batch endpoint has none; leave it out"
        if "watch_for" not in self.model_fields_set:
            yield "watch_for", "is needed: it should cover the endpoint's next job; write e.g. 26h for nightly ones"
        elif self.watch_for < timedelta(minutes=1):
            yield "watch_for", "is shorter than any job; write e.g. 26h for nightly ones"
        if self.decide_within is not None and self.decide_within <= timedelta(0):
            yield "decide_within", "no job scores a batch in no time; write e.g. 24h"
        if self.keep.then == "scale-down":
            yield "keep.then", "a batch deployment without a job has no instances; write delete or keep"
        if "instance_type" in self.deployment.model_fields_set:
            yield "deployment.instance_type", "is the cluster's; leave it out, and name the cluster in batch.compute"
        if self.batch is None:
            yield "batch", "is needed; write batch: {sample: azureml:NAME@latest, compute: CLUSTER, classes: {…}}"
        else:
            yield from batch_problems(self.batch)

    def _holdback_problems(self) -> Iterator[tuple[str, str]]:
        if self.holdback is None:
            return
        remaining = 100 - max(self.traffic[:-1], default=0)
        if self.holdback > MOST_HELD_BACK:
            yield "holdback", f"leaves the new version less than half of the traffic; write {MOST_HELD_BACK}% or less"
        elif self.holdback > remaining:
            yield (
                "holdback",
                f"the last step leaves the champion {remaining} %, and none gives some back; write {remaining}%",
            )

    def _quality_problems(self) -> Iterator[tuple[str, str]]:
        if self.judge.quality is None or not self.judge.quality.required or not self.moves_at_once:
            return
        how = "canary and steps: [10%, 50%, 100%]" if self.strategy in IN_STEPS else "canary"
        yield (
            "judge.quality.required",
            f"{self.strategy} gives the new version all the traffic at once: no step waits for labels, and quality can "
            f"only roll back; leave it out, or write strategy: {how}",
        )

    def _keep_problems(self) -> Iterator[tuple[str, str]]:
        if self.keep.champion_for is not None and self.keep.champion_for < timedelta(0):
            yield "keep.champion_for", "is in the past; write e.g. 24h"
        if self.smoke_test:
            yield from smoke_problems(self.smoke_test)

    def _time_problems(self) -> Iterator[tuple[str, str]]:
        interval = self.judge.interval
        fewest = 5 * interval
        if interval < timedelta(seconds=1):
            yield "judge.interval", "measurements are at least a second apart; write 1s or more, e.g. 1m"
        elif self.strategy in IN_STEPS and self.bake < fewest:
            yield (
                "bake",
                f"a step needs 5 intervals of {duration_text(interval)} to be judged; "
                f"write {duration_text(fewest)} or more",
            )
        if self.decide_within is not None and self.decide_within < self.bake and self.strategy != "ab":
            yield "decide_within", f"is shorter than the bake; write {duration_text(4 * self.bake)}, or leave it out"
        if self.watch_for < interval:
            yield "watch_for", f"is shorter than one interval; write {duration_text(fewest)} or more"


def _step_problems(steps: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    if not steps or steps[-1] != 100:
        yield "steps", "a rollout ends with all the traffic; end the steps with 100%"
    if any(later <= earlier for earlier, later in pairwise(steps)) or (steps and steps[0] < 1):
        yield "steps", "each step must be above the one before, from 1% on; write e.g. [10%, 50%, 100%]"
