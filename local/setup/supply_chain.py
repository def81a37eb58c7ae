"""What the app is made of: a bill of materials of the locked packages, and what is known against them."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.setup.environment import Environment
from local.setup.running import SetupError, say

LOCK, DEV_LOCK = "requirements.txt", "requirements-dev.txt"
# The advisories of PyPI, GitHub and others in one place. Source: google.github.io/osv.dev/post-v1-querybatch, read
# 2026-11-30: results stand in the order of the queries, at most 1,000 of them.
ADVISORIES = "https://api.osv.dev/v1/querybatch"
TIMEOUT_SECONDS = 60
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ +#(?: via)? +(?!via\s*$)([A-Za-z0-9][A-Za-z0-9._-]*)")

Ask = Callable[[Mapping[str, Any]], Any]


@dataclass
class Package:
    """A package as the lock pins it. `needed_by` are packages, or the project itself."""

    name: str
    version: str
    hashes: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{_plain(self.name)}@{self.version}"


def locked(text: str, path: str) -> list[Package]:
    """Return the packages of a lock, in its order.

    Raises:
        SetupError: a package has no hash, so that what is installed may be something else; or there is none.
    """
    packages: list[Package] = []
    for line in text.splitlines():
        if pinned := _PACKAGE.match(line):
            packages.append(Package(pinned[1], pinned[2]))
        elif packages and (via := _VIA.match(line)):
            packages[-1].needed_by.append(_plain(via[1]))
        if packages:
            packages[-1].hashes += _HASH.findall(line)
    bare = [package.name for package in packages if not package.hashes]
    if bare or not packages:
        raise SetupError(f"{path}: {'no hash of ' + ', '.join(bare) if bare else 'no package is pinned in it'}")
    return packages


def bill_of_materials(packages: Sequence[Package], project: Mapping[str, Any]) -> dict[str, Any]:
    """Return the packages as CycloneDX 1.6, the same for the same lock. Source: cyclonedx.org/docs/1.6/json, read
    2026-11-30."""
    name = _plain(project["name"])
    refs = {_plain(package.name): package.purl for package in packages} | {name: name}
    needs: dict[str, list[str]] = {ref: [] for ref in refs.values()}
    for package in packages:
        for parent in package.needed_by:
            needs.setdefault(refs.get(parent, parent), []).append(package.purl)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": name, "name": name, "version": project["version"]}
        },
        "components": [_component(package) for package in packages],
        "dependencies": [{"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted(needs.items())],
    }


def advisories_for(packages: Sequence[Package], ask: Ask) -> dict[str, list[str]]:
    """Return the advisories by package, e.g. {"jinja2 3.1.2": ["GHSA-…"]}; those without any are left out.

    Raises:
        SetupError: the service did not answer for every package: nobody knows, then, which is not that all is well.
    """
    queries = [{"package": {"purl": package.purl}} for package in packages]
    try:
        results = ask({"queries": queries})["results"]
        advisories = [[str(vuln["id"]) for vuln in result.get("vulns", ())] for result in results]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise SetupError(f"could not look: {ADVISORIES} gave no answer that can be read ({exc})") from exc
    if len(advisories) != len(packages):
        raise SetupError(f"could not look: {len(advisories)} answers about {len(packages)} packages")
    pairs = zip(packages, advisories, strict=True)
    return {f"{package.name} {package.version}": ids for package, ids in pairs if ids}


def ask_advisories(query: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(ADVISORIES, json.dumps(query).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def sbom(environment: Environment, arguments: Sequence[str]) -> int:
    """Write the bill of materials of what is published."""
    parser = argparse.ArgumentParser(prog="dev.py sbom", description="Write a CycloneDX bill of materials.")
    parser.add_argument("--output", type=Path, help="the file; by default it is printed")
    output: Path | None = parser.parse_args(arguments).output
    project = tomllib.loads((environment.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = locked((environment.root / LOCK).read_text(encoding="utf-8"), LOCK)
    text = json.dumps(bill_of_materials(packages, project), indent=2) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
        say(f"{len(packages)} packages written to {output}")
    else:
        print(text, end="")
    return 0


def audit(environment: Environment, arguments: Sequence[str], ask: Ask = ask_advisories) -> int:
    """Ask what is known against the locked packages; return 1 when something is.

    Raises:
        SetupError: it could not be asked.
    """
    parser = argparse.ArgumentParser(prog="dev.py audit", description="Look for advisories about the locked packages.")
    parser.add_argument("--accept", metavar="ID", action="append", default=[], help="an advisory that is known about")
    accepted = set(parser.parse_args(arguments).accept)
    locks = {name: (environment.root / name).read_text(encoding="utf-8") for name in (LOCK, DEV_LOCK)}
    packages = {package.purl: package for name, text in locks.items() for package in locked(text, name)}
    advisories = advisories_for(list(packages.values()), ask)
    bad = {name: open_ids for name, ids in advisories.items() if (open_ids := sorted(set(ids) - accepted))}
    for name, ids in bad.items():
        say(f"{name}: {', '.join(ids)}; see https://osv.dev/vulnerability/{ids[0]}")
    say(
        f"{len(bad)} of {len(packages)} locked packages have advisories"
        + (f", {len(accepted)} accepted" * bool(accepted))
    )
    return 1 if bad else 0


def _component(package: Package) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": digest} for digest in package.hashes]
    url = f"https://pypi.org/project/{_plain(package.name)}/{package.version}/"
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": _plain(package.name),
        "version": package.version,
        "purl": package.purl,
        "externalReferences": [{"type": "distribution", "url": url, "hashes": hashes}],
    }


def _plain(name: str) -> str:
    """Return the name as PyPI compares it. Source: packaging.python.org, name normalization, read 2026-11-30."""
    return re.sub(r"[-_.]+", "-", name).lower()
