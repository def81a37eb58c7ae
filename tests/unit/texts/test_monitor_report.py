"""The page of a monitor's run: what it says, and that nothing in the data makes it more than a page."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from shared.drift.results.assemble import assemble
from shared.drift.results.comparison import ColumnReport, Histogram
from shared.drift.results.signals import MonitorReport, SignalReport
from shared.texts.monitor_report import words
from shared.texts.monitor_report.page import MOST_PICTURED, render_report
from tests.fakes.monitor_reports import a_data_drift, a_header, a_report

VOID = {"meta"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "</style></svg></title><h1>gone",
    "\u202egnol\u202c",
    "مدة التأخير",
    "x" * 5000,
    "half\ud800",
    "nul\x00",
    "",
)


class Tags(HTMLParser):
    """Reads a page as a browser would, and remembers what is in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.wrong: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def with_columns(*columns: ColumnReport) -> MonitorReport:
    signal = SignalReport(
        "data-drift", "drift", "…", 1000, 2.0, 1.0, "KS", columns, tuple(column.name for column in columns)
    )
    return assemble(a_header(), (signal,))


def a_column(name: str, number: int = 0, categories: tuple[str, ...] = ("a", "b")) -> ColumnReport:
    shares = (1 / len(categories),) * len(categories)
    return ColumnReport(
        name,
        "JS",
        0.1 + number / 5000,
        0.1,
        "sampling",
        number > 500,
        f"{name}: JS 0.2",
        missing_now=0.1,
        histogram=Histogram(categories, shares, shares),
    )


@pytest.fixture(scope="module")
def page() -> Tags:
    return Tags(render_report(a_report()))


def test_the_page_is_well_formed_and_has_every_part(page: Tags) -> None:
    assert (page.open, page.wrong) == ([], [])
    for sentence in (
        "2 of 7 columns no longer look like the reference",
        "Which columns matter",
        "Before and now",
        "Over past windows",
        "estimated without labels",
        "Missing and unseen values",
        "3 rows came twice",
        "180 scored rows have a label by now; 200 are needed",
        "the training data of version 3, 26,398 rows",
        "profiles/flight-delay/3.json",
        "4f1d0c8a9b7e6d5c",
        "flight-delay-20260712T030000Z",
    ):
        assert sentence in page.text


def test_the_page_needs_nothing_and_runs_nothing(page: Tags) -> None:
    assert not page.tags & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "form",
        "input",
        "image",
        "use",
        "foreignobject",
    }
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"src", "href", "style"}
    text = render_report(a_report())
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


def test_hostile_names_and_categories_are_text() -> None:
    columns = [a_column(name, number, HOSTILE) for number, name in enumerate(HOSTILE)]
    text = render_report(with_columns(*columns))
    page = Tags(text)
    assert (page.open, page.wrong) == ([], [])
    assert not page.tags & {"script", "img"}
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "x" * 1000 not in text
    assert "(no name)" in page.text
    text.encode()


def test_fifty_columns_stay_light_and_a_thousand_readable() -> None:
    fifty = render_report(with_columns(*(a_column(f"column_{n}", n, tuple("abcdefghij")) for n in range(50))))
    assert len(fifty.encode()) < 300_000
    thousand = render_report(with_columns(*(a_column(f"column_{n}", n, tuple("abcdefghij")) for n in range(1000))))
    assert len(thousand.encode()) < 700_000
    assert thousand.count("<svg viewBox=") - 2 == MOST_PICTURED
    assert all(f"<bdi>column_{n}</bdi>" in thousand for n in range(1000))


def test_a_report_of_nothing_says_why() -> None:
    signal = SignalReport("data-drift", "insufficient-data", "the window has 12 rows, at least 1,000 are needed", 12)
    page = Tags(render_report(assemble(a_header(), (signal,))))
    assert "What could not be judged" in page.text
    assert "the window has 12 rows" in page.text
    assert "Which columns matter" not in page.text


def test_performance_alone_gets_its_chart() -> None:
    text = render_report(replace(a_report(), signals=a_report().signals[2:4]))
    assert "roc_auc over time" in text


def test_odd_histograms_are_drawn_or_left_out() -> None:
    empty = replace(a_column("empty"), histogram=Histogram((), (), ()))
    single = replace(a_column("single"), histogram=Histogram(("5 to 5",), (1.0,), (0.0,), (5.0, 5.0)))
    endless = Histogram(("low", "high"), (0.0, 0.0), (0.0, 0.0), (float("-inf"), 0.0, float("inf")))
    page = render_report(with_columns(empty, single, replace(a_column("endless"), histogram=endless)))
    assert "nan" not in page.lower().split("</style>")[1]


def test_numeric_edges_are_at_the_bottom(page: Tags) -> None:
    column = next(column for column in a_data_drift().columns if column.name == "distance")
    assert column.histogram is not None
    assert words.number(column.histogram.edges[-1]) in page.text


def test_a_console_page_carries_the_nonce_and_the_way_back() -> None:
    text = render_report(a_report(), nonce="n0nce", back="/api/monitors/flight-delay")
    assert '<style nonce="n0nce">' in text
    assert "http-equiv" not in text
    assert re.search(r'<a href="/api/monitors/flight-delay">', text)


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.0004, "< 0.1 %"), (0.123, "12.3 %"), (0.9999, "100 %"), (None, "–")]
)
def test_a_share_is_never_rounded_to_nothing(share: float | None, text: str) -> None:
    assert words.percent(share) == text
