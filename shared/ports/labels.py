"""Asking people to label items, by files in the workspace's storage, and reading what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shared.domain.ids import EndpointName, ModelName

LabelKind = Literal["classes", "several-labels", "boxes", "spans"]


@dataclass(frozen=True, slots=True)
class LabelTask:
    """What is to be said of each item: its class, its classes, boxes in an image or spans of a text.

    Args:
        item, key: the served rows' columns that name the item (or are it), and the row.
        classes: that there are; empty for any.
    """

    item: str
    kind: LabelKind = "classes"
    classes: tuple[str, ...] = ()
    key: str = "row_id"
    is_image: bool = True


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Which served items are to be labelled.

    Args:
        name: of the file; the same name is written once.
        start, end: the served rows to choose from, [start, end), UTC.
        embedding: the column of vectors; "" for none.
        most: how many items are chosen at most.
    """

    name: str
    model: ModelName
    endpoint: EndpointName
    start: datetime
    end: datetime
    task: LabelTask
    embedding: str
    most: int


@dataclass(frozen=True, slots=True)
class LabelManifest:
    """The file that was written. `items` is 0 when there was nothing to choose from; then there is no file."""

    uri: str
    items: int


@dataclass(frozen=True, slots=True)
class LabelsRead:
    """What a file of answers came to: `labels` of it, and in `version` of the data asset all `rows` there are so far.
    `remarks` say what was left out, and how well annotators agree."""

    version: str
    labels: int
    rows: int
    remarks: tuple[str, ...]


class LabelDesk(Protocol):
    """Raises PermanentError for rows or answers that cannot be used, RetryableError when a service does not answer."""

    def request(self, request: LabelRequest) -> LabelManifest:
        """Choose the items and write the file, or return the one that was written under this name before."""
        ...

    def read(self, model: ModelName, file: str, task: LabelTask, data: str) -> LabelsRead:
        """Make a new version of the data asset of a file of answers, once. Of one that is wrong nothing is taken."""
        ...
