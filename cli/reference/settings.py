"""docs/reference/settings.md, written from shared/settings.py."""

from __future__ import annotations

from pathlib import Path

from shared.settings import SETTINGS, Setting

FILE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
INTRODUCTION = """\
# Settings

Everything the app reads from its environment. Written from `shared/settings.py`; to regenerate it after a change:
`python -m cli.reference.settings`.

On Azure they are the function app's settings, which `infra/base/app.bicep` sets. On a machine they stand in
`local.settings.json`; `local.settings.sample.json` has them all, with values for the local system. An incomplete
configuration stops the start with one error that names every missing setting.

For the app's own storage give either `AzureWebJobsStorage`, or both of its `…ServiceUri` forms. A *secret* belongs into
the key vault, from where the app's settings refer to it.

| name | what it is | default | example |
|---|---|---|---|
"""
ENDING = """
Settings that the platform and the Functions host read themselves, such as `FUNCTIONS_WORKER_RUNTIME`, are not listed.
"""


def reference() -> str:
    """Return the whole file: one row per setting, in the order of the code."""
    return INTRODUCTION + "".join(f"{_row(setting)}\n" for setting in SETTINGS) + ENDING


def _row(setting: Setting) -> str:
    about = setting.purpose + ("; on the local system only" if setting.local_only else "")
    return f"| `{setting.name}` | {about} | {_default(setting)} | {_code(setting.example)} |"


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "required"
    return _code(setting.default) or "empty"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    print(f"wrote {FILE}")
