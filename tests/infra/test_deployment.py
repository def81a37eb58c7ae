"""azure.yaml, host.json and the Bicep as text: what has to agree with the code or with each other."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from shared.adapters.storage.blobs import CONTAINER, DEAD_LETTERS, DECISIONS, records_container
from shared.store.retention import STORED
from tests.infra.files import INFRA, ROOT, load_yaml, names_in, triggers
from tests.settings import settings_for

BICEP = sorted([*INFRA.rglob("*.bicep"), *INFRA.rglob("*.bicepparam")])
SECRETS = re.compile(
    r"AccountKey=|SharedAccessKey|listKeys\(|listAccountSas\(|[?&]sig=|sv=\d{4}-|BEGIN [A-Z ]*PRIVATE KEY"
    r"|[?&]code=|password:\s*['\"][^'\"]"
)
STORAGE = (INFRA / "base" / "storage.bicep").read_text(encoding="utf-8")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_up_provisions_the_subscriptions_after_the_code() -> None:
    steps = [step["azd"] for step in load_yaml(ROOT / "azure.yaml")["workflows"]["up"]["steps"]]

    assert steps == ["package --all", "provision base", "deploy --all", "provision events"]


def test_every_layer_is_a_folder_with_a_template_and_its_parameters() -> None:
    layers = load_yaml(ROOT / "azure.yaml")["infra"]["layers"]

    assert [layer["name"] for layer in layers] == ["base", "events"]
    for layer in layers:
        assert (ROOT / layer["path"] / "main.bicep").is_file()
        assert (ROOT / layer["path"] / "main.bicepparam").is_file()


def test_service_of_azd_is_the_tag_of_the_app() -> None:
    (service,) = load_yaml(ROOT / "azure.yaml")["services"]

    template = (INFRA / "base" / "app.bicep").read_text(encoding="utf-8")
    assert f"param service string = '{service}'" in template
    assert "{ 'azd-service-name': service }" in template


@pytest.mark.parametrize("path", [*BICEP, *INFRA.rglob("*.yaml"), *INFRA.rglob("*.sh")], ids=relative)
def test_no_key_or_secret_is_written_down(path: Path) -> None:
    assert SECRETS.search(path.read_text(encoding="utf-8")) is None


def test_every_module_is_used() -> None:
    """A module that nothing refers to would look deployed and never be."""
    texts = {path: path.read_text(encoding="utf-8") for path in BICEP}
    referred = {
        (path.parent / target).resolve()
        for path, text in texts.items()
        for target in re.findall(r"(?:module \w+|from|using) '([^']+\.bicep)'", text)
    }

    assert {path for path in BICEP if path.suffix == ".bicep"} == referred


def test_roles_are_ids_of_built_in_roles_and_each_is_used() -> None:
    text = (INFRA / "roles.bicep").read_text(encoding="utf-8")
    roles = dict(re.findall(r"^  (\w+): '([0-9a-f-]{36})'$", text, re.MULTILINE))
    used = {name for path in BICEP for name in re.findall(r"\broles\.(?!bicep)(\w+)", path.read_text(encoding="utf-8"))}

    assert len(set(roles.values())) == len(roles)
    assert used == set(roles)


def test_storage_holds_the_containers_of_the_code() -> None:
    assert {CONTAINER, DEAD_LETTERS, DECISIONS} <= names_in(STORAGE, "containerNames")


def test_the_rules_delete_what_the_table_of_everything_stored_says_and_nothing_else() -> None:
    rules = {
        days: re.findall(r"'([^']+)'", folders)
        for days, folders in re.findall(r"\{ key: '\w+', days: (\w+), folders: \[(.+)\] \}", STORAGE)
    }
    table: dict[str, list[str]] = {}
    for row in STORED:
        if row.days and row.container == CONTAINER:
            table.setdefault(row.days, []).append(row.place)
    assert rules == table
    assert max(map(len, rules.values())) <= 10, "a rule takes ten prefixes"
    (dead,) = [row.days for row in STORED if row.container == DEAD_LETTERS]
    assert f"days: {dead}, folders: ['{DEAD_LETTERS}/']" in STORAGE


def test_every_number_of_days_of_the_table_is_in_the_environment_files() -> None:
    days = {row.days for row in STORED if row.days}
    for path in (INFRA / "environments").glob("*.yaml"):
        assert set(load_yaml(path)["retention"]) == days


def test_no_rule_deletes_what_is_open_or_why_production_is_what_it_is() -> None:
    lasting = {row.place for row in STORED if not row.days}
    assert {"open/", "releases/", "release-requests/", "endpoints/", "approvals/", "quarantine/", "models/"} <= lasting


def test_the_table_of_everything_stored_names_the_queues() -> None:
    queues = {row.place for row in STORED if row.container == "queue" and row.place != "*-poison"}
    assert queues == {properties["queueName"] for properties in triggers("queueTrigger").values()}


def test_people_have_roles_on_single_containers_and_queues_and_none_on_the_decisions() -> None:
    text = (INFRA / "base" / "people.bicep").read_text(encoding="utf-8")

    of_workspace = records_container(replace(settings_for(), workspace_name="${name}"))
    assert f"var records = concat(['{CONTAINER}'], map(workspaceNames, name => '{of_workspace}'))" in text
    assert f"var operated = concat(records, ['{DEAD_LETTERS}'])" in text
    assert not re.search(r"scope: account\b", text)
    assert DECISIONS not in re.sub(r"//.*", "", text)


def test_who_did_what_is_logged_of_vault_storage_and_app_and_what_the_topic_could_not_deliver() -> None:
    text = (INFRA / "base" / "diagnostics.bicep").read_text(encoding="utf-8")

    assert set(re.findall(r"^  scope: (\w+)$", text, re.MULTILINE)) == {"vault", "blobs", "queues", "app", "topic"}
    # Reads, and messages put on queues, are left out for their cost; infra/README.md says so.
    assert re.findall(r"category: '(\w+)'", text) == [
        *("StorageWrite", "StorageDelete", "StorageDelete"),
        *("DeliveryFailures", "PublishFailures"),
    ]


def test_every_queue_of_the_app_exists_with_its_poison_queue() -> None:
    queues = {properties["queueName"] for properties in triggers("queueTrigger").values()}

    assert names_in(STORAGE, "queueNames") == queues | {f"{name}-poison" for name in queues}


def test_sign_in_lets_event_grid_through_and_nothing_else() -> None:
    text = (INFRA / "base" / "sign-in.bicep").read_text(encoding="utf-8")

    assert "excludedPaths: ['/runtime/webhooks/*']" in text
    assert "requireAuthentication: true" in text


def test_a_failing_message_becomes_visible_again_soon_and_is_parked_after_five_tries() -> None:
    queues = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]

    assert queues["maxDequeueCount"] == 5
    assert queues["visibilityTimeout"] == "00:00:05"


def test_published_package_leaves_out_what_the_app_does_not_need() -> None:
    lines = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
    ignored = {line for line in lines if line and not line.startswith("#")}

    assert {"/tests/", "/local/", "/infra/", "/cli/", "/docs/"} <= ignored
    needed = {"functions/", "shared/", "policies/", "function_app.py", "host.json", "requirements.txt"}
    assert not {line.removeprefix("/") for line in ignored} & needed


def test_up_steps_follow_the_order_of_the_layers() -> None:
    layers = load_yaml(ROOT / "azure.yaml")["infra"]["layers"]

    for previous, updated in pairwise(layers):
        assert previous["name"] in updated["dependsOn"]
