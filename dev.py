"""The newcomer's commands: `python3 dev.py --help` lists them.

This file runs on any Python, to tell people which one to take. The commands are in local/setup and, like this file,
need nothing but the standard library.
"""

import sys

SUPPORTED = ((3, 11), (3, 12), (3, 13))

if __name__ == "__main__":
    if sys.version_info[:2] not in SUPPORTED:
        sys.exit(
            "dev.py: error: this is Python "
            + sys.version.split()[0]
            + " ("
            + sys.executable
            + "); Vigia runs on 3.11, 3.12 and 3.13\n"
            + "call it with one of them, e.g.: python3.13 dev.py "
            + " ".join(sys.argv[1:])
        )
    from local.setup.commands import main

    sys.exit(main(sys.argv[1:]))
