"""Judges files by the gates of a policy, through the function that a release calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from cli.kit.policy_files import read_policy
from cli.monitor.files import ParquetPieces, read_files
from shared.domain.releases.verdict import GateResult
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
    return judge_all(section.plans(), GateEvidence(_table(scores), has_champion, lineage), looked_at)


def _table(files: Sequence[Path]) -> pd.DataFrame:
    table = read_files(files)
    if isinstance(table, ParquetPieces):
        raise CommandError("cli.file", "these are too many rows for one table", "give a sample of them")
    return table
