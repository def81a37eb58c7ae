"""Judges files by the gates of a policy, through the function that a release calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from cli.kit.policy_files import read_policy
from cli.monitor.files import ParquetPieces, read_files
from shared.domain.releases.verdict import GateResult
from shared.metrics.aggregates import FILE, Aggregate, read_aggregates
from shared.metrics.rows import LISTS
from shared.release.gates.own_tests import FILES
from shared.release.gates.registry import judge_all
from shared.release.gates.spec import GateEvidence, Lineage, Needs
from shared.release.sections.gates_and_approval import Gates

if TYPE_CHECKING:
    import pandas as pd


def judged(
    scores: Sequence[Path], policy_file: Path, training_data: Path | None, has_champion: bool
) -> tuple[GateResult, ...]:
    """Return what every gate of the policy says, in the policy's order.

    Raises:
        CommandError: a file cannot be read, or the policy has no gates.
        PolicyProblemsError: something in the policy is wrong.
    """
    section = read_policy(policy_file).section(Gates)
    if section is None or not section.root:
        message = f"{policy_file} has no gates"
        raise CommandError("cli.no_gates", message, "add e.g. gates: [{metric: roc_auc, at_least: 0.70}]")
    lineage = Lineage(
        training_data=_table([training_data]) if training_data else None, problem="add --training-data FILE"
    )
    looked_at: frozenset[Needs] = frozenset({"evaluation", "training-data"})
    results = [path for path in scores if path.name in FILES]
    others = [path for path in scores if path not in results]
    table, aggregates = _evaluation(others) if others or not results else (None, ())
    evidence = GateEvidence(table, has_champion, lineage, aggregates, _tests(results[0]) if results else None)
    return judge_all(section.plans(), evidence, looked_at)


def _evaluation(paths: Sequence[Path]) -> tuple[pd.DataFrame | None, tuple[Aggregate, ...]]:
    """Return the evaluation's rows, and what its metrics.json says; None for rows where that is all there is.

    Raises:
        CommandError: a file cannot be read.
    """
    files = [file for path in paths for file in (_tables(path) if path.is_dir() else [path])]
    measured = [file for file in files if file.name == FILE]
    try:
        aggregates = [aggregate for file in measured for aggregate in read_aggregates(json.loads(file.read_bytes()))]
    except (OSError, ValueError) as exc:
        raise CommandError(
            "cli.file", f"{measured[0]} cannot be used: {exc}", "see docs/reference/evaluation.md"
        ) from exc
    tables = [file for file in files if file.name != FILE]
    return _table(tables) if tables or not measured else None, tuple(aggregates)


def _tests(path: Path) -> object:
    """Return the results of the model's own tests.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text if path.suffix == ".xml" else json.loads(text)
    except (OSError, ValueError) as exc:
        raise CommandError("cli.file", f"{path} cannot be used: {exc}", "see docs/reference/evaluation.md") from exc


def _tables(folder: Path) -> list[Path]:
    from shared.adapters.tables.table_files import is_table

    return sorted(file for file in folder.iterdir() if is_table(file.name)) or [folder]


def _table(files: Sequence[Path]) -> pd.DataFrame:
    table = read_files(files, LISTS)
    if isinstance(table, ParquetPieces):
        raise CommandError("cli.file", "these are too many rows for one table", "give a sample of them")
    return table
