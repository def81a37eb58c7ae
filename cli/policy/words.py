"""What each section of a policy will do, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cli.kit.batch_words import limits
from cli.monitor.words import looks_in_words
from shared.domain.releases.outcome import tested_words
from shared.policy.sections.budgets import Budget
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.quantities import duration_text, percent_text
from shared.reactions.notify_section import Notify
from shared.reactions.request_labels import Labelling
from shared.reactions.retrain_section import Retrain
from shared.release.sections.ab_test import ab_plan, can_tell
from shared.release.sections.batch import batch_plan
from shared.release.sections.gates_and_approval import Approval, Evaluate, Gates
from shared.release.sections.judge import Errors
from shared.release.sections.quality import Quality
from shared.release.sections.rollout import Rollout


def summary(policy: Policy) -> dict[str, str]:
    """Return a sentence for the file as a whole, under "model", and one per section."""
    people = f"{policy.people.owner} owns it"
    if policy.people.approvers:
        people += f"; {_listed(policy.people.approvers)} may approve"
    endpoint = policy.endpoint
    where = f"{policy.kind} model {policy.model}, serving on "
    where += f"{'Kubernetes' if endpoint.kubernetes else endpoint.type} endpoint {endpoint.name}"
    sentences = {key: WORDS[key](section) for key, section in sorted(policy.sections.items(), key=_place)}
    missing = {} if "rollout" in sentences else {"rollout": "there is none, so new versions are not released"}
    return {"model": f"{where}; {people}", **sentences, **missing}


def _place(item: tuple[str, object]) -> int:
    return list(WORDS).index(item[0])


def _retrain(section: Retrain) -> str:
    triggers = [trigger if isinstance(trigger, str) else f"schedule {trigger.schedule} (UTC)" for trigger in section.on]
    held = [f"at least {_span(section.cooldown)} after the last one"] if section.cooldown else []
    held += [f"at most {section.at_most}"] if section.at_most else []
    when = f"on {_listed(triggers)}, and when someone asks" if triggers else "only when someone asks"
    return f"run {section.job} {when}" + (f"; {', '.join(held)}" if held else "")


def _monitor(section: Monitor) -> str:
    looks = list(looks_in_words(section))
    if section.azure_monitors:
        looks.append(f"listen to Azure ML's {_listed([monitor.name for monitor in section.azure])}")
    return f"every {_span(section.every)}: {'; '.join(looks) or 'nothing is looked at'}"


def _evaluate(section: Evaluate) -> str:
    return f"{section.job} scores champion and challenger on {section.data}"


def _gates(section: Gates) -> str:
    return "a version must pass: " + "; ".join(_gate(plan.kind, dict(plan.settings)) for plan in section.plans())


def _gate(kind: str, settings: dict[str, Any]) -> str:
    if kind == "metric":
        at_least = settings.get("at_least")
        bound = f"at least {at_least:g}" if at_least is not None else f"at most {settings['at_most']:g}"
        return f"{settings['metric']} {bound}"
    if kind == "not_worse_than_champion":
        sure = f"({settings['confidence']} sure)"
        return f"{settings['metric']} not worse than the champion's by more than {settings['margin']:g} {sure}"
    if kind == "slices":
        by = _listed(settings["by"])
        return f"{settings['metric']} of every {by} at least {settings['min_ratio']:g} times the whole's"
    if kind == "fairness":
        bound = (
            f"{settings['at_most']:g} apart" if settings["at_most"] else f"a ratio of {settings['at_least']:g} apart"
        )
        groups = _listed([" and ".join([by] if isinstance(by, str) else by) for by in settings["by"]])
        what = settings["metric"] or settings["criterion"].replace("-", " ")
        return f"{what} of every {groups} {bound} ({settings['confidence']} sure)"
    if kind == "overfitting":
        return (
            f"{settings['metric']} at most {settings['gap_at_most']:g} worse on validation rows than on training rows"
        )
    if kind == "data_quality":
        return f"sound training data ({settings['input']})"
    if kind == "reproducibility":
        return "a record of the data, code and environment it was made with"
    return kind.replace("_", " ")


def _approval(section: Approval) -> str:
    if section.when == "never":
        return "nobody is asked"
    when = "every release" if section.when == "always" else "a release that replaces a serving version"
    who = f"{section.quorum} of the approvers"
    but = ", and whoever submitted it may not" if section.not_by == "submitter" else ""
    return f"{who} must agree to {when} within {_span(section.expires)}{but}"


def _rollout(section: Rollout) -> str:
    judged = _limits(section)
    if section.strategy == "batch" and section.batch:
        plan = batch_plan(section.batch)
        how = f"both versions score {plan.sample} on {plan.resources.compute}, decided within {_span(section.deadline)}"
        back = f"back when more than {plan.failed_jobs_at_most} jobs fail within {_span(section.watch_for)}"
        return f"batch: {how}; {limits(plan)}; then the default deployment is swapped, {back}"
    if section.strategy == "ab" and section.outcome:
        how = f"{section.split} % of the traffic for {_span(section.hold_for)}, then tested once: {ab_words(section)}"
        back = f"back at once on {' or '.join(judged)}"
        return f"ab: {how}; {back}; {_watch(section)}"
    steps = " → ".join(f"{step} %" for step in section.traffic)
    return (
        f"{section.strategy}: {steps} of the traffic, each step baking {_span(section.bake)} and decided within "
        f"{_span(section.deadline)}; back on {' or '.join(judged)}; {_watch(section)}"
    )


def _watch(section: Rollout) -> str:
    rest_text = f", beside {section.held_back} % for the champion" if section.held_back else ", with nothing held back"
    undecided = "goes back" if section.on_undecided == "roll-back" else "waits for a person"
    return f"watched for {_span(section.watch_for)} after{rest_text}; what is not proven then {undecided}"


def _limits(section: Rollout) -> list[str]:
    judged = [_errors_limit(limit) for limit in [section.judge.errors] if limit]
    judged += [f"latency over {x.ratio_at_most:g} times the champion's" for x in [section.judge.latency] if x]
    judged += [f"predictions moved by over {x.shift_at_most:g}" for x in [section.judge.scores] if x]
    judged += [_quality_limit(x) for x in [section.judge.quality] if x]
    return judged


def ab_words(section: Rollout) -> str:
    """Return what an A/B test promotes on, the difference that it can detect, and what happens otherwise."""
    outcome, plan = section.outcome, ab_plan(section)
    if outcome is None or plan is None:
        return ""
    sure = [f"{percent_text(outcome.confidence)} sure"]
    ability = can_tell(section)
    sure += (
        [f"{section.expected_traffic} tell {ability:.2g} apart"] if ability is not None and ability < math.inf else []
    )
    rest = "else the champion stays"
    if section.on_inconclusive == "extend":
        rest = f"held on until {_span(section.held_until)} and tested once more when it decides nothing, {rest}"
    return f"promoted when {tested_words(plan)} ({'; '.join(sure)}), {rest}"


def _quality_limit(quality: Quality) -> str:
    what = quality.metric if quality.metric != "mean" else f"the mean of {quality.label}"
    return f"{what} worse by over {quality.worse_by_at_most:g} as labels arrive"


def _errors_limit(errors: Errors) -> str:
    if errors.ratio_at_most is not None:
        return f"errors over {errors.ratio_at_most:g} times the champion's"
    return f"errors up by over {percent_text(errors.worse_by_at_most)}"


def _labelling(section: Labelling) -> str:
    by = "least certain and most unusual" if section.embedding else "least certain"
    back = _span(section.look_back)
    what = section.task.replace("several-labels", "several classes")
    reads = f"; answers become versions of {section.data}" if section.data else ""
    return (
        f"on drift, ask for {what} of the {section.most} {by} items (column {section.item}) of the last {back}{reads}"
    )


def _budget(section: Budget) -> str:
    which = f"budget {_listed(section.names)}"
    if section.named is None:
        which = "any budget of the workspace's resource group or subscription (write name: to mean one)"
    elif section.named.scope:
        which += f" of {section.named.scope}"
    steps = "; ".join(
        f"at {percent_text(threshold.at)}: {_listed(threshold.do) or 'nothing'}" for threshold in section.thresholds
    )
    return f"{which}: {steps}"


def _notify(section: Notify) -> str:
    rules = [
        f"{_listed(rule.to)} by {_listed(rule.by)} on {_listed([k.value for k in rule.on])}" for rule in section.root
    ]
    return "tell " + "; ".join(rules) if rules else "nobody is told anything"


def _span(length: timedelta) -> str:
    return duration_text(length)


def _listed(things: Any) -> str:
    """Return "a", "a and b", "a, b and c"."""
    *most, last = [str(thing) for thing in things] or [""]
    return f"{', '.join(most)} and {last}" if most else last


# The order in which a policy takes effect, and in which it is shown.
WORDS: dict[str, Callable[[Any], str]] = {
    "retrain": _retrain,
    "monitor": _monitor,
    "labelling": _labelling,
    "evaluate": _evaluate,
    "gates": _gates,
    "approval": _approval,
    "rollout": _rollout,
    "budget": _budget,
    "notify": _notify,
}
