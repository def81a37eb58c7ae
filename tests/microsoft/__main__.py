"""`python3 dev.py microsoft [FOLDER ...]`: runs Microsoft's tests, and prints how they ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.microsoft.expectations import EXPECTED, differences, table
from tests.microsoft.live import ALL, run
from tests.microsoft.sdists import FetchError


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every test ended as expected, 1 when not, 2 when they could not be run."""
    unknown = sorted(set(arguments) - set(ALL))
    if unknown:
        print(f"there is no folder {', '.join(unknown)}; folders: {', '.join(ALL)}", file=sys.stderr)
        return 2
    folders = arguments or ALL
    try:
        outcomes = run(folders)
    except FetchError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    print(table(outcomes, EXPECTED))
    lines = differences(outcomes, EXPECTED, folders)
    print("\n".join(lines) or "every test ended as expected")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
