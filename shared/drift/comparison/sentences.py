"""The sentences of a drift report."""

from __future__ import annotations

from collections.abc import Sequence

from shared.drift.results.comparison import ColumnReport, DriftRules, Verdict

COLUMNS_NAMED = 3


def column_sentence(column: ColumnReport, detail: str) -> str:
    """Return one sentence on a column, e.g. "dep_delay: KS 0.114 against a floor of 0.10; median still 0"."""
    parts = [] if column.effect is None else [_measure(column)]
    if detail:
        parts.append(detail)
    if column.missing_before != column.missing_now:
        change = "rose" if column.missing_now > column.missing_before else "fell"
        parts.append(f"missing values {change} from {column.missing_before:.1%} to {column.missing_now:.1%}")
    parts.extend(column.findings)
    return f"{column.name}: {'; '.join(parts)}" if parts else f"{column.name}: nothing to compare"


def _measure(column: ColumnReport) -> str:
    reason = "" if column.floor_reason == "smallest effect that matters" else f" (set by {column.floor_reason})"
    bound = ""
    if column.effect_at_most is not None and column.effect is not None:
        wide = column.effect_at_most - column.effect > 0.0005
        bound = f" (at most {column.effect_at_most:.3f})" if wide else ""
    return f"{column.statistic} {column.effect:.3f}{bound} against a floor of {column.floor:.2f}{reason}"


def report_sentence(
    verdict: Verdict,
    columns: Sequence[ColumnReport],
    rows: tuple[int, int],
    rules: DriftRules,
    findings: Sequence[str],
) -> str:
    """Return the whole report in a sentence or two; `columns` worst first, `rows` of the reference and the window."""
    match verdict:
        case "drift":
            drifted = [column for column in columns if column.is_drifted]
            named = "; ".join(column.sentence for column in drifted[:COLUMNS_NAMED])
            more = f"; and {len(drifted) - COLUMNS_NAMED} more" if len(drifted) > COLUMNS_NAMED else ""
            text = f"Drift in {len(drifted)} of {len(columns)} columns over {rows[1]:,} rows: {named}{more}."
            text += _weight_of(drifted)
        case "no-drift":
            compared = [column for column in columns if column.effect is not None]
            text = f"No drift in {len(compared)} columns over {rows[1]:,} rows; nearest is {compared[0].sentence}."
        case "insufficient-data":
            text = _insufficient(columns, rows, rules)
    return " ".join([text, *(f"Also: {finding}." for finding in findings)])


def _weight_of(drifted: Sequence[ColumnReport]) -> str:
    """Return the importance of the drifted columns to the model, most first; nothing when it is not known."""
    weights = [(column.importance, column.name) for column in drifted if column.importance]
    if not weights:
        return "" if all(column.importance is None for column in drifted) else " The model leans on none of them."
    heaviest = sorted(weights, key=lambda weight: (-weight[0], weight[1]))[:COLUMNS_NAMED]
    named = ", ".join(f"{name} {share:.0%}" for share, name in heaviest)
    return f" They carry {sum(share for share, _ in weights):.0%} of the model's importance: {named}."


def _insufficient(columns: Sequence[ColumnReport], rows: tuple[int, int], rules: DriftRules) -> str:
    for what, count in zip(("reference", "window"), rows, strict=True):
        if count < rules.minimum_rows:
            return f"Insufficient data: the {what} has {count:,} rows, at least {rules.minimum_rows:,} are needed."
    if not columns:
        return "Insufficient data: the reference has no column to compare."
    return f"Insufficient data: none of {len(columns)} columns could be compared: {columns[0].sentence}."
