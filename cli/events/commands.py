"""`vigia events`: publish events; list and replay undelivered ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.events import dead_letters
from cli.events import explain as events_explain
from cli.events.kinds import KINDS, Answers, build_event, fact_key, find_kind
from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import ByOption, Format, OutputOption, SettingsOption, person
from cli.kit.output import console, print_json, text, waiting
from shared.ports.publisher import cloud_event

app = typer.Typer(
    help="Publish events to the app; explain events from files; list and replay undelivered events.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _text(name: str, about: str, metavar: str = "TEXT") -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}", metavar=metavar, help=about, show_default=False)
    return option


def _one_of(given: str | None, option: str, *allowed: str) -> str | None:
    if given is not None and given not in allowed:
        raise CommandError("cli.choice", f"{option} cannot be {given!r}", f"write {' or '.join(allowed)}")
    return given


@app.command("trigger")
def trigger(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What happened; `vigia events kinds` lists them.")],
    model: Annotated[str | None, _text("model", "The model it is about.", "NAME")] = None,
    version: Annotated[str | None, _text("version", "Version of the model or the data.", "VERSION")] = None,
    reason: Annotated[str | None, _text("reason", "Why, in a few words; people will read it.")] = None,
    signal: Annotated[str | None, _text("signal", "data-drift (the default) or performance.", "SIGNAL")] = None,
    request: Annotated[str | None, _text("request", "A name that makes sending it twice one request.", "NAME")] = None,
    data: Annotated[str | None, _text("data", "The data asset that arrived.", "NAME")] = None,
    location: Annotated[str | None, _text("location", "Where the data is, when it has no version.", "URI")] = None,
    budget: Annotated[str | None, _text("budget", "The budget.", "NAME")] = None,
    percent: Annotated[
        float | None, typer.Option("--percent", min=0, help="Percent of the budget reached.", show_default=False)
    ] = None,
    amount: Annotated[
        float | None, typer.Option("--amount", min=0, help="The whole budget; 1000 when left out.", show_default=False)
    ] = None,
    spent: Annotated[
        float | None,
        typer.Option("--spent", min=0, help="Spent so far; by default percent × amount.", show_default=False),
    ] = None,
    currency: Annotated[str | None, _text("currency", "USD when left out.", "CODE")] = None,
    basis: Annotated[str | None, _text("basis", "actual (the default) or forecasted.", "BASIS")] = None,
    endpoint: Annotated[str | None, _text("endpoint", "The endpoint in trouble.", "NAME")] = None,
    deployment: Annotated[str | None, _text("deployment", "The deployment in trouble.", "NAME")] = None,
    rule: Annotated[str | None, _text("rule", "The alert rule.", "NAME")] = None,
    condition: Annotated[str | None, _text("condition", "fired (the default) or resolved.", "CONDITION")] = None,
    commit: Annotated[str | None, _text("commit", "The commit that a pipeline asks for.", "SHA")] = None,
    repository: Annotated[str | None, _text("repository", "The commit's repository.", "OWNER/NAME")] = None,
    run: Annotated[str | None, _text("run", "The pipeline's run.", "URL")] = None,
    by: ByOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the event and send nothing.")] = False,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Publish an event of that kind to the app's own topic, and print its id.

    \b
    Examples:
      vigia events trigger retraining-requested --model flight-delay --reason "labels"
      vigia events trigger model-registered --model flight-delay --version 3
      vigia events trigger budget-alert --budget ml-team --percent 100
      vigia events trigger data-arrived --data flights --version 7 --dry-run
    """
    chosen = find_kind(kind)
    answers = Answers(
        by=person(by, settings),
        model=model,
        version=version,
        reason=reason,
        signal=_one_of(signal, "--signal", "data-drift", "performance"),
        request=request,
        data=data,
        location=location,
        budget=budget,
        percent=percent,
        amount=amount,
        spent=spent,
        currency=currency,
        basis=_one_of(basis, "--basis", "actual", "forecasted"),
        endpoint=endpoint,
        deployment=deployment,
        rule=rule,
        condition=_one_of(condition, "--condition", "fired", "resolved"),
        commit=commit,
        repository=repository,
        run=run,
    )
    chosen.check(answers)
    with waiting("starting"):
        app_ = context.open_app(settings)
        event = build_event(chosen, answers, app_.settings.workspace_id, datetime.now(UTC))
    if dry_run:
        print_json(cloud_event(event))
        return
    with waiting(f"publishing {event.type}"):
        app_.publisher.publish(event)
    fact = fact_key(event)
    if output is Format.JSON:
        print_json({"id": event.id, "type": event.type, "subject": event.subject, "fact": fact, "published": True})
    else:
        console().print(text(f"published {event.type} about {event.subject}: {event.id}"), soft_wrap=True)
        console().print(text(f"what comes of it: vigia why {fact[:16]}"), soft_wrap=True)


@app.command("kinds")
def kinds(output: OutputOption = Format.TABLE) -> None:
    """List the kinds of events, and what each needs."""
    if output is Format.JSON:
        rows = [{"kind": k.name, "summary": k.summary, "needs": list(k.needs), "takes": list(k.takes)} for k in KINDS]
        print_json({"kinds": rows})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("kind", no_wrap=True)
    for heading in ("what it says", "needs", "takes"):
        table.add_column(heading)
    for kind in KINDS:
        needs, takes = (" ".join(f"--{name}" for name in names) for names in (kind.needs, kind.takes))
        table.add_row(text(kind.name), text(kind.summary), text(needs), text(takes, "dim"))
    console().print(table)


app.command("explain")(events_explain.explain)
app.command("dead")(dead_letters.dead)
app.command("show")(dead_letters.show)
app.command("replay")(dead_letters.replay)
app.command("dismiss")(dead_letters.dismiss)
