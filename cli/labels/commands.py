"""`vigia labels`: what people were asked to label, and what they answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, counted, print_json, text, waiting

if TYPE_CHECKING:
    from cli.labels.items import Item
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy
    from shared.reactions.request_labels import Labelling

app = typer.Typer(help="See what people were asked to label, and bring back what they answered.", no_args_is_help=True)


Tool = Literal["jsonl", "label-studio", "cvat", "coco"]
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="The model, as policies name it.")]
ManifestOption = Annotated[
    str, typer.Option("--request", metavar="DATE", help="Which request, by its date; the newest.", show_default=False)
]


@app.command("list")
def list_requests(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Of one model.", show_default=False)] = "",
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """List the requests for labels, and how many of their items have one.

    \b
    Examples:
      vigia labels list
      vigia labels list damage -o json
    """
    with waiting("reading the requests"):
        app_ = context.open_app(settings)
        policies = [context.require_policy(app_, model)] if model else list(app_.policies)
        rows = [row for policy in policies if _section(policy) for row in _requests(app_, policy)]
    if output is Format.JSON:
        print_json({"requests": rows})
        return
    if not rows:
        console().print(text("Nobody was asked for labels."))
        return
    _table(("model", "request", "items", "labelled", "versions"), [tuple(row.values()) for row in rows])


@app.command("show")
def show(
    model: ModelArgument,
    request: ManifestOption = "",
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show a request's items, the most telling first, with what the model predicted and what people answered.

    \b
    Example:
      vigia labels show damage --request 2026-11-20
    """
    with waiting("reading the request"):
        app_ = context.open_app(settings)
        policy, section = _labelled(app_, model)
        name, items = _manifest(app_, policy, section, request)
        labels = _labels(app_, policy, section)
    from cli.labels.items import label_value

    task = section.task_of(policy)
    rows = [
        {
            "key": item.key,
            "item": item.item,
            "why": item.reason,
            "uncertainty": item.uncertainty,
            "prediction": label_value(item.guess, task) if item.guess else None,
            "label": labels.get(item.key),
        }
        for item in items
    ]
    if output is Format.JSON:
        print_json({"model": model, "request": name, "items": rows, "answers": _versions(app_, policy)})
        return
    shown = [tuple("" if value is None else _plain(value) for value in row.values()) for row in rows]
    _table(("row", "item", "why", "uncertainty", "prediction", "label"), shown)
    for version in _versions(app_, policy):
        for remark in version["remarks"]:
            console().print(text(f"{version['file']}: {remark}"), soft_wrap=True)


@app.command("export")
def export(
    model: ModelArgument,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write.")] = Path(),
    tool: Annotated[
        Tool | None, typer.Option("--tool", help="By default the policy's labelling.tool.", show_default=False)
    ] = None,
    request: ManifestOption = "",
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Write a request as tasks that a labelling tool imports, with what the model predicted to correct.

    \b
    Examples:
      vigia labels export damage
      vigia labels export damage --tool cvat --to tasks/
    """
    with waiting("reading the request"):
        app_ = context.open_app(settings)
        policy, section = _labelled(app_, model)
        name, items = _manifest(app_, policy, section, request)
    files = _files(app_, policy, section, tool or section.tool, name, items)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    if output is Format.JSON:
        print_json({"model": model, "request": name, "items": len(items), "files": [folder / file for file in files]})
        return
    console().print(text(f"{counted(len(items), 'item')} of {name}:"))
    for file in files:
        console().print(text(f"  {folder / file}"), soft_wrap=True)


@app.command("import")
def import_answers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the tool exported.", exists=True, dir_okay=False)],
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Whose items were labelled.")],
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Read what people answered: it becomes a new version of the policy's `labelling.data`.

    Takes Label Studio's JSON, COCO, CVAT's annotations and JSON lines. Nothing is taken of a file that is wrong; one
    that was read before changes nothing.

    \b
    Example:
      vigia labels import project-3.json --model damage
    """
    from cli.labels.items import answer_lines
    from cli.labels.tools import answers_in
    from shared.domain.assets import asset_reference, split_reference
    from shared.drift.signals.answers import read_answers

    with waiting("reading the answers"):
        app_ = context.open_app(settings)
        policy, section = _labelled(app_, model)
        if section.data is None:
            hint = f"write it into {policy.path}, e.g. data: azureml:{model}-labels@latest"
            raise CommandError("cli.labels", "the policy's section labelling names no data asset", hint)
        task = section.task_of(policy)
        content = file.read_bytes()
        answers = answers_in(content, task)
        items = {key: item for key, (item, _) in app_.labels.requested(policy.model, task).items()}
        if answers is not None:
            content = answer_lines(answers, items, task)
        place = f"labelling/{policy.model}/answers/{hashlib.sha256(content).hexdigest()[:12]}.jsonl"
        # Checked before it is stored, where the app would set it aside.
        try:
            read_answers(content, items, task)
        except ValueError as exc:
            raise CommandError("cli.labels", f"{file}: {exc}", "correct it there; nothing of it was taken") from exc
        app_.workspace_files.create(place, content)
        name, _ = split_reference(section.data)
        read = app_.labels.read(policy.model, place, task, name)
    asset = asset_reference(name, read.version)
    if output is Format.JSON:
        print_json({"data": asset, "labels": read.labels, "rows": read.rows, "remarks": read.remarks})
        return
    console().print(text(f"{counted(read.labels, 'label')} read, {read.rows} in all: {asset}"), soft_wrap=True)
    for remark in read.remarks:
        console().print(text(f"  {remark}"), soft_wrap=True)


def _files(
    app_: App, policy: Policy, section: Labelling, tool: str, name: str, items: tuple[Item, ...]
) -> dict[str, bytes]:
    """Return the tool's files by name.

    Raises:
        CommandError: the tool cannot ask this.
    """
    from dataclasses import replace

    from cli.labels.tools import TOOLS

    if tool == "jsonl":
        return {f"{name}.jsonl": _content(app_, f"labelling/{policy.model}/{name}.jsonl")}
    changed = section.model_copy(update={"tool": tool})
    if problem := next((f"labelling.{path}: {what}" for path, what in changed.problems(policy)), ""):
        message, _, hint = problem.partition("; ")
        raise CommandError("cli.labels", message, hint)
    if not section.model_predictions:
        items = tuple(replace(item, guess=()) for item in items)
    return TOOLS[tool](items, section.task_of(policy), name)


def _labelled(app_: App, model: str) -> tuple[Policy, Labelling]:
    policy = context.require_policy(app_, model)
    section = _section(policy)
    if section is None:
        raise CommandError("cli.labels", f"the policy of {model} has no section labelling", "docs/reference/policy.md")
    return policy, section


def _section(policy: Policy) -> Labelling | None:
    from shared.reactions.request_labels import Labelling

    return policy.section(Labelling)


def _names(app_: App, model: str) -> list[str]:
    """Return the names of the model's requests, the newest last."""
    folder = f"labelling/{model}/"
    names = [item.name.removeprefix(folder) for item in app_.workspace_files.list(folder)]
    return sorted(name.removesuffix(".jsonl") for name in names if "/" not in name and name.endswith(".jsonl"))


def _manifest(app_: App, policy: Policy, section: Labelling, request: str) -> tuple[str, tuple[Item, ...]]:
    from cli.labels.items import items_of

    names = _names(app_, policy.model)
    if not names or (request and request not in names):
        listed = ", ".join(names) or "none: people are asked when the data drifts"
        raise CommandError(
            "cli.labels", f"there is no request {request} for labels of {policy.model}", f"there are {listed}"
        )
    name = request or names[-1]
    return name, items_of(_content(app_, f"labelling/{policy.model}/{name}.jsonl"), section.task_of(policy))


def _requests(app_: App, policy: Policy) -> list[dict[str, Any]]:
    section = _section(policy)
    if section is None:
        return []
    rows, versions = app_.labels.requested(policy.model, section.task_of(policy)), _versions(app_, policy)
    labels = _labels(app_, policy, section)
    return [
        {
            "model": policy.model,
            "request": name,
            "items": len(keys),
            "labelled": sum(key in labels for key in keys),
            "versions": [version["version"] for version in versions if name in version["manifests"]],
        }
        for name in _names(app_, policy.model)
        for keys in [[key for key, (_, manifest) in rows.items() if manifest == name]]
    ]


def _versions(app_: App, policy: Policy) -> list[dict[str, Any]]:
    blob = app_.workspace_files.get(f"labelling/{policy.model}/versions.json")
    versions: list[dict[str, Any]] = json.loads(blob.body) if blob else []
    return versions


def _labels(app_: App, policy: Policy, section: Labelling) -> dict[str, Any]:
    """Return the label of each row that has one."""
    asked_now = [section.task, section.key]
    versions = [version for version in _versions(app_, policy) if version["task"] == asked_now]
    if not versions:
        return {}
    import io

    import pandas as pd

    newest = versions[-1]["version"]
    body = _content(app_, f"labelling/{policy.model}/labels/{newest}/labels.parquet")
    table = pd.read_parquet(io.BytesIO(body))
    labels = [label if isinstance(label, str) else list(label) for label in table["label"]]
    return dict(zip(table[section.key], labels, strict=True))


def _content(app_: App, name: str) -> bytes:
    blob = app_.workspace_files.get(name)
    if blob is None:
        raise CommandError("cli.labels", f"there is no file {name} in the workspace's storage any more")
    return blob.body


def _table(headings: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(text(_plain(value)) for value in row))
    console().print(table)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(part["label"] if isinstance(part, dict) else part) for part in value)
    return str(value)
