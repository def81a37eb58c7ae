"""Facts among failing services: `python -m tests.simulation SEED [--seeds N] [--trace] [--variant NAME]`."""

from __future__ import annotations

import sys

from tests.simulation.command import main
from tests.simulation.simulate import simulate
from tests.simulation.studio import studio
from tests.simulation.variants.registry import VARIANTS, broken

if __name__ == "__main__":
    with studio():
        sys.exit(main("tests.simulation", simulate, broken, VARIANTS))
