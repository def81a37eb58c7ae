"""Azure Monitor on loopback: log queries and metrics over the traffic log."""

from local.monitor.emulator import Monitor

__all__ = ["Monitor"]
