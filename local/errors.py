"""The errors of the local system: what is wrong, and what to do about it."""

from __future__ import annotations


class LocalSystemError(Exception):
    """A part of the local system can't do its work; `hint` is the next action for the person who reads it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n  {hint}" if hint else message)
        self.message = message
        self.hint = hint


class PortInUseError(LocalSystemError):
    """Another process listens on a port that a part needs."""

    def __init__(self, part: str, port: int) -> None:
        super().__init__(
            f"{part} can't start: port {port} on 127.0.0.1 is already in use",
            f"stop the process that listens there (on Linux and macOS: `lsof -i :{port}`), "
            "or choose another port; is a second local system running?",
        )
        self.port = port
