"""`vigia releases`: which releases there are, and how one came along. What people ask of one is in release_requests."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.kit import context
from cli.kit.options import Format, IdArgument, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting
from cli.releases import card as release_card
from cli.releases import judge as release_judge
from cli.releases import requests as release_requests
from cli.releases import retry as release_retry
from cli.releases import undo as release_undo

app = typer.Typer(rich_markup_mode="rich")


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
        from cli.releases.records import newest_first

        listed, now = newest_first(app_, model, limit), app_.clock.now()
    if output is Format.JSON:
        from cli.releases.line import ReleaseLine

        print_json({"releases": [{"model": r.model, **_plain_line(ReleaseLine.from_release(r))} for r in listed]})
        return
    from cli.releases.view import list_table

    console().print(list_table(listed, now) if listed else text("There are no releases yet.", "dim"))


@app.command("get")
def get(
    id_: IdArgument,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again until it has ended.")] = False,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show one release: its states with times and reasons, gates, approval, traffic and judgement.

    \b
    Examples:
      vigia releases get flight-delay-3
      vigia releases get flight-delay-3 -w
    """
    with waiting("reading the release"):
        app_ = context.open_app(settings)
        from cli.releases.records import find_release

        release = find_release(app_, id_)
    if watch:
        from cli.releases.watch import watch_release

        watch_release(app_, release, output)
        return
    from cli.releases.records import approval_of

    approval = approval_of(app_, release)
    request, now = app_.releases.request(release.id), app_.clock.now()
    if output is Format.JSON:
        print_json({"release": release, "request": request, "approval": approval})
        return
    from cli.releases.view import release_tree

    console().print(release_tree(release, request, approval, now))


def _plain_line(line: object) -> dict[str, object]:
    from cli.kit.output import plain

    values = plain(line)
    assert isinstance(values, dict)
    return values


app.command("card")(release_card.card)
app.command("judge")(release_judge.command)
app.command("promote")(release_requests.promote)
app.command("abort")(release_requests.abort)
app.command("hold")(release_requests.hold)
app.command("resume")(release_requests.resume)
app.command("undo")(release_undo.undo)
app.command("retry")(release_retry.retry)
