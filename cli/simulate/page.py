"""The page of a simulation: one file that needs nothing else, for mail and for pull requests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from html import escape

from cli.simulate.cells import COLUMNS, rate_text, row, steps_text
from cli.simulate.study import Study
from shared.domain.releases.plan import ReleasePlan
from shared.policy.sections.quantities import duration_text
from shared.simulate.result import SimulationResult
from shared.simulate.traffic import HOURS, Traffic
from shared.texts import plots
from shared.texts.plots import Axis, Bar, Frame, Line

WIDTH, LABELS = 760, 170
TIMES = Frame(WIDTH, 240, 60, 14, 530, 214)
DAY = Frame(WIDTH, 176, 60, 14, 530, 150)
CURVE_POINTS = 200
# A curve of a smaller share of the releases would be noise.
LEAST_SHARE = 0.02

STYLE = (
    plots.STYLE
    + """
:root { --ink: #1c2430; --soft: #5b6675; --paper: #ffffff; --panel: #f5f7fa; --line: #dde3ea; --good: #2f9e6e;
  --bad: #d1495b; --open: #e0a83c; --c0: #2b6cb0; --c1: #2f9e6e; --c2: #d1495b;
  --c3: #8a5cc2; --c4: #e0862b; --c5: #3b8ea5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf2; --soft: #9aa7b6; --paper: #11161d; --panel: #19212b;
  --line: #2b3643; --good: #3fb985; --bad: #e56b7b; --open: #e8b957; --c0: #6aa9e9; --c3: #b592e6; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 840px;
  margin: 0 auto; padding: 32px 20px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 15px; margin: 28px 0 8px; } p { margin: 6px 0; }
.quiet { color: var(--soft); } .verdict { border-left: 4px solid var(--good); background: var(--panel);
  padding: 10px 14px; border-radius: 4px; margin: 16px 0; } .verdict.no { border-color: var(--bad); }
.panel { background: var(--panel); border-radius: 8px; padding: 14px; overflow-x: auto; }
svg { width: 100%; min-width: 560px; height: auto; display: block; overflow: visible; }
svg text { font-size: 11.5px; } svg text.k { font-size: 13px; }
svg text.inside { fill: #fff; font-size: 13px; font-weight: 600; }
svg text.on-open { fill: #3a2c08; }
.good { fill: var(--good); } .bad { fill: var(--bad); } .open { fill: var(--open); }
.all { fill: var(--c0); opacity: .35; }
.step { fill: var(--c0); }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
.c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.key span { display: inline-block; margin-right: 18px; font-size: 12.5px; color: var(--soft); }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } th { text-align: right; color: var(--soft);
  font-weight: 500; } td, th { padding: 6px 8px; border-bottom: 1px solid var(--line); text-align: right; }
td:first-child, th:first-child { text-align: left; }
code { background: var(--panel); padding: 1px 5px; border-radius: 3px; }
"""
)
KEY = '<span><i style="background:var(--{kind})"></i>{words}</span>'


def page(study: Study) -> str:
    """Return the whole page."""
    plan = study.plan
    facts = (
        f"{steps_text(plan)} of the traffic, each step bakes {duration_text(plan.bake)} and is given up after "
        f"{duration_text(plan.decide_within)}, watched for {duration_text(plan.watch_for)}; at most "
        f"{100 * plan.judge.false_rollbacks:g} % false rollbacks"
    )
    keys = (("good", "stays promoted"), ("bad", "rolled back"), ("open", "undecided, given up"))
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Simulated rollout of {escape(study.model)}</title>
<style>{STYLE}</style>
<h1>Simulated rollout of {escape(study.model)}</h1>
<p class="quiet">{escape(study.file)}: {escape(facts)}</p>
<p class="verdict{"" if study.decides else " no"}">{escape(study.headline)}</p>
{_advice(study)}
<h2>What becomes of each kind of version</h2>
<div class="panel"><p class="key">{"".join(KEY.format(kind=kind, words=words) for kind, words in keys)}</p>
{_shares(study.results)}</div>
<h2>When it is decided</h2>
<div class="panel">{_times(study.results)}</div>
<h2>Traffic over a day</h2>
<div class="panel">{_day(study.traffic, plan)}</div>
<h2>In numbers</h2>
<div class="panel">{_table(study)}</div>
<p class="quiet">{escape(study.small_print)}.</p>
</html>
"""


def _shares(results: Sequence[SimulationResult]) -> str:
    """Return one bar per kind of version: promoted, rolled back, undecided."""
    rows = [
        Bar(
            result.change.name,
            (
                ("good", result.finished / 100),
                ("bad", result.rolled_back / 100),
                ("open", result.undecided / 100),
            ),
            "tolerated by the policy" if result.change.is_worse and result.is_tolerated else "",
        )
        for result in results
    ]
    return plots.bars("Shares of releases per kind of version", rows, WIDTH, LABELS)


def _times(results: Sequence[SimulationResult]) -> str:
    """Return, per kind of version, the share that had all the traffic, or was rolled back, after so many minutes."""
    longest = max([minutes for result in results for minutes in (*result.promotions, *result.roll_backs)] or [1.0])
    lines = [
        Line(_curve(minutes, longest, result.runs), f"line c{number % 6}{dash}", name)
        for number, (result, name, minutes, dash) in enumerate(_curves(results))
    ]
    y = Axis(0, 100, [(percent, f"{percent} %") for percent in (0, 25, 50, 75, 100)], has_grid=True)
    x = Axis(0, longest, plots.round_ticks(longest, "min"))
    return plots.chart("Share of releases promoted or rolled back over time", lines, x, y, TIMES)


def _curves(results: Sequence[SimulationResult]) -> Iterator[tuple[SimulationResult, str, Sequence[float], str]]:
    for result in results:
        for ending, minutes, dash in (("promoted", result.promotions, ""), ("rolled back", result.roll_backs, " dash")):
            if len(minutes) >= LEAST_SHARE * result.runs:
                yield result, f"{result.change.name}: {ending}", minutes, dash


def _curve(minutes: Sequence[float], longest: float, runs: int) -> list[tuple[float, float]]:
    """Return the percent of the runs that ended within so many minutes; `minutes` come shortest first."""
    places = [longest * number / (CURVE_POINTS - 1) for number in range(CURVE_POINTS)]
    return [(place, 100 * bisect_right(minutes, place) / runs) for place in places]


def _day(traffic: Traffic, plan: ReleasePlan) -> str:
    """Return requests per minute over a day, all of them and those of the first step."""
    highest = max(*traffic.hourly, 1e-9)
    hourly = [*traffic.hourly, traffic.hourly[0]]
    kinds = (("all", "requests per minute", 100), ("step", f"first step: {plan.steps[0]} %", plan.steps[0]))
    lines = [
        Line([(hour, rate * percent / 100) for hour, rate in enumerate(hourly)], kind, name, is_area=True)
        for kind, name, percent in kinds
    ]
    x = Axis(0, HOURS, [(hour, f"{hour}:00") for hour in (0, 6, 12, 18, 24)])
    y = Axis(0, highest, [(0, "0"), (highest, rate_text(highest))])
    return plots.chart("Traffic over a day", lines, x, y, DAY)


def _advice(study: Study) -> str:
    if study.decides:
        return ""
    if not study.advice:
        return "".join(f"<p>{escape(line)}</p>" for line in study.advice_lines)
    items = (
        f"<li><code>{escape(advice.write)}</code>: {advice.finished:.0f} % get through</li>" for advice in study.advice
    )
    return f"<p>Any one of these would let it decide:</p><ul>{''.join(items)}</ul>"


def _table(study: Study) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("version", *COLUMNS))
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row(result))}</tr>" for result in study.results
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
