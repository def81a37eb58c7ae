"""Where each part of the local system listens."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from local.errors import PortInUseError

HOST = "127.0.0.1"
# One answer, or a part's start. A process that dies closes its connections, so only a busy machine takes long.
ANSWER_SECONDS = 600.0
ACCOUNT = "devstoreaccount1"
# Azurite's published development key, the same on every machine.
# Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite, read 2026-11-20.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000001"
RESOURCE_GROUP = "rg-local"
WORKSPACE = "ws-local"
WORKSPACE_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
)
LOGS_WORKSPACE_ID = "00000000-0000-0000-0000-000000000002"  # of Log Analytics, where the endpoints' logs go
WORKSPACE_CONTAINER = "azureml-blobstore"


@dataclass(frozen=True)
class Addresses:
    """One TCP port per part, all on loopback."""

    blob: int
    queue: int
    table: int
    azureml: int
    scoring: int
    eventgrid: int
    monitor: int
    inbox: int
    smtp: int
    functions: int

    @classmethod
    def fixed(cls) -> Addresses:
        """Return the well-known ports: Azurite's and Functions' own defaults, and 100xx for the rest."""
        return cls(10000, 10001, 10002, 10010, 10011, 10020, 10030, 10040, 10041, 7071)

    @classmethod
    def free(cls) -> Addresses:
        """Return ports that were free a moment ago, so that several systems can run side by side."""
        names = [field.name for field in dataclasses.fields(cls)]
        sockets = [socket.socket() for _ in names]
        try:
            for bound in sockets:
                bound.bind((HOST, 0))
            return cls(*(bound.getsockname()[1] for bound in sockets))
        finally:
            for bound in sockets:
                bound.close()

    @classmethod
    def read(cls, path: Path) -> Addresses:
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2))

    def url(self, part: str) -> str:
        """Return the base URL of a part, e.g. `http://127.0.0.1:10010` for "azureml"."""
        return f"http://{HOST}:{getattr(self, part)}"

    @property
    def storage_connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.url('blob')}/{ACCOUNT};QueueEndpoint={self.url('queue')}/{ACCOUNT};"
            f"TableEndpoint={self.url('table')}/{ACCOUNT};"
        )


def require_free(part: str, port: int) -> None:
    """Check that `part` could listen on `port`.

    Raises:
        PortInUseError: something listens there already.
    """
    with socket.socket() as probe:
        if os.name == "posix":  # as servers do: a port whose last connections still linger counts as free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise PortInUseError(part, port) from exc


def is_listening(port: int) -> bool:
    """Return whether something accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
