"""`vigia releases promote | hold | resume | undo` and `get -w`: asked, read back, and awaited."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.adapters import credentials
from shared.domain.ids import ModelVersion
from shared.domain.releases.release import Release, ReleaseState
from shared.policy.reading.people import Directory, Person
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import CHAMPION, ENDPOINT, FakeApp, a_release, in_canary

BY = ("--reason", "a hotfix", "--by", "ana@example.com")
ID = "flight-delay-3"


@pytest.fixture
def running(fake: FakeApp) -> Release:
    release = in_canary(fake)
    fake.releases.create(release)
    return release


@pytest.fixture
def then(fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the release change while the command waits; without that, let the time run out."""
    changes: dict[str, Any] = {}
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += 30.0
        stored = fake.releases.load(a_release(fake).id)
        if stored:
            fake.releases.save(stored, replace(stored.release, **changes))

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: passed[0])
    return changes.update


def test_a_promotion_is_asked_for_this_step_and_awaited(
    fake: FakeApp, running: Release, run: Run, then: Callable[..., None]
) -> None:
    then(step_index=1, phase="shifting")

    printed = run("releases", "promote", ID, *BY, "--yes")

    request = fake.releases.request(running.id)
    assert printed.exit_code == 0
    assert request is not None
    assert (request.kind, request.by, request.reason, request.step) == ("promote", "ana@example.com", "a hotfix", 0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="nothing_happens"),
        pytest.param({"state": ReleaseState.ROLLING_BACK, "ends_as": ReleaseState.ROLLED_BACK}, id="rolled_back"),
    ],
)
def test_a_promotion_that_does_not_happen_is_exit_code_2(
    running: Release, run: Run, then: Callable[..., None], change: dict[str, Any]
) -> None:
    then(**change)

    printed = run("releases", "promote", ID, *BY, "--yes")

    assert printed.exit_code == 2
    assert "not done within 60 s" in printed.stdout


def test_only_what_bakes_is_promoted(fake: FakeApp, run: Run) -> None:
    fake.releases.create(a_release(fake))

    refused = run("releases", "promote", ID, *BY, "--yes")

    assert refused.exit_code == 2
    assert "is opened, and bakes nothing" in refused.stderr
    assert fake.releases.request(a_release(fake).id) is None


def test_hold_and_resume_are_read_back(running: Release, run: Run, then: Callable[..., None]) -> None:
    then(held_because="ana@example.com asked to hold: a hotfix")
    held = run("releases", "hold", ID, *BY)
    then(held_because="")
    resumed = run("releases", "resume", ID, *BY)

    assert (held.exit_code, resumed.exit_code) == (0, 0)
    assert "held: ana@example.com asked to hold: a hotfix" in held.stdout


def test_a_hold_after_an_abort_does_not_count(fake: FakeApp, running: Release, run: Run) -> None:
    fake.release_desk.request_abort(running.id, "ben@example.com", "complaints")

    refused = run("releases", "hold", ID, *BY)

    assert refused.exit_code == 2
    assert "ben@example.com asked to abort, which counts" in refused.stderr


@pytest.mark.parametrize("command", ["promote", "abort", "hold", "resume", "undo"])
def test_nothing_is_asked_without_a_reason(running: Release, run: Run, command: str) -> None:
    arguments = ["--to", "2"] if command == "undo" else [ID]
    assert run("releases", command, *arguments, "--yes").exit_code == 2
    assert run("releases", command, *arguments, "--reason", "  ").exit_code == 2


def test_undo_opens_a_release_of_the_earlier_version(fake: FakeApp, run: Run) -> None:
    fake.have_champion()
    fake.azureml.register("flight-delay", "1")
    first = replace(
        a_release(fake, "1"), state=ReleaseState.FINISHED, traffic_steps=(100,), is_settled=True, endpoint=ENDPOINT
    )
    fake.releases.create(first)

    printed = run("releases", "undo", "flight-delay", "--to", "1", *BY, "--yes")

    assert printed.exit_code == 0
    assert printed.stdout.startswith("release flight-delay-1-r2 is opened: opened by undo by ana@example.com: a hotfix")


def test_undo_refuses_what_serves_and_asks_first(fake: FakeApp, run: Run) -> None:
    fake.have_champion()
    fake.azureml.register("flight-delay", "2")
    assert CHAMPION.version == ModelVersion("2")

    serves = run("releases", "undo", "flight-delay", "--to", "2", *BY, "--yes")
    unasked = run("releases", "undo", "flight-delay", "--to", "2", *BY)

    assert (serves.exit_code, unasked.exit_code) == (2, 2)
    assert "flight-delay:2 serves already" in serves.stderr
    assert "add --yes" in unasked.stderr


def test_watching_shows_each_change_until_the_end(
    fake: FakeApp, running: Release, run: Run, then: Callable[..., None]
) -> None:
    then(state=ReleaseState.ABORTED, reason="ana asked to abort")

    shown = run("releases", "get", ID, "-w", "-o", "json").stdout

    states = [json.loads(part + "}")["release"]["state"] for part in shown.split("\n}\n") if part.strip()]
    assert states == ["canary", "aborted"]


def test_status_waits_until_no_release_is_under_way(
    fake: FakeApp, running: Release, run: Run, then: Callable[..., None]
) -> None:
    fake.have_champion()
    late = run("status", "--timeout", "60")
    then(state=ReleaseState.ROLLED_BACK, is_settled=True)
    settled = run("status", "--timeout", "60")

    assert late.exit_code == 2
    assert settled.exit_code in {0, 1}


@pytest.mark.parametrize("target", [(ID,), ("3",), ("3", "--model", "flight-delay")])
def test_retry_opens_another_release_and_reads_it_back(fake: FakeApp, run: Run, target: tuple[str, ...]) -> None:
    fake.have_champion()
    fake.azureml.register("flight-delay", "3")
    ended = replace(a_release(fake), state=ReleaseState.ROLLED_BACK, reason="too slow", is_settled=True)
    fake.releases.create(ended)

    unasked = run("releases", "retry", *target, *BY)
    printed = run("releases", "retry", *target, *BY, "--yes", "-o", "json")

    assert (unasked.exit_code, printed.exit_code) == (2, 0)
    assert "confirm the retry" in unasked.stderr
    answer = json.loads(printed.stdout)
    assert (answer["id"], answer["state"], answer["done"]) == ("flight-delay-3-r2", "opened", False)
    assert answer["cause"] == "retry of flight-delay-3 by ana@example.com: a hotfix"


def test_retry_refuses_one_that_is_under_way(fake: FakeApp, running: Release, run: Run) -> None:
    printed = run("releases", "retry", ID, *BY, "--yes")
    assert printed.exit_code == 2
    assert f"release {ID} of it is under way" in printed.stderr


def held_by_ben(fake: FakeApp, release: Release) -> None:
    fake.release_desk.request_hold(release.id, "ben@example.com", "black friday")


@pytest.mark.parametrize("command", ["promote", "resume", "hold"])
def test_a_hold_is_taken_back_by_its_owner_only(fake: FakeApp, running: Release, run: Run, command: str) -> None:
    held_by_ben(fake, running)

    refused = run("releases", command, ID, *BY, *(["--yes"] if command == "promote" else []))

    assert refused.exit_code == 2
    assert "ben@example.com asked to hold: black friday" in " ".join(refused.stderr.split())
    assert fake.releases.request(running.id) is None
    assert (hold := fake.releases.held(running.id)) is not None
    assert (hold.kind, hold.by) == ("hold", "ben@example.com")


@pytest.mark.parametrize("command", ["promote", "resume"])
def test_an_admin_takes_back_anybodys_hold(
    fake: FakeApp, running: Release, run: Run, then: Callable[..., None], command: str
) -> None:
    held_by_ben(fake, running)
    fake.people = Directory({"ana@example.com": Person("ana@example.com", "Ana", is_admin=True)})
    then(step_index=1)

    assert run("releases", command, ID, *BY, *(["--yes"] if command == "promote" else [])).exit_code == 0

    assert (hold := fake.releases.held(running.id)) is not None
    assert (hold.kind, hold.by) == ("resume", "ana@example.com")


def token_of(**claims: str) -> Any:
    def encoded(part: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    token = AccessToken(f"{encoded({'alg': 'none'})}.{encoded(claims)}.", 0)
    return lambda _: SimpleNamespace(get_token=lambda _: token)


@pytest.fixture
def signed_in(fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """The app on Azure, with Ana signed in."""
    fake.settings = replace(fake.settings, uses_loopback_credential=False)
    monkeypatch.setattr(credentials, "credential_for", token_of(upn="Ana@example.com", oid="0-1"))
    fake.releases.create(in_canary(fake))
    return fake


def test_on_azure_nobody_asks_in_another_name(signed_in: FakeApp, run: Run) -> None:
    release = in_canary(signed_in).id
    shown = run("releases", "hold", release, "--reason", "x", "--by", "ben@example.com", "--timeout", "0")
    assert shown.exit_code != 0
    assert "--by ben@example.com is not who is signed in to Azure: ana@example.com" in " ".join(shown.stderr.split())
    assert signed_in.releases.held(release) is None

    for by in ([], ["--by", "ANA@example.com"]):
        run("releases", "hold", release, "--reason", "x", *by, "--timeout", "0")
        hold = signed_in.releases.held(release)
        assert hold
        assert hold.by == "ana@example.com"


def test_an_application_asks_in_its_own_name(signed_in: FakeApp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "credential_for", token_of(appid="1-2-3"))
    release = in_canary(signed_in).id
    run("releases", "hold", release, "--reason", "x", "--timeout", "0")
    hold = signed_in.releases.held(release)
    assert hold
    assert hold.by == "application 1-2-3"


def test_whoever_is_not_signed_in_is_told_to_be(signed_in: FakeApp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "credential_for", token_of())
    shown = run("releases", "hold", in_canary(signed_in).id, "--reason", "x")
    assert "az login" in shown.stderr
