"""Whose records a container holds."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.arm_ids import normalized
from shared.errors import SettingsError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

NAME = "workspace.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """`workspace` is an ARM id, normalized."""

    workspace: str


class RecordsOwner:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def require(self, workspace: str) -> None:
        """Record that the container belongs to the workspace, unless it belongs to one already.

        Raises:
            SettingsError: it belongs to another one.
            RetryableError: the storage does not say.
        """
        owner = Owner(normalized(workspace))
        # Read first: whoever may only read needs no more, once the app has run.
        blob = self._blobs.get(NAME)
        if blob is None:
            if self._blobs.create(NAME, encode(owner)) is not None:
                return
            blob = self._blobs.get(NAME)
        stored = owner if blob is None else decode(Owner, blob.body)
        if stored != owner:
            raise SettingsError(
                "settings.foreign_records",
                f"the records under this name are those of {stored.workspace}, not of {owner.workspace}",
                "give the workspace a name in workspaces.yaml that none had before",
            )
