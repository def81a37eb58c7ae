"""The files that `vigia init` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from cli.init.answers import Answers, Endpoint, Task, is_asset
from cli.kit.errors import CommandError

if TYPE_CHECKING:
    from jinja2 import Environment

# Where each template goes; {model} and {module} are the model's names.
FILES = {
    "policy.yaml.j2": "policies/{model}.yaml",
    "conda.yaml.j2": "conda.yaml",
    "train.yaml.j2": "train/component.yaml",
    "train.py.j2": "train/train.py",
    "model.py.j2": "train/{module}_model.py",
    "evaluate.yaml.j2": "evaluate/component.yaml",
    "evaluate.py.j2": "evaluate/evaluate.py",
    "register.py.j2": "register.py",
    "send.py.j2": "send.py",
}

# What the written training measures of itself; gates may read it as train_… and validation_….
TRAIN_METRICS = {Task.BINARY: "roc_auc", Task.CLASSES: "f1_macro", Task.SEVERAL_LABELS: "f1_micro"}


def render(answers: Answers) -> dict[Path, str]:
    """Return the text of each file, by its place in the folder."""
    from shared.metrics.catalogue import known_metric

    environment = _environment()
    names = {
        "a": answers,
        "Task": Task,
        "Endpoint": Endpoint,
        "is_file": not is_asset(answers.data),
        "splits": not answers.evaluation,
        "rehearses": answers.is_rehearsal,
        "is_own": answers.task is Task.OTHER and known_metric(answers.metric) is None,
        "has_classes": answers.task in {Task.BINARY, Task.CLASSES},
        "train_metric": TRAIN_METRICS.get(answers.task, "mae"),
    }
    return {
        Path(path.format(model=answers.model, module=answers.module)): environment.get_template(name).render(names)
        for name, path in FILES.items()
    }


def write(texts: dict[Path, str], folder: Path, *, replaces: bool) -> None:
    """Write the files.

    Raises:
        CommandError: one of them is there already, or cannot be written. Then none was.
    """
    present = [str(folder / path) for path in texts if (folder / path).exists()]
    if present and not replaces:
        raise CommandError("cli.file_exists", f"there already: {', '.join(present)}", "add --force to replace them")
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise CommandError("cli.not_written", f"{folder} cannot be written to: {exc}", "give another --folder") from exc


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # What it writes is Python and YAML, and no page: nothing is escaped but by `repr`, which quotes texts for both.
    environment = Environment(
        loader=PackageLoader("cli.init"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment


def quoted(value: object) -> str:
    """Return a text or a list of texts with double quotes, as Python and YAML both read it."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
