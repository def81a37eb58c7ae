"""The bill of materials says what the lock says, and an audit that could not look says so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.setup import commands
from local.setup.environment import Environment
from local.setup.running import SetupError
from local.setup.supply_chain import audit, bill_of_materials, locked, sbom

ROOT = Path(__file__).parents[2]
ONE, TWO = "a" * 64, "b" * 64
LOCKED = f"""\
azure-Core[aio]==1.41.0 ; python_version < "3.14" \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{TWO}
    # via
    #   azure_identity
    #   vigia (pyproject.toml)
azure-identity==1.2.3 \\
    --hash=sha256:{TWO}
    # via vigia (pyproject.toml)
"""


@pytest.fixture
def project(tmp_path: Path) -> Environment:
    (tmp_path / "requirements.txt").write_text(LOCKED)
    (tmp_path / "requirements-dev.txt").write_text(LOCKED)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "vigia"\nversion = "0.1.0"\n')
    return Environment(tmp_path / ".venv", "python3", "3.11", root=tmp_path)


def test_the_bill_names_packages_hashes_and_who_needs_them(project: Environment) -> None:
    file = project.root / "bom.json"

    assert sbom(project, ["--output", str(file)]) == 0

    bill = json.loads(file.read_text())
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "1.6",
        "vigia",
    )
    core = bill["components"][0]
    assert core["purl"] == "pkg:pypi/azure-core@1.41.0"
    assert [digest["content"] for digest in core["externalReferences"][0]["hashes"]] == [ONE, TWO]
    assert {component["ref"]: component["dependsOn"] for component in bill["dependencies"]} == {
        "pkg:pypi/azure-core@1.41.0": [],
        "pkg:pypi/azure-identity@1.2.3": ["pkg:pypi/azure-core@1.41.0"],
        "vigia": ["pkg:pypi/azure-core@1.41.0", "pkg:pypi/azure-identity@1.2.3"],
    }


def test_a_package_without_a_hash_is_refused() -> None:
    with pytest.raises(SetupError, match="no hash of loose"):
        locked(LOCKED + "loose==1.0\n", "requirements.txt")
    with pytest.raises(SetupError, match="no package is pinned"):
        locked("# empty\n", "requirements.txt")


def test_an_advisory_fails_the_audit_until_it_is_accepted(
    project: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(query: Mapping[str, Any]) -> Any:
        assert query["queries"][0]["package"]["purl"] == "pkg:pypi/azure-core@1.41.0"
        return {"results": [{"vulns": [{"id": "GHSA-1"}]}, {}]}

    assert audit(project, [], ask) == 1
    assert "azure-Core 1.41.0: GHSA-1" in "".join(capsys.readouterr())
    assert audit(project, ["--accept", "GHSA-1"], ask) == 0


def unreachable(query: Mapping[str, Any]) -> Any:
    raise OSError("no route to host")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(unreachable, id="no_network"),
        pytest.param(lambda _: {"results": [{}]}, id="fewer_answers_than_packages"),
        pytest.param(lambda _: {"message": "busy"}, id="another_answer"),
        pytest.param(lambda _: ["html"], id="no_answer_of_theirs"),
    ],
)
def test_what_could_not_look_fails_loudly(project: Environment, ask: Any) -> None:
    with pytest.raises(SetupError, match="could not look"):
        audit(project, [], ask)


def test_the_bill_of_what_is_published_has_what_cyclonedx_requires() -> None:
    """The whole bill was tried with the JSON schema of CycloneDX 1.6 on 2026-11-30: no error."""
    packages = locked((ROOT / "requirements.txt").read_text(encoding="utf-8"), "requirements.txt")
    bill = bill_of_materials(packages, {"name": "vigia", "version": "0.1.0"})
    refs = [component["bom-ref"] for component in (bill["metadata"]["component"], *bill["components"])]
    assert len(set(refs)) == len(refs)
    assert {ref for dependency in bill["dependencies"] for ref in (dependency["ref"], *dependency["dependsOn"])} <= set(
        refs
    )
    for component in bill["components"]:
        assert (component["type"], bool(component["name"])) == ("library", True)
        for reference in component["externalReferences"]:
            assert reference["type"] == "distribution"
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest["content"]) for digest in reference["hashes"])
            assert {digest["alg"] for digest in reference["hashes"]} == {"SHA-256"}


def test_the_commands_lock_is_the_one_that_is_published() -> None:
    packages = locked((ROOT / "requirements.txt").read_text(encoding="utf-8"), "requirements.txt")
    assert {"azure-ai-ml", "azure-functions"} <= {package.name for package in packages}
    assert {"sbom", "audit"} <= set(commands.COMMANDS)
