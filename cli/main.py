"""The `vigia` command: its verbs and their order. Every verb imports what it needs when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import experiments, freeze, notices, workspaces
from cli.doctor import commands as doctor
from cli.events import commands as events
from cli.init import commands as init
from cli.kit import context
from cli.kit.errors import DEBUG, WORKSPACE, AnswerCommand, BorderGroup
from cli.labels import commands as labels
from cli.monitor import commands as monitor
from cli.policy import commands as policy
from cli.policy import gates
from cli.releases import commands as releases
from cli.releases import plan
from cli.simulate import commands as simulate
from cli.status import commands as status
from cli.why import commands as why

EPILOG = """Exit codes: 0 all is well or done, 1 something needs a person or is wrong, 2 it could not be carried out \
(of plan and monitor run: something differs), 3 too little to tell, 70 an unexpected error."""

app = typer.Typer(
    name="vigia",
    cls=BorderGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"vigia {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("vigia")
    except PackageNotFoundError:
        # Run from a checkout, which nobody installed.
        import tomllib
        from pathlib import Path

        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])


def _choose_workspace(name: str) -> str:
    context.WORKSPACE.set(name)
    return name


@app.callback()
def vigia(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show where an error came from; goes anywhere.")] = False,
    workspace: Annotated[
        str,
        typer.Option(
            WORKSPACE,
            callback=_choose_workspace,
            metavar="NAME",
            help="Which workspace, by its name in workspaces.yaml; by default the app's own. Goes anywhere.",
            show_default=False,
        ),
    ] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """See what happens to your models on Azure, and step in."""


app.command("init")(init.command)
app.command("doctor")(doctor.command)
app.command("status")(status.command)
app.command("plan", cls=AnswerCommand)(plan.command)
app.command("simulate")(simulate.command)
app.add_typer(releases.app, name="releases")
app.command("why")(why.command)
app.command("freeze")(freeze.freeze)
app.command("unfreeze")(freeze.unfreeze)
app.add_typer(events.app, name="events")
app.add_typer(experiments.app, name="experiments")
app.add_typer(monitor.app, name="monitor")
app.add_typer(notices.app, name="notices")
app.add_typer(labels.app, name="labels")
app.add_typer(policy.app, name="policy")
app.add_typer(gates.app, name="gates")
app.command("workspaces")(workspaces.command)


def main() -> None:
    """Run the command with the arguments of this process."""
    app(prog_name="vigia")


if __name__ == "__main__":
    main()
