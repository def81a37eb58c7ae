"""Asking people to label items, by a file in the workspace's storage that they, or a labelling tool, read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.ids import EndpointName, ModelName


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Which served items are to be labelled.

    Args:
        name: of the file; the same name is written once.
        start, end: the served rows to choose from, [start, end), UTC.
        item: the column that names the item, or is it.
        embedding: the column of vectors; "" for none.
        most: how many items are chosen at most.
    """

    name: str
    model: ModelName
    endpoint: EndpointName
    start: datetime
    end: datetime
    item: str
    embedding: str
    most: int


@dataclass(frozen=True, slots=True)
class LabelManifest:
    """The file that was written. `items` is 0 when there was nothing to choose from; then there is no file."""

    uri: str
    items: int


class LabelDesk(Protocol):
    def request(self, request: LabelRequest) -> LabelManifest:
        """Choose the items and write the file, or return the one that was written under this name before.

        Raises PermanentError for rows that nothing can be chosen from, RetryableError when a service does not answer.
        """
        ...
