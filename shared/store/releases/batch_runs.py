"""What was asked of batch deployments: one blob per scoring, so that a repeated wish is not a second job.

Azure ML names a batch job itself and makes another for the same call, so this record comes before the call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.ids import JobName
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

RUNS = "batch-runs/"
# A worker that submitted and recorded no job has crashed, or got no answer.
ASK_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class BatchRun:
    """Args:
    job: what Azure ML called it; None while that is not known.
    """

    requested: JobName
    asked_at: datetime
    job: JobName | None = None


class BatchRunStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, requested: JobName) -> BatchRun | None:
        blob = self._blobs.get(_name(requested))
        return decode(BatchRun, blob.body) if blob else None

    def begin(self, requested: JobName, now: datetime) -> Literal["first", "again", "not"]:
        """Record that the job is asked for now, and return whether it may have been before.

        "not": another worker has made the request, and knows its name or may still learn it.
        """
        blob = self._blobs.get(_name(requested))
        body = encode(BatchRun(requested, now))
        if blob is None:
            return "first" if self._blobs.create(_name(requested), body) else "not"
        # By the server's clock: that of this worker may be wrong.
        is_recent = blob.read_at - blob.last_modified < ASK_AGAIN_AFTER
        if is_recent or decode(BatchRun, blob.body).job is not None:
            return "not"
        return "again" if self._blobs.replace(_name(requested), body, blob.etag) else "not"

    def note(self, requested: JobName, job: JobName) -> None:
        """Record what the job that was asked for is called. The first name that was noted stays.

        Raises:
            RetryableError: somebody else wrote at the same moment.
        """
        blob = self._blobs.get(_name(requested))
        if blob is None:
            raise RetryableError("batch.forgotten", f"nobody asked for {requested}")
        run = decode(BatchRun, blob.body)
        if run.job is None and self._blobs.replace(_name(requested), encode(replace(run, job=job)), blob.etag) is None:
            raise RetryableError("batch.contended", f"somebody else just noted the job of {requested}")


def _name(requested: JobName) -> str:
    return f"{RUNS}{requested}.json"
