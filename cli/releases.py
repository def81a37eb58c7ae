"""`vigia releases`: which releases there are, how one came along, and how to stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli import context
from cli.errors import CommandError
from cli.options import ByOption, Format, OutputOption, SettingsOption, is_interactive, person, required_text
from cli.output import console, print_json, text, waiting

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.domain.release import Release, ReleaseRequest

app = typer.Typer(rich_markup_mode="rich")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The release, or the beginning of its id.")]
POLL_SECONDS = 1.0


@app.callback(invoke_without_command=True)
def releases(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only this model's.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many that have ended.")] = 20,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List the releases: the running ones first, then the ones that ended, newest first.

    \b
    Examples:
      vigia releases
      vigia releases get flight-delay-3
      vigia releases abort flight-delay-3 --reason "customers complain"
    """
    if ctx.invoked_subcommand is not None:
        return
    with waiting("reading the releases"):
        app_ = context.open_app(settings)
        from cli.release_list import newest_first

        found, now = newest_first(app_, model, limit), app_.clock.now()
    if output is Format.JSON:
        from cli.status_report import ReleaseLine

        print_json({"releases": [{"model": r.model, **_plain_line(ReleaseLine.of(r))} for r in found]})
        return
    from cli.release_view import list_table

    console().print(list_table(found, now) if found else text("There are no releases yet.", "dim"))


@app.command("get")
def get(id_: IdArgument, output: OutputOption = Format.TABLE, settings: SettingsOption = None) -> None:
    """Show one release: its states with times and reasons, gates, approval, traffic and judgement.

    \b
    Example:
      vigia releases get flight-delay-3
    """
    with waiting("reading the release"):
        app_ = context.open_app(settings)
        from cli.release_list import approval_of, find_release

        release = find_release(app_, id_)
        approval = approval_of(app_, release)
        request, now = app_.releases.request(release.id), app_.clock.now()
    if output is Format.JSON:
        print_json({"release": release, "request": request, "approval": approval})
        return
    from cli.release_view import release_tree

    console().print(release_tree(release, request, approval, now))


@app.command("abort")
def abort(
    id_: IdArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; people will read it.")],
    by: ByOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[int, typer.Option("--wait", min=0, metavar="SECONDS", help="Wait so long for the end.")] = 0,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Stop a release: the champion gets its traffic back. An abort always wins and cannot be taken back.

    \b
    Example:
      vigia releases abort flight-delay-3 --reason "customers complain" --yes --wait 120
    """
    why, who = required_text(reason, "--reason"), person(by)
    with waiting("reading the release"):
        app_ = context.open_app(settings)
        from cli.release_list import find_release

        release = find_release(app_, id_)
    _refuse_ended(release)
    _confirm(release, yes)
    with waiting("asking for the abort"):
        app_.release_desk.request_abort(release.id, who, why)
        request = app_.releases.request(release.id)
        release = _awaited(app_, release, wait)
    _tell(release, request, output)


def _refuse_ended(release: Release) -> None:
    if release.state.is_terminal:
        message = f"release {release.id} has ended already, {release.state}: {release.reason}"
        raise CommandError("cli.ended", message, "there is nothing to abort; register or release another version")


def _confirm(release: Release, yes: bool) -> None:
    if yes:
        return
    if not is_interactive():
        raise CommandError("cli.unconfirmed", "nobody is here to confirm the abort", "add --yes")
    share = release.traffic_steps[-1] if release.traffic_steps else 0
    question = f"Abort {release.id} ({release.state}, {share} % of the traffic)?"
    if not typer.confirm(question, err=True):
        raise CommandError("cli.unconfirmed", f"release {release.id} was left alone", "")


def _awaited(app_: App, release: Release, wait: int) -> Release:
    """Return the release as it is now, or once it has ended, or when the time is over."""
    give_up = time.monotonic() + wait
    while True:
        stored = app_.releases.load(release.id)
        release = stored.release if stored else release
        if release.state.is_terminal or time.monotonic() >= give_up:
            return release
        time.sleep(POLL_SECONDS)


def _tell(release: Release, request: ReleaseRequest | None, output: Format) -> None:
    if request is None or request.kind != "abort":
        raise CommandError("cli.lost_request", f"the abort of {release.id} cannot be read back", "ask again")
    if output is Format.JSON:
        print_json({"id": release.id, "state": release.state, "reason": release.reason, "request": request})
        return
    asked = f"abort asked by {request.by}: {request.reason}"
    state = f"release {release.id} is {release.state.replace('_', ' ')}: {release.reason}"
    console().print(text(asked), text(state), sep="\n", soft_wrap=True)


def _plain_line(line: object) -> dict[str, object]:
    from cli.output import plain

    values = plain(line)
    assert isinstance(values, dict)
    return values
