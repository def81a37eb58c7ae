"""What is remembered about each model, changed only by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.ids import ModelName
from shared.domain.state import ModelState
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

ATTEMPTS = 20


class ModelStates:
    """One blob per model."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, model: ModelName) -> ModelState:
        blob = self._blobs.get(_name(model))
        return ModelState(model) if blob is None else decode(ModelState, blob.body)

    def update(self, model: ModelName, change: Callable[[ModelState], ModelState]) -> ModelState:
        """Apply `change` to the newest state and store it; `change` may run several times.

        Raises:
            RetryableError: others kept changing the state at the same time.
        """
        for _ in range(ATTEMPTS):
            blob = self._blobs.get(_name(model))
            previous = ModelState(model) if blob is None else decode(ModelState, blob.body)
            updated = change(previous)
            if updated == previous:
                return updated
            body = encode(updated)
            if blob is None:
                written = self._blobs.create(_name(model), body)
            else:
                written = self._blobs.replace(_name(model), body, blob.etag)
            if written is not None:
                return updated
        raise RetryableError("models.contended", f"the state of model {model!r} keeps changing under us")


def _name(model: ModelName) -> str:
    return f"models/{model}.json"
