"""Releases in trouble: `python -m tests.simulation.controller SEED [--seeds N] [--trace] [--variant NAME]`."""

from __future__ import annotations

import sys

from tests.simulation.command import main
from tests.simulation.controller.simulate import simulate
from tests.simulation.controller.variants import VARIANTS, broken
from tests.simulation.studio import shortcuts, studio

if __name__ == "__main__":
    with studio(), shortcuts():
        sys.exit(main("tests.simulation.controller", simulate, broken, VARIANTS))
