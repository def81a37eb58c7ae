"""Questions about TCP ports on loopback."""

from __future__ import annotations

import os
import socket

from local.addresses import HOST
from local.errors import PortInUseError


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
