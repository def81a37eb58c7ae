"""Links between pages lead somewhere, and no page names a folder of somebody's machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, name, prose

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
OF_A_MACHINE = re.compile(r"(?<![\w.~{}$<>-])/(?:home|root|tmp|work|Users|mnt|opt)/|\b[A-Z]:\\")
IDS = [name(page) for page in PAGES]


def _links(page: Path) -> list[str]:
    links = [one or other for one, other in LINK.findall(prose(page))]
    return [link for link in links if not OUTSIDE.match(link)]


def _anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, made as GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        text = text.replace(block.text, "")
    anchors: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 1
        unique = anchor
        while unique in anchors:
            unique, number = f"{anchor}-{number}", number + 1
        anchors.add(unique)
    return anchors


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        is_inside = target == ROOT or ROOT in target.parents
        if not (is_inside and target.exists()):
            dead.append(f"{link}: there is no such file in the project")
        elif anchor and target.suffix == ".md" and unquote(anchor) not in _anchors(target):
            dead.append(f"{link}: {name(target)} has no such heading")
    assert not dead, f"{name(page)}: " + "; ".join(dead)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_no_page_names_a_folder_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = [line.strip() for line in text.splitlines() if OF_A_MACHINE.search(line)]
    assert not paths, f"{name(page)}: {paths}"


def test_every_page_of_the_documentation_is_on_the_map() -> None:
    map_page = ROOT / "docs" / "README.md"
    listed = {(map_page.parent / link.partition("#")[0]).resolve() for link in _links(map_page)}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page != map_page}
    missing = sorted(name(page) for page in pages - listed)
    assert not missing, f"docs/README.md does not list {', '.join(missing)}"
