"""Azurite and the Node that runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from local.setup.environment import Environment
from local.setup.running import SetupError, digest, explain, say

OLDEST_NODE = 20


@dataclass
class Azurite:
    """The storage emulator below local/azurite, installed by npm from its lock."""

    environment: Environment
    find: Callable[[str], str | None] = shutil.which

    def ensure(self) -> None:
        """Install Azurite, and Node into the environment when the PATH has none that is new enough.

        Raises:
            SetupError: npm failed; says whether the network is missing.
        """
        folder = self.environment.root / "local" / "azurite"
        stamp = folder / "node_modules" / ".vigia-stamp"
        current = digest(folder / "package.json", folder / "package-lock.json")
        npm = self._npm()
        if stamp.exists() and stamp.read_text() == current:
            return
        say("installing Azurite, the storage emulator, by npm (about half a minute) ...")
        log = self.environment.root / ".vigia" / "logs" / "npm.log"
        if self.environment.run([npm, "ci", "--no-audit", "--no-fund"], folder, log) != 0:
            raise SetupError(explain("npm", log, "Azurite"))
        stamp.write_text(current)

    def _npm(self) -> str:
        node, npm = self.find("node"), self.find("npm")
        if node and npm and node_version(node) >= OLDEST_NODE:
            return npm
        own = self.environment.program("npm")
        if not own.exists():
            say(f"installing Node into {self.environment.folder.name}: the PATH has no Node {OLDEST_NODE} with npm ...")
            self.environment.install("--require-hashes", "-r", str(self.environment.root / "requirements-node.txt"))
        return str(own)


def node_version(node: str) -> int:
    """Return the major version of Node, 0 when it does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.match(r"v(\d+)", answer)
    return int(match[1]) if match else 0
