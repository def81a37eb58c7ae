"""Chooses what people should label from the rows that were served, and writes it down where they find it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.assets import datastore_uri
from shared.errors import PermanentError
from shared.ports.blobs import BlobStore
from shared.ports.data import DataReader
from shared.ports.labels import LabelManifest, LabelRequest
from shared.ports.workspace import Workspace


@dataclass(frozen=True)
class Labels:
    """The LabelDesk port over collected requests and the container behind datastore `workspaceblobstore`."""

    workspace: Workspace
    data: DataReader
    files: BlobStore

    def request(self, request: LabelRequest) -> LabelManifest:
        """Return the manifest of the request, made from what was served when there is none yet.

        Raises:
            PermanentError: the endpoint serves nothing, or the rows lack what the policy chooses by.
            RetryableError: a service does not answer.
        """
        from shared.drift.signals.labelling import choose, manifest

        path = f"labelling/{request.model}/{request.name}.jsonl"
        if stored := self.files.get(path):
            return LabelManifest(datastore_uri(path), stored.body.count(b"\n"))
        endpoint = self.workspace.endpoint(request.endpoint)
        serving = endpoint.serving if endpoint else None
        if serving is None:
            raise PermanentError("labels.no_endpoint", f"endpoint {request.endpoint} serves nothing to choose from")
        rows = self.data.collected_predictions(request.endpoint, serving, request.start, request.end)
        if rows.empty:
            return LabelManifest("", 0)
        try:
            chosen = choose(rows, request.item, request.embedding, request.most)
        except ValueError as exc:
            raise PermanentError("labels.nothing_to_choose_by", str(exc), "fix the policy's section labelling") from exc
        body = manifest(chosen, request.item)
        # Somebody else may have written it meanwhile: the first one stands, people may be at work on it.
        if self.files.create(path, body) is None:
            return self.request(request)
        return LabelManifest(datastore_uri(path), len(chosen))
