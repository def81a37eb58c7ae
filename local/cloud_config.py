"""The configuration of `python -m local.cloud`, a JSON file."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.addresses import Addresses
from local.errors import LocalSystemError

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class CloudConfig:
    """`time_scale` shrinks Event Grid's retry delays; `faults` are Event Grid's own, by name.

    `profile` names one of local/profile.py.
    """

    addresses: Addresses
    workdir: Path
    subscriptions: Path = ROOT / "infra" / "subscriptions.yaml"
    python: str = sys.executable
    time_scale: float = 0.05
    faults: dict[str, Any] = field(default_factory=dict)
    profile: str = "quick"
    layers: Path = ROOT / ".vigia" / "environments"
    is_kept: bool = False  # Azure ML's registry outlives this process, in workdir

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2, default=str))

    @classmethod
    def read(cls, path: Path) -> CloudConfig:
        """Return the configuration in a file.

        Raises:
            LocalSystemError: the file is missing, is not JSON, or has unknown or missing names.
        """
        try:
            document = json.loads(path.read_text())
            paths = {name: Path(document[name]) for name in ("workdir", "subscriptions", "layers") if name in document}
            return cls(**{**document, "addresses": Addresses(**document["addresses"]), **paths})
        except OSError as exc:
            raise LocalSystemError(f"the configuration can't be read: {path}: {exc.strerror}") from exc
        except (ValueError, TypeError, KeyError) as exc:
            raise LocalSystemError(f"{path} is not a configuration of the local cloud: {exc!r}") from exc
