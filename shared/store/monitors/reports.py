"""The reports of monitors' runs: as JSON, which reads back to the same report, and as the page beside it.

Nothing here deletes a report: the storage account's lifecycle rule does, by age. What reads reports by itself needs the
newest only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.drift.results.signals import WORST_FIRST, MonitorReport, SignalVerdict
from shared.errors import PermanentError
from shared.ports.blobs import BlobItem, BlobStore
from shared.store.codec import decode, encode

PREFIX = "monitor-reports/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,254}")


@dataclass(frozen=True, slots=True)
class StoredReport:
    """One entry of the list of a model's reports: what is known without reading the report."""

    id: str
    verdict: SignalVerdict | None


class MonitorReports:
    """Two blobs per run, written once; the same run written again is the same report."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def save(self, report: MonitorReport, page: str) -> None:
        """Store the report and its page; the report comes last, so that what is listed is complete."""
        self._blobs.put(_name(report.model, report.id, "html"), page.encode())
        self._blobs.put(_name(report.model, report.id, "json"), encode(report), {"verdict": report.verdict})

    def read(self, model: str, report: str) -> MonitorReport | None:
        """Return the report; None when there is none of that id.

        Raises:
            PermanentError: this is no id, or the stored report is damaged.
        """
        blob = self._blobs.get(_name(model, report, "json"))
        return None if blob is None else decode(MonitorReport, blob.body)

    def page(self, model: str, report: str) -> str | None:
        """Return the page as it was written with the report."""
        blob = self._blobs.get(_name(model, report, "html"))
        return None if blob is None else blob.body.decode()

    def newest(self, model: str, most: int = 100) -> tuple[StoredReport, ...]:
        """Return a model's reports, newest first; ids sort as their windows do."""
        folder = _folder(model)
        items = (item for item in self._blobs.list(folder) if item.name.endswith(".json"))
        newest_first = sorted(items, key=lambda item: item.name, reverse=True)
        return tuple(_stored(item, folder) for item in newest_first[:most])

    def last(self, model: str) -> MonitorReport | None:
        """Return the model's newest report."""
        newest = self.newest(model, 1)
        return self.read(model, newest[0].id) if newest else None


def _stored(item: BlobItem, folder: str) -> StoredReport:
    verdict = next((verdict for verdict in WORST_FIRST if verdict == item.metadata.get("verdict")), None)
    return StoredReport(item.name.removeprefix(folder).removesuffix(".json"), verdict)


def _folder(model: str) -> str:
    return f"{PREFIX}{_checked(model)}/"


def _name(model: str, report: str, kind: str) -> str:
    return f"{_folder(model)}{_checked(report)}.{kind}"


def _checked(name: str) -> str:
    """Return the name, which is part of a blob's path and comes from a URL: no slashes, no leading dot.

    Raises:
        PermanentError: it names no model or report.
    """
    if not _NAME.fullmatch(name):
        raise PermanentError(
            "monitor_reports.name",
            f"{name!r:.80} names no model or report",
            "a report's id is its model, a hyphen and the time, e.g. flight-delay-20260712T030000Z",
        )
    return name
