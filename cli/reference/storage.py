"""docs/reference/storage.md, written from shared/store/retention.py."""

from __future__ import annotations

from pathlib import Path

from shared.store.retention import STORED, StoredPlace

FILE = Path(__file__).parents[2] / "docs" / "reference" / "storage.md"
INTRODUCTION = """\
# What is stored, and for how long

Everything that Vigia writes. Written from `shared/store/retention.py`; to regenerate it after a change:
`python -m cli.reference.storage`.

Records are blobs, nearly all of them readable JSON, in two containers of Vigia's own storage account: `vigia`, and
`vigia-decisions`, which nobody but the app may read or write. Each
[further workspace](../how-to/serve-several-workspaces.md) has both once more, as `vigia-ws-NAME` and
`vigia-decisions-NAME`.

What is called a rule is one of the storage account's lifecycle rules, or the retention of the Log Analytics workspace.
Beside it stands the key under `retention` of the environment file (as in `infra/environments/prod.yaml`) that says
after how many days; they count from the last change. Rules run about once a day, and what one deletes can be restored
for 14 days.

A rule knows nothing of what is open. So none applies to markers, releases and questions. A parked fact and a notice
that failed are written again every 30 days as long as they are open, and a large event whenever it is sent.

| where | place | one for each | written by | what deletes it |
|---|---|---|---|---|
"""
ENDING = """
The Functions host keeps containers, queues and tables of its own in the same account (`azure-webjobs-*`), and `azd`
the app's package (`deployment-package`).
"""


def reference() -> str:
    """Return the whole file: one row per place, in the order of the code."""
    return INTRODUCTION + "".join(f"{_row(stored)}\n" for stored in STORED) + ENDING


def _row(stored: StoredPlace) -> str:
    place = f"`{stored.place}`" if stored.place else "everything"
    goes = f"{stored.goes} `{stored.days}`" if stored.days else stored.goes
    return f"| {stored.container} | {place} | {stored.content} | {stored.writer} | {goes} |"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    print(f"wrote {FILE}")
