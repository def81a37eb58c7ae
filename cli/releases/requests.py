"""`vigia releases promote | abort | hold | resume`: what people ask of a running release, and whether it was done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from cli.kit import context
from cli.kit.confirm import confirm
from cli.kit.errors import NOT_DONE, CommandError
from cli.kit.options import (
    ByOption,
    Format,
    IdArgument,
    OutputOption,
    ReasonOption,
    SettingsOption,
    TimeoutOption,
    YesOption,
    person,
    required_text,
)
from cli.kit.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from shared.bootstrap import App
    from shared.domain.releases.release import Release, ReleaseRequest

POLL_SECONDS = 1.0
IsDone = Callable[["Release"], bool]


def abort(
    id_: IdArgument,
    reason: ReasonOption,
    by: ByOption = None,
    yes: YesOption = False,
    timeout: TimeoutOption = 0,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Stop a release: the champion gets its traffic back. An abort always wins and cannot be taken back.

    \b
    Example:
      vigia releases abort flight-delay-3 --reason "customers complain" --yes --timeout 120
    """
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    app, release = _running(settings, id_, "abort")
    share = release.traffic_steps[-1] if release.traffic_steps else 0
    confirm(
        f"Abort {release.id} ({release.state}, {share} % of the traffic)?", yes, "abort", _without_confirmation(release)
    )
    app.release_desk.request_abort(release.id, requester, reason)
    _answer(app, release, "abort", lambda current: current.state.is_terminal, timeout, output)


def promote(
    id_: IdArgument,
    reason: ReasonOption,
    by: ByOption = None,
    yes: YesOption = False,
    timeout: TimeoutOption = 60,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """End the bake of the present step, or the shadowing, without waiting for a verdict. A failure still rolls back,
    and the next step bakes as long as it should. After a watch that proved nothing, keep the version. The reason and
    the person are recorded.

    \b
    Example:
      vigia releases promote flight-delay-3 --reason "hotfix, traffic is low at night" --yes
    """
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    app, release = _running(settings, id_, "promote")
    if release.phase not in {"baking", "asking"}:
        message = f"release {release.id} is {_words(release)}, and bakes nothing that could be cut short"
        raise CommandError("cli.nothing_bakes", message, f"vigia releases get {release.id} -w shows when it does")
    verdict = release.judgement.verdict if release.judgement else "nothing yet"
    confirm(f"Promote {release.id} now? The judge says {verdict}.", yes, "promotion", _without_confirmation(release))
    is_admin = _may_end_hold(app, release, requester)
    app.release_desk.request_promotion(release.id, release.step_index, requester, reason, is_admin=is_admin)

    def has_moved_on(current: Release) -> bool:
        return not current.state.is_terminal and current.ends_as is None and _place(current) != _place(release)

    _answer(app, release, "promote", has_moved_on, timeout, output)


def hold(
    id_: IdArgument,
    reason: ReasonOption,
    by: ByOption = None,
    timeout: TimeoutOption = 60,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Keep a release where it is. It is still judged, and a failure rolls back; its deadline goes on counting.

    \b
    Example:
      vigia releases hold flight-delay-3 --reason "black friday"
    """
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    app, release = _running(settings, id_, "hold")
    _not_held_by_others(app, release, requester, is_admin=False)
    app.release_desk.request_hold(release.id, requester, reason)
    _answer(
        app,
        release,
        "hold",
        lambda current: current.held_because.startswith(f"{requester} asked to hold"),
        timeout,
        output,
    )


def resume(
    id_: IdArgument,
    reason: ReasonOption,
    by: ByOption = None,
    timeout: TimeoutOption = 60,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Take a hold back, one's own or as an admin anybody's: the release moves on when the evidence says so.

    \b
    Example:
      vigia releases resume flight-delay-3 --reason "black friday is over"
    """
    reason, requester = required_text(reason, "--reason"), person(by, settings)
    app, release = _running(settings, id_, "resume")
    is_admin = _may_end_hold(app, release, requester)
    app.release_desk.request_resume(release.id, requester, reason, is_admin=is_admin)
    _answer(app, release, "resume", lambda current: "asked to hold" not in current.held_because, timeout, output)


def _may_end_hold(app: App, release: Release, requester: str) -> bool:
    """Return whether they are an admin; refused when the release is held by somebody else and they are none."""
    is_admin = app.people.person(requester).is_admin
    _not_held_by_others(app, release, requester, is_admin=is_admin)
    return is_admin


def _not_held_by_others(app: App, release: Release, requester: str, *, is_admin: bool) -> None:
    from shared.engine.releases.desk import HELD_HINT
    from shared.release.core.requests import may_take_back
    from shared.release.core.words import request_words

    hold = app.releases.held(release.id)
    if hold and hold.kind == "hold" and not may_take_back(hold, requester, is_admin=is_admin):
        raise CommandError("cli.held", f"release {release.id} is held: {request_words(hold)}", HELD_HINT)


def awaited(app: App, release: Release, is_done: IsDone, timeout: int) -> Release:
    """Return the release once it is done or has ended, or as it is when the time is over."""
    give_up = time.monotonic() + timeout
    while True:
        stored = app.releases.load(release.id)
        release = stored.release if stored else release
        if is_done(release) or release.state.is_terminal or time.monotonic() >= give_up:
            return release
        time.sleep(POLL_SECONDS)


def _running(settings: Path | None, id_: str, what: str) -> tuple[App, Release]:
    with waiting("reading the release"):
        app = context.open_app(settings)
        from cli.releases.records import find_release

        release = find_release(app, id_)
    if release.state.is_terminal:
        message = f"release {release.id} has ended already, {release.state}: {release.reason}"
        raise CommandError("cli.ended", message, f"there is nothing to {what}; register or release another version")
    return app, release


def _answer(app: App, release: Release, kind: str, is_done: IsDone, timeout: int, output: Format) -> None:
    """Read back the request and its result; exit code 2 when it is not done in time.

    Raises:
        CommandError: the request was overwritten or cannot be read back.
        typer.Exit: with code 2, when it was not done in time.
    """
    with waiting(f"asking to {kind}"):
        request = _read_back(app, release, kind)
        if request is None or request.kind != kind:
            other = f"; {request.by} asked to {request.kind}, which counts" if request else ""
            raise CommandError(
                "cli.lost_request", f"the {kind} of {release.id} cannot be read back{other}", "ask again"
            )
        release = awaited(app, release, is_done, timeout)
    done = is_done(release)
    if output is Format.JSON:
        body = {"id": release.id, "state": release.state, "reason": release.reason, "request": request, "done": done}
        print_json(body)
    else:
        summary = f"{request.kind} requested by {request.by}: {request.reason}"
        held = f", held: {release.held_because}" if release.held_because else ""
        state = f"release {release.id} is {_words(release)}: {release.reason}{held}"
        late = [] if done or not timeout else [text(f"not done within {timeout} s", "yellow")]
        console().print(text(summary), text(state), *late, sep="\n", soft_wrap=True)
    if timeout and not done:
        raise typer.Exit(NOT_DONE)


def _read_back(app: App, release: Release, kind: str) -> ReleaseRequest | None:
    """Return what was left, as it stands; an abort that came before is what counts."""
    request, hold = app.releases.request(release.id), app.releases.held(release.id)
    return hold if hold and hold.kind == kind and not (request and request.kind == "abort") else request


def _without_confirmation(release: Release) -> str:
    return f"release {release.id} was left alone"


def _words(release: Release) -> str:
    return release.state.replace("_", " ")


def _place(release: Release) -> tuple[str, int, str | None]:
    return release.state, release.step_index, release.phase
