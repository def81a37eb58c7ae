"""`vigia doctor` says what is there, what is missing, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from cli.doctor.components import components
from cli.doctor.data import data
from cli.doctor.finding import Finding
from cli.doctor.serving import endpoint
from cli.kit.policy_files import policy_of
from shared.policy.sections.model import Policy

POLICY = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: ana@example.com}
retrain: {job: "azureml:train_churn@latest", inputs: {training_data: "azureml:churn@latest"}, on: [drift]}
monitor: {data_drift: {}, performance: {metric: roc_auc, at_least: 0.7, key: customer, label: left}}
evaluate: {job: "azureml:evaluate_churn@latest", data: "azureml:churn-labelled@latest"}
gates: [{slices: {by: [town], metric: recall, min_ratio: 0.8}}]
"""
INPUT = SimpleNamespace(type="uri_file", optional=False, default=None)
MODEL = SimpleNamespace(type="mlflow_model", optional=False, default=None)
EVALUATION = {"champion": MODEL, "challenger": MODEL, "data": INPUT}


@pytest.fixture
def policy() -> Policy:
    return policy_of(POLICY, "churn.yaml")


def component(inputs: Mapping[str, object], **outputs: str) -> object:
    made = {name: SimpleNamespace(type=kind) for name, kind in outputs.items()}
    return SimpleNamespace(version="3", inputs=inputs, outputs=made)


def operations(entities: Mapping[str, object], error: type[Exception] = ResourceNotFoundError) -> object:
    def get(name: str, *_: object, **__: object) -> object:
        if name not in entities:
            raise error(f"no {name}")
        return entities[name]

    return SimpleNamespace(get=get)


def grave(findings: list[Finding]) -> list[str]:
    return [f"{finding.subject}: {finding.detail}" for finding in findings if finding.status != "ok"]


Change = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(lambda parts: None, [], id="all_there"),
        pytest.param(
            lambda parts: parts.pop("train_churn"),
            ["training azureml:train_churn@latest: is not registered"],
            id="no_training",
        ),
        pytest.param(
            lambda parts: parts.update(train_churn=component({"rows": INPUT}, model="mlflow_model")),
            [
                "training azureml:train_churn@latest: has no input 'training_data', which it would be given",
                "training azureml:train_churn@latest: needs an input 'rows', which nothing gives",
            ],
            id="input_of_another_name",
        ),
        pytest.param(
            lambda parts: parts.update(train_churn=component({"training_data": INPUT}, model="uri_folder")),
            [
                "training azureml:train_churn@latest: its output 'model' is to be registered: that output is "
                "uri_folder, and no model"
            ],
            id="output_is_no_model",
        ),
        pytest.param(
            lambda parts: parts.update(
                evaluate_churn=component({**EVALUATION, "champion": INPUT}, results="uri_folder")
            ),
            [
                "evaluation azureml:evaluate_churn@latest: its input 'champion' is uri_file",
                "evaluation azureml:evaluate_churn@latest: has no output scores",
            ],
            id="evaluation_of_other_shape",
        ),
    ],
)
def test_components_take_and_give_what_vigia_gives_and_takes(
    policy: Policy, change: Change, problem: list[str]
) -> None:
    parts: dict[str, object] = {
        "train_churn": component({"training_data": INPUT}, model="mlflow_model"),
        "evaluate_churn": component(EVALUATION, scores="uri_folder"),
    }
    change(parts)

    assert grave(list(components(SimpleNamespace(components=operations(parts)), policy))) == problem


def test_what_may_not_be_read_is_said_as_such(policy: Policy) -> None:
    ml = SimpleNamespace(components=operations({}, HttpResponseError))

    findings = list(components(ml, policy))

    assert [finding.detail for finding in findings] == [
        f"cannot be read: no {n}" for n in ("train_churn", "evaluate_churn")
    ]


@pytest.mark.parametrize(
    ("labelled", "problem"),
    [
        pytest.param({"customer": range(60), "left": 1, "town": "Porto"}, [], id="enough"),
        pytest.param(
            {"customer": range(60), "left": 1},
            ["evaluation data azureml:churn-labelled@latest: has no column town"],
            id="no_column_of_a_gate",
        ),
        pytest.param(
            {"customer": range(9), "left": 1, "town": "Porto"},
            [
                "evaluation data azureml:churn-labelled@latest: has 9 rows; with fewer than 50 every gate is "
                "inconclusive"
            ],
            id="too_few_rows",
        ),
    ],
)
def test_data_have_the_columns_that_the_policy_names(
    policy: Policy, labelled: dict[str, Any], problem: list[str]
) -> None:
    frames = {"azureml:churn:1": pd.DataFrame({"x": [1]}), "azureml:churn-labelled:1": pd.DataFrame(labelled)}
    asset = SimpleNamespace(version="1")
    ml = SimpleNamespace(data=operations({"churn": asset, "churn-labelled": asset}))
    reader = SimpleNamespace(batches=lambda reference: [frames[reference]])
    app: Any = SimpleNamespace(workspace=SimpleNamespace(ml=ml), data=reader)

    assert grave(list(data(app, policy))) == problem


@pytest.mark.parametrize(
    ("enabled", "problem"),
    [
        pytest.param("true", [], id="on"),
        pytest.param(
            "false",
            ["data collector of v-1: does not keep what is asked, so the monitor has nothing to read"],
            id="off",
        ),
    ],
)
def test_collector_of_what_serves_has_to_be_on(policy: Policy, enabled: str, problem: list[str]) -> None:
    collector = SimpleNamespace(collections={"model_inputs": SimpleNamespace(enabled=enabled)})
    ml = SimpleNamespace(
        online_endpoints=operations({"churn": SimpleNamespace(provisioning_state="Succeeded", auth_mode="key")}),
        online_deployments=operations({"v-1": SimpleNamespace(data_collector=collector)}),
    )
    workspace: Any = SimpleNamespace(endpoint=lambda _: SimpleNamespace(serving="v-1"))

    assert grave(list(endpoint(workspace, ml, policy))) == problem


def test_endpoint_of_the_other_type_is_named(policy: Policy) -> None:
    workspace: Any = SimpleNamespace(batch=SimpleNamespace(endpoint=lambda _: object()))

    findings = list(endpoint(workspace, SimpleNamespace(online_endpoints=operations({})), policy))

    assert grave(findings) == ["online endpoint churn: is not there; batch endpoint churn is"]


@pytest.mark.parametrize(
    ("inputs", "output", "problem"),
    [
        pytest.param("{rows: 'azureml:churn:1'}", "model", "", id="all_there"),
        pytest.param("{depth: '3'}", "model", "job train.yml has no input depth", id="no_such_input"),
        pytest.param("{}", "best", "job train.yml has no output best", id="no_such_output"),
    ],
)
def test_a_jobs_file_is_put_together_and_not_sent(tmp_path: Path, inputs: str, output: str, problem: str) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "train.yml").write_text(JOB)
    retrain = f"retrain: {{job: jobs/train.yml, inputs: {inputs}, output: {output}, on: [drift]}}"
    text = "\n".join(retrain if line.startswith("retrain:") else line for line in POLICY.splitlines())
    ml = SimpleNamespace(
        data=operations({"churn": SimpleNamespace(name="churn", version="1")}),
        components=operations({}),
        environments=operations({}),
    )

    training, *_ = components(ml, policy_of(text, str(tmp_path / "churn.yaml")))

    assert problem in training.detail
    assert (training.status == "ok") is not bool(problem)


JOB = """\
type: command
command: python train.py ${{inputs.rows}} ${{outputs.model}}
environment: azureml:env:1
inputs: {rows: {type: uri_folder, path: "azureml:churn@latest"}}
outputs: {model: {type: mlflow_model}}
"""
