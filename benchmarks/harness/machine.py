"""The machine of a measurement, and whether other programs were busy on it."""

from __future__ import annotations

import os
import platform

import psutil

BUSY_ABOVE_PERCENT = 25.0
SAMPLE_SECONDS = 0.5


def machine() -> str:
    """Return one line; it samples for half a second how busy other processes keep the machine."""
    busy = psutil.cpu_percent(SAMPLE_SECONDS)
    state = f"busy with other work ({busy:.0f} %): times are too long" if busy > BUSY_ABOVE_PERCENT else "idle"
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GB; {state}"
    )
