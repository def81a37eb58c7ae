"""`vigia init`: what a model of one's own needs, written by a few answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.init.answers import METRICS, Answers, Endpoint, Task, check_model, is_asset, is_higher_better
from cli.kit.errors import CommandError
from cli.kit.options import YesOption, is_interactive
from cli.kit.output import console, text

if TYPE_CHECKING:
    from cli.init.columns import Rows

T = TypeVar("T", str, float, Task, Endpoint)
Text = str | None


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name under which versions are registered.")],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FILE|azureml:NAME", help="Labelled rows: parquet or CSV, or a data asset."),
    ] = None,
    evaluation: Annotated[
        str,
        typer.Option(
            "--evaluation",
            metavar="FILE|azureml:NAME",
            help="Labelled rows that no version is trained on; of a file, three tenths are held out by default.",
        ),
    ] = "",
    task: Annotated[
        Task | None, typer.Option("--task", help="What the model answers; by default as the label looks.")
    ] = None,
    label: Annotated[Text, typer.Option("--label", metavar="COLUMN", help="The column with the truth.")] = None,
    key: Annotated[Text, typer.Option("--key", metavar="COLUMN", help="The column that tells rows apart.")] = None,
    time: Annotated[str, typer.Option("--time", metavar="COLUMN", help="Of forecasts: by when rows are ordered.")] = "",
    slices: Annotated[
        list[str] | None, typer.Option("--slice-by", metavar="COLUMN", help="A column whose groups are judged apart.")
    ] = None,
    metric: Annotated[Text, typer.Option("--metric", metavar="NAME", help="What versions are judged by.")] = None,
    bound: Annotated[float | None, typer.Option("--bound", help="What a version has to reach in it.")] = None,
    lower: Annotated[bool, typer.Option("--lower-is-better", help="Of a metric of your own.")] = False,
    endpoint: Annotated[Text, typer.Option("--endpoint", metavar="NAME", help="By default the model's name.")] = None,
    endpoint_type: Annotated[Endpoint | None, typer.Option("--endpoint-type", help="What serves the model.")] = None,
    owner: Annotated[Text, typer.Option("--owner", metavar="EMAIL", help="Who is told; by default git's you.")] = None,
    approvers: Annotated[
        list[str] | None, typer.Option("--approver", metavar="EMAIL", help="Who may approve; by default the owner.")
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Steps of seconds instead of hours, for the local system.")
    ] = False,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    yes: YesOption = False,
) -> None:
    """Write a policy, training and evaluation components, and the script that registers them, for a model of your own.

    What no option says is asked for, or with --yes taken as the data look. The policy is checked at once.

    Exit code 0: written, and the policy is right. 1: written, and the policy has mistakes. 2: nothing was written.

    \b
    Examples:
      vigia init wine --data wine.parquet
      vigia init wine --data wine.csv --label kind --metric f1_macro --bound 0.9 --owner ana@example.com --yes
    """
    asks = is_interactive() and not yes
    ask = Questions(asks)
    source = ask.text("labelled rows (parquet or CSV file, or azureml:NAME)", data, "", "--data")
    rows = _rows(source)
    of_label = ask.text("label column", label, rows.label() if rows else "label", "--label")
    of_key = ask.text("column that tells rows apart", key, rows.key() if rows else "row_id", "--key")
    _check_columns(rows, of_label, of_key, [*(slices or ()), *([time] if time else ())])
    of_task = Task(ask.text("task", task, rows.task(of_label) if rows else Task.BINARY, "--task"))
    of_metric, usual = METRICS[of_task]
    of_metric = ask.text("metric", metric, of_metric, "--metric")
    is_higher = is_higher_better(of_metric) and not lower
    if rows and of_metric == "mae":
        usual = rows.error_to_beat(of_label)
    answers = Answers(
        model=check_model(model),
        task=of_task,
        endpoint_type=Endpoint(ask.text("endpoint type", endpoint_type, Endpoint.ONLINE, "--endpoint-type")),
        endpoint=ask.text("endpoint", endpoint, model, "--endpoint"),
        data=_from(folder, source),
        evaluation=_from(folder, evaluation),
        label=of_label,
        key=of_key,
        time=time,
        slices=tuple(slices or ()),
        metric=of_metric,
        higher=is_higher,
        bound=ask.number(f"{of_metric} {'at least' if is_higher else 'at most'}", bound, usual),
        owner=(of_owner := ask.text("owner's e-mail address", owner, _own_address(), "--owner")),
        approvers=tuple(approvers or (of_owner,)),
        is_rehearsal=rehearse,
    )
    _write(answers, folder, replaces=force)


class Questions:
    """Asks for what no option says; where nobody is there, the default is the answer."""

    def __init__(self, asks: bool) -> None:
        self._asks = asks

    def text(self, question: str, given: str | None, default: str, option: str) -> str:
        """Return an answer.

        Raises:
            CommandError: there is neither an option nor anybody to ask nor a default.
        """
        if given is not None:
            return given
        if self._asks:
            return str(typer.prompt(question, default=str(default) or None, err=True))
        if not default:
            raise CommandError("cli.no_answer", f"nothing says the {question}", f"add {option}")
        return str(default)

    def number(self, question: str, given: float | None, default: float) -> float:
        if given is not None or not self._asks:
            return default if given is None else given
        return float(typer.prompt(question, default=default, type=float, err=True))


def _from(folder: Path, source: str) -> str:
    """Return a file as the scripts in the folder find it; a data asset as it is."""
    return source if not source or is_asset(source) else os.path.relpath(source, folder)


def _rows(source: str) -> Rows | None:
    """Return the rows of a file; None of a data asset."""
    if is_asset(source):
        return None
    from cli.init.columns import read_rows

    return read_rows(Path(source))


def _check_columns(rows: Rows | None, label: str, key: str, others: list[str]) -> None:
    if rows is None:
        return
    rows.require(label, "label")
    rows.require_key(key)
    for name in others:
        rows.require(name, "rows to be ordered or grouped by")


def _own_address() -> str:
    """Return what git knows as this user's address; "" when it knows none."""
    try:
        done = subprocess.run(["git", "config", "user.email"], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError:
        return ""
    return done.stdout.strip()


def _write(answers: Answers, folder: Path, *, replaces: bool) -> None:
    from cli.init.render import render, write
    from cli.policy.commands import validate

    texts = render(answers)
    write(texts, folder, replaces=replaces)
    out = console()
    for path in texts:
        out.print(text(f"written: {folder / path}"), soft_wrap=True)
    validate([folder / "policies" / f"{answers.model}.yaml"])
    typer.echo(
        "Next: read train/train.py and evaluate/evaluate.py, and make them yours. Then\n"
        f"  python3 dev.py up --policies {(folder / 'policies').resolve()} --keep\n"
        "    (in Vigia's checkout, on this machine; leave it running, and in a second terminal there:)\n"
        '  eval "$(python3 dev.py env)"\n'
        f"  python {folder / 'register.py'}\n"
        f"  vigia doctor {answers.model}"
    )
