"""The app over fakes, with a story in it: what the command's tests look at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

from shared.bootstrap import App, policy_sections
from shared.domain.fact import DriftDetected, Fact, FeatureDrift
from shared.domain.ids import DeploymentName, EndpointName, FactKey, JobName, ModelName, ModelVersion
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.domain.releases.approval import ApprovalRequest
from shared.domain.releases.release import Release, ReleaseState, Serving, Transition
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from shared.domain.state import Training
from shared.policy.reading.load import load_policies
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.reactions.registry import reactions
from shared.release.open_release import Opening, new_release
from shared.release.sections.to_plan import plan_from
from shared.settings import Settings
from shared.store.facts.ledger import Claimed
from shared.store.monitors.monitors import MonitorRun, MonitorState
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakePublisher
from tests.fakes.queues import FakeQueues
from tests.fakes.workspace import FakeWorkspace
from tests.unit.events.wire import WORKSPACE

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "policies"
SAMPLE = ROOT / "local.settings.sample.json"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL = ModelName("flight-delay")
ENDPOINT = EndpointName("flight-delay")
CHAMPION = Serving(DeploymentName("v-2"), ModelVersion("2"))
CHALLENGER = Serving(DeploymentName("v-3"), ModelVersion("3"))


@cache
def _shipped() -> tuple[Policy, ...]:
    return load_policies(POLICIES, policy_sections(), tuple(reactions().values()))


class FakeApp(MemoryApp):
    """The real stores and use cases, over memory."""

    def __init__(self) -> None:
        values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
        self.time = FakeClock(NOW)
        self.memory, self.given_up = MemoryBlobStore(self.time.now), MemoryBlobStore(self.time.now)
        self.queues, self.azureml, self.topic = FakeQueues(self.time), FakeWorkspace(), FakePublisher()
        super().__init__(
            Settings.read({**values, "VIGIA_POLICIES": str(POLICIES), "VIGIA_EVENTS_SOURCES": WORKSPACE}),
            self.time,
            blobs=self.memory,
            decision_blobs=self.memory,
            dead_letter_blobs=self.given_up,
            queue=self.queues,
            workspace=self.azureml,
            publisher=self.topic,
        )

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        return _shipped() if self.settings.policies == POLICIES else super().policies

    def serve(self, **percents: int) -> None:
        """Have deployments v_2, v_3, … serve, with these percents of the traffic."""
        traffic = {DeploymentName(name.replace("_", "-")): percent for name, percent in percents.items()}
        deployments = tuple(
            DeploymentRecord(name, MODEL, ModelVersion(name.removeprefix("v-")), "Succeeded") for name in traffic
        )
        record = EndpointRecord(ENDPOINT, "Succeeded", traffic, {}, deployments, "http://127.0.0.1/score")
        self.azureml.endpoints[ENDPOINT] = record

    def have_champion(self) -> None:
        """Record v-2 as the champion, and let it have the traffic."""
        self.serve(v_2=100)
        owner = a_release(self).id
        assert self.endpoints.claim(ENDPOINT, owner)
        self.endpoints.give_back(ENDPOINT, owner, CHAMPION, None)

    def watch(self, verdict: str = "drift", sentence: str = "dep_delay drifted") -> None:
        run = MonitorRun(
            ModelVersion("2"),
            "data-drift",
            NOW - timedelta(hours=2),
            NOW - timedelta(hours=1),
            12_345,
            verdict,  # type: ignore[arg-type]
            sentence,
        )
        state = MonitorState(MODEL, ModelVersion("2"), run.end, run.end, (run,))
        self.monitor_states.save(state, self.monitor_states.read(MODEL)[1])

    def remember_training(self, job: str = "job-8f14e45fceea167a-0") -> None:
        training = Training(JobName(job), FactKey("8f14e45f"), "drift", NOW - timedelta(hours=1))
        self.models.update(MODEL, lambda state: replace(state, trainings=(*state.trainings, training)))


def a_release(app: App, version: str = "3") -> Release:
    """Return a release that was just opened."""
    opening = Opening(MODEL, ModelVersion(version), ENDPOINT, a_fact().key, "ben@example.com", "drift")
    return new_release(opening, plan_from(app.policies[0]), NOW - timedelta(minutes=30))


def in_canary(app: App) -> Release:
    """Return version 3 at 10 %, baking, with gates passed and an approval behind it."""
    opened = a_release(app)
    story = [
        (ReleaseState.OPENED, ReleaseState.GATING, "endpoint flight-delay is ours"),
        (ReleaseState.GATING, ReleaseState.EVALUATING, "no gate stands here"),
        (ReleaseState.EVALUATING, ReleaseState.AWAITING_APPROVAL, "roc_auc is 0.7412 on 8,123 rows; at least 0.7"),
        (ReleaseState.AWAITING_APPROVAL, ReleaseState.DEPLOYING, "approved by ana@example.com"),
        (ReleaseState.DEPLOYING, ReleaseState.CANARY, "deployment v-3 is up"),
    ]
    moves = [Transition(NOW - timedelta(minutes=25 - 4 * n), a, b, reason) for n, (a, b, reason) in enumerate(story)]
    numbers = {"challenger_requests": 1234.0, "champion_requests": 11106.0, "latency_ratio": 1.0412}
    return replace(
        opened,
        state=ReleaseState.CANARY,
        phase="baking",
        champion=CHAMPION,
        entered_at=moves[-1].at,
        deadline=NOW + timedelta(minutes=51),
        wake_at=NOW + timedelta(minutes=1),
        traffic_steps=(10,),
        gate_results=(
            GateResult("metric roc_auc", Verdict.PASS, "roc_auc is 0.7412 on 8,123 rows; at least 0.7 is asked for"),
        ),
        approval_digest="d" * 64,
        judgement=Judgement(Verdict.INCONCLUSIVE, "no worse so far, and not yet sure", True, numbers),
        reason="baking at 10 %: no worse so far, and not yet sure",
        history=tuple(moves),
    )


def an_approval(release: Release) -> ApprovalRequest:
    return ApprovalRequest(
        release=release.id,
        model=release.model,
        version=release.version,
        step="deploy",
        digest=release.approval_digest,
        requested_at=NOW - timedelta(minutes=17),
        expires_at=NOW + timedelta(hours=23),
        approvers=("ana@example.com", "ben@example.com"),
        quorum=1,
        submitter="ben@example.com",
        submitter_may_approve=False,
        evidence=(),
    )


def a_fact() -> Fact:
    features = (FeatureDrift("dep_delay", "KS", 0.214, 0.1),)
    body = DriftDetected(MODEL, "flight-delay", "data-drift", "look-1", features, "dep_delay drifted: KS 0.214")
    return Fact(body, "ws", "models/flight-delay/monitors/flight-delay", ("look-1",), NOW - timedelta(hours=1), "e-1")


def record_fact(app: App, held_back: str | None = None) -> Fact:
    """Have the fact decided and acted on: a training, or one that a guardrail held back."""
    fact = a_fact()
    reason = "drift: dep_delay drifted: KS 0.214"
    plan = (Reaction("start-training", MODEL, reason, {"cause": "drift"}, held_back),)
    claim = app.ledger.claim(fact, plan, (app.policies[0].digest,), ())
    assert isinstance(claim, Claimed)
    job = f"job-{fact.key[:16]}-0"
    outcome = (
        ReactionResult("start-training", "suppressed", held_back)
        if held_back
        else ReactionResult("start-training", "done", f"training {job} submitted", job)
    )
    notice = Notice(NoticeKind.TRAINING_STARTED, "training-started/1", MODEL)
    app.ledger.finish(claim, (outcome,), (notice,))
    return fact
