"""Policies are read strictly: each mistake with its line, its key and what to write instead."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import PolicyError
from shared.policy.reading.load import load_policies, load_policy
from shared.policy.reading.problems import PolicyProblemsError
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Rate
from tests.unit.policy.toys import SECTIONS, TEXT, Champion, Gates, MetricGate, Roll, Train


def _load(text: str) -> Policy:
    return load_policy(text, "churn.yaml", SECTIONS, ())


def _problems(text: str) -> list[str]:
    with pytest.raises(PolicyProblemsError) as caught:
        _load(text)
    return [str(problem) for problem in caught.value.problems]


def test_load_policy_reads_every_section() -> None:
    policy = _load(TEXT)
    train, gates, roll = policy.section(Train), policy.section(Gates), policy.section(Roll)
    assert (policy.model, policy.kind) == ("churn", "tabular")
    assert (policy.endpoint.name, policy.endpoint.type) == ("churn", "online")
    assert policy.people.approvers == ("ana@example.com", "ben@example.com")
    assert train is not None
    assert (train.cooldown, train.at_most) == (timedelta(hours=6), Rate(2, timedelta(days=1)))
    assert gates is not None
    assert [type(gate) for gate in gates.root] == [MetricGate, Champion]
    assert roll is not None
    assert roll.steps == (10.0, 50.0, 100.0)
    assert policy.digest == hashlib.sha256(TEXT.encode()).hexdigest()


def test_load_policy_without_a_section_has_none() -> None:
    policy = _load(TEXT[: TEXT.index("gates:")])
    assert policy.section(Gates) is None
    assert list(policy.sections) == ["train"]


CHANGES = {
    "unknown_key": ("roll:", "rol:", "churn.yaml:15: rol: is not a key here; did you mean roll?"),
    "unregistered_key": ("roll:", "budget:", "churn.yaml:15: budget: is not a key here; known are endpoint, gates,"),
    "unknown_key_inside": (
        "cooldown:",
        "cooldwn:",
        "churn.yaml:10: train.cooldwn: is not a key here; did you mean cooldown?",
    ),
    "missing_key": ("model: churn\n", "", "churn.yaml:1: model: is missing; add model: …"),
    "misspelt_required_key": ("  job:", "  jobb:", "churn.yaml:8: train.jobb: is not a key here; did you mean job?"),
    "duplicate_key": (
        "kind: tabular",
        "kind: tabular\nkind: text",
        "churn.yaml:3: kind: stands twice, first in line 2; keep one",
    ),
    "duplicate_key_inside": (
        "cooldown: 6h",
        "cooldown: 6h\n  cooldown: 6h",
        "churn.yaml:11: train.cooldown: stands twice, first in line 10; keep one",
    ),
    "anchor": ("kind: tabular", "kind: &k tabular", "churn.yaml:2: kind: has an anchor (&k)"),
    "alias": (
        "endpoint: {name: churn,",
        "endpoint: {name: *n,",
        "churn.yaml:3: endpoint.name: is an alias (*n); write the value out",
    ),
    "merge_key": ("kind: tabular", "kind: tabular\n<<: {a: 1}", "churn.yaml:3: <<: is not a key here"),
    "tag": ("model: churn", "model: !!str churn", "churn.yaml:1: model: has a tag (tag:yaml.org,2002:str)"),
    "code_tag": ("model: churn", "model: !!python/object:os.system x", "has a tag"),
    "norway": (
        "model: churn",
        "model: NO",
        'churn.yaml:1: model: NO is read differently by different tools; write "NO"',
    ),
    "sexagesimal": ("0.7}", "12:30:00}", 'at_least: 12:30:00 is read differently by different tools; write "12:30:00"'),
    "octal": ("0.7}", "010}", "at_least: 010 is read differently"),
    "underscores": ("0.7}", "1_000}", "at_least: 1_000 is read differently"),
    "exponent": ("0.7}", "1e3}", "at_least: 1e3 is read differently"),
    "date": ("model: churn", "model: 2026-11-20", "model: 2026-11-20 is read differently"),
    "infinity": ("0.7}", ".inf}", "at_least: .inf is read differently"),
    "second_document": ("kind:", "---\nkind:", "churn.yaml:2: is a second document; write one policy per file"),
    "syntax": ("kind: tabular", "kind: [tabular", "is not YAML"),
    "tab": ("  job:", "\tjob:", "churn.yaml:8: is not YAML"),
    "deep": ("kind: tabular", "kind: " + "[" * 40 + "]" * 40, "nested deeper than 32 levels"),
    "complex_key": ("kind: tabular", "? [a]\n: b", "has a key that is not a plain word"),
    "list_for_mapping": (
        "{name: churn, type: online}",
        "[churn]",
        "churn.yaml:3: endpoint: ['churn'] is not a mapping",
    ),
    "mapping_for_list": ("[10%, 50%, 100%]", "10%", "churn.yaml:15: roll.steps: '10%' is not a list"),
    "text_for_number": ("0.7}", '"0.7"}', "churn.yaml:13: gates[0].at_least: '0.7' is not a number"),
    "number_for_text": (
        "{metric: roc_auc, at",
        "{metric: 5, at",
        "churn.yaml:13: gates[0].metric: 5 is not a text; write it in",
    ),
    "text_for_truth": (
        "{steps:",
        "{is_quick: 'true', steps:",
        "churn.yaml:15: roll.is_quick: 'true' is not true or false",
    ),
    "yes_for_truth": ("{steps:", "{is_quick: yes, steps:", "yes is read differently"),
    "below_bound": ("0.7}", "-1}", "gates[0].at_least: -1 is not allowed; it should be greater than or equal to 0"),
    "empty_section": (
        "roll: {steps: [10%, 50%, 100%]}",
        "roll:",
        "churn.yaml:15: roll: is empty; write its value or remove it",
    ),
    "empty_list": ("[10%, 50%, 100%]", "[]", "churn.yaml:15: roll.steps: has too few items; write 1 or more"),
    "wrong_word": (
        "kind: tabular",
        "kind: tabullar",
        "churn.yaml:2: kind: 'tabullar' is not known here; did you mean tabular?",
    ),
    "wrong_word_in_union": (
        "[drift,",
        "[drfit,",
        "churn.yaml:9: train.on[0]: 'drfit' is not known here; did you mean drift?",
    ),
    "wrong_key_in_union": ("{schedule:", "{shedule:", "train.on[1].shedule: is not a key here; did you mean schedule?"),
    "wrong_key_in_chosen_member": (
        "margin:",
        "margn:",
        "churn.yaml:14: gates[1].champion.margn: is not a key here; did you",
    ),
    "wrong_unit": (
        "6h",
        "6",
        "churn.yaml:10: train.cooldown: 6 is not a duration; write it with its unit, e.g. 6s, 6m",
    ),
    "wrong_percent": ("[10%,", "[10,", "churn.yaml:15: roll.steps[0]: 10 is not a percentage; write 10%"),
    "endpoint_name_too_short": (
        "{name: churn,",
        "{name: ab,",
        "churn.yaml:3: endpoint.name: 'ab' is not an endpoint name",
    ),
    "endpoint_name_too_long": ("{name: churn,", "{name: " + "a" * 33 + ",", "is not an endpoint name; write 3 to 32"),
    "endpoint_type": (
        "type: online",
        "type: web",
        "churn.yaml:3: endpoint.type: 'web' is not known here; known are online",
    ),
    "owner": ("owner: ana@example.com", "owner: Ana", "churn.yaml:5: people.owner: 'Ana' is not an e-mail address"),
    "unprintable": (
        "model: churn",
        'model: "ch\\x00urn"',
        "churn.yaml:1: model: holds characters that cannot be printed",
    ),
    "half_a_character": ("model: churn", 'model: "\\ud800"', "is not YAML"),
    "beyond_unicode": ("model: churn", 'model: "\\UFFFFFFFF"', "is not YAML"),
    "plan_that_cannot_work": (
        "0.7}",
        "1.5}",
        "churn.yaml:13: gates[0].at_least: no metric of churn reaches 1.5; write at",
    ),
}


@pytest.mark.parametrize(("old", "new", "complaint"), [pytest.param(*case, id=name) for name, case in CHANGES.items()])
def test_mistake_is_reported_with_line_key_and_remedy(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    assert any(complaint in problem for problem in _problems(TEXT.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new"), [(old, new) for old, new, _ in CHANGES.values() if not new.startswith("endpoint: {name: *")]
)
def test_one_mistake_is_one_problem(old: str, new: str) -> None:
    assert len(_problems(TEXT.replace(old, new, 1))) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "churn.yaml:1: the file is empty"),
        ("# nothing\n", "churn.yaml:1: the file is empty"),
        ("- churn", "churn.yaml:1: is not a policy; start it with model: NAME"),
        ("churn", "churn.yaml:1: is not a policy"),
        ("a: " + "x" * 300_000, "the file has 300003 characters; a policy has at most 262144"),
        ("model: \x07", "character that YAML does not allow"),
    ],
)
def test_file_that_is_no_policy_is_reported(text: str, complaint: str) -> None:
    [problem] = _problems(text)
    assert complaint in problem


def test_all_mistakes_are_reported_at_once_in_the_order_of_lines() -> None:
    text = TEXT.replace("churn\n", "ch urn\n", 1).replace("6h", "6").replace("10%,", "10,")
    assert [problem.split(": ")[0] for problem in _problems(text)] == [
        "churn.yaml:1",
        "churn.yaml:10",
        "churn.yaml:15",
    ]


def test_keys_that_yaml_could_read_as_truths_are_words() -> None:
    assert _load(TEXT.replace("at_most:", "inputs: {y: a, no: b}\n  at_most:")).section(Train) is not None


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_load_policies_reads_all_files_but_people(tmp_path: Path) -> None:
    fraud = TEXT.replace("model: churn", "model: fraud").replace("{name: churn,", "{name: fraud,")
    _write(tmp_path, b=fraud, a=TEXT, people="people: {}")
    (tmp_path / "notes.txt").write_text("no policy")
    assert [policy.model for policy in load_policies(tmp_path, SECTIONS, ())] == ["churn", "fraud"]


def test_load_policies_reports_the_mistakes_of_all_files_at_once(tmp_path: Path) -> None:
    _write(tmp_path, a=TEXT.replace("6h", "6"), b=TEXT.replace("10%,", "10,"))
    (tmp_path / "c.yml").write_bytes(b"model: churn\nkind: \xff\n")
    with pytest.raises(PolicyProblemsError) as caught:
        load_policies(tmp_path, SECTIONS, ())
    assert [(Path(p.file).name, p.line) for p in caught.value.problems] == [
        ("a.yaml", 10),
        ("b.yaml", 15),
        ("c.yml", 2),
    ]


def test_load_policies_refuses_two_files_for_one_model(tmp_path: Path) -> None:
    _write(tmp_path, a=TEXT, b="# the same\n" + TEXT)
    with pytest.raises(PolicyProblemsError) as caught:
        load_policies(tmp_path, SECTIONS, ())
    [problem] = caught.value.problems
    assert (Path(problem.file).name, problem.line) == ("b.yaml", 2)
    assert "a.yaml; keep one file per model" in problem.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("type: online", "type: online", id="of_one_type"),
        pytest.param("type: online", "type: batch", id="of_two_types"),
        pytest.param("{name: churn,", "{name: Churn,", id="in_another_case"),
    ],
)
def test_load_policies_refuses_two_models_on_one_endpoint(tmp_path: Path, old: str, new: str) -> None:
    _write(tmp_path, a=TEXT, b=TEXT.replace("model: churn", "model: fraud").replace(old, new))
    with pytest.raises(PolicyProblemsError) as caught:
        load_policies(tmp_path, SECTIONS, ())
    [problem] = caught.value.problems
    assert (Path(problem.file).name, problem.key) == ("b.yaml", "endpoint.name")
    assert problem.line == 3
    assert "is the endpoint of churn in " in problem.message
    assert "a.yaml; name another" in problem.message


def test_load_policies_without_a_folder_says_which_setting(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="VIGIA_POLICIES"):
        load_policies(tmp_path / "absent", SECTIONS, ())


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_load_policies_reports_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    _write(tmp_path, a=TEXT)
    (tmp_path / "a.yaml").chmod(0)
    with pytest.raises(PolicyProblemsError, match="check its permissions"):
        load_policies(tmp_path, SECTIONS, ())
