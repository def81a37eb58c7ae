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
# Whoever asked and never told what came of it has died, or got no answer.
ASK_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class BatchRun:
    """Args:
    job: what Azure ML called it; None while that is not known.
    """

    wanted: JobName
    asked_at: datetime
    job: JobName | None = None


class BatchRunStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, wanted: JobName) -> BatchRun | None:
        found = self._blobs.get(_name(wanted))
        return decode(BatchRun, found.body) if found else None

    def begin(self, wanted: JobName, now: datetime) -> Literal["first", "again", "not"]:
        """Record that the job is asked for now, and return whether it may have been before.

        "not": somebody else has asked, and knows its name or may still be told.
        """
        found = self._blobs.get(_name(wanted))
        body = encode(BatchRun(wanted, now))
        if found is None:
            return "first" if self._blobs.create(_name(wanted), body) else "not"
        # By the server's clock: that of this worker may be wrong.
        is_recent = found.read_at - found.last_modified < ASK_AGAIN_AFTER
        if is_recent or decode(BatchRun, found.body).job is not None:
            return "not"
        return "again" if self._blobs.replace(_name(wanted), body, found.etag) else "not"

    def note(self, wanted: JobName, job: JobName) -> None:
        """Record what the job that was asked for is called. The first name that was noted stays.

        Raises:
            RetryableError: somebody else wrote at the same moment.
        """
        found = self._blobs.get(_name(wanted))
        if found is None:
            raise RetryableError("batch.forgotten", f"nobody asked for {wanted}")
        run = decode(BatchRun, found.body)
        if run.job is None and self._blobs.replace(_name(wanted), encode(replace(run, job=job)), found.etag) is None:
            raise RetryableError("batch.contended", f"somebody else just noted the job of {wanted}")


def _name(wanted: JobName) -> str:
    return f"{RUNS}{wanted}.json"
