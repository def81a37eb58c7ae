"""`vigia workspaces`: which workspaces the app serves."""

from __future__ import annotations

from cli.kit import context
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text


def command(output: OutputOption = Format.TABLE, settings: SettingsOption = None) -> None:
    """List the workspaces that the app serves: its own, and those of workspaces.yaml.

    \b
    Examples:
      vigia workspaces
      vigia --workspace staging status
    """
    app = context.open_app(settings, "")
    from shared.policy.reading.workspaces import load_workspaces

    own = app.settings
    places = [("", own.environment, own.workspace_id)]
    places += [(listed.name, listed.environment, listed.workspace_id) for listed in load_workspaces(own.policies)]
    models = {name: sorted(p.model for p in app.all_policies if p.workspace == name) for name, _, _ in places}
    if output is Format.JSON:
        keys = ("name", "environment", "id")
        print_json({"workspaces": [dict(zip(keys, place, strict=True), models=models[place[0]]) for place in places]})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("name", "environment", "models", "workspace"):
        table.add_column(heading, overflow="fold")
    for name, environment, identifier in places:
        shown = name or "(the app's own)"
        table.add_row(text(shown), text(environment), text(", ".join(models[name])), text(identifier))
    console().print(table)
