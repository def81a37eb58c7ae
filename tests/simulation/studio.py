"""Where production code is run by the thousand: without its log lines, and without reading the same text again."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from pydantic import TypeAdapter

from shared.domain.notice import Notice
from shared.domain.releases.measurement import Interval
from shared.engine.notices import outbox
from shared.events import registry
from shared.events.wire.envelope import Envelope, read_events
from shared.ports.channels import Message
from shared.store import codec
from shared.texts.notices import render


@contextmanager
def studio() -> Iterator[None]:
    """Switch logging off, and remember what pure functions said of a text: a third of a run is reading JSON."""
    disable = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    gc.freeze()  # what was imported is not worth looking through again and again
    try:
        with (
            patch.object(registry, "read_events", lambda raw, received_at: _envelopes(raw)),
            patch.object(codec, "_adapter", lru_cache(maxsize=None)(_Remembering)),
            patch.object(outbox, "render", _by_key(render)),
        ):
            yield
    finally:
        gc.unfreeze()
        logging.disable(disable)


@contextmanager
def shortcuts() -> Iterator[None]:
    """Have records stored as they are, and the judge's arithmetic remembered: both are half of a run of releases."""
    # Imported here: the simulator of facts needs no numpy.
    from shared.judge import canary
    from shared.judge.evidence import absolute_errors
    from shared.judge.evidence.streams import error_paths

    with (
        _records_as_they_are(),
        patch.object(absolute_errors, "absolute_errors", _by_counts(absolute_errors.absolute_errors)),
        patch.object(canary, "error_paths", _by_bytes(error_paths)),
    ):
        yield


@contextmanager
def _records_as_they_are() -> Iterator[None]:
    """Reading and writing JSON is left out for records; other bodies are read as ever."""
    values: dict[bytes, object] = {}
    real = codec._adapter

    class CachedAdapter:
        def __init__(self, kind: Any) -> None:
            self._adapter = real(kind)

        def dump_json(self, value: object, indent: int) -> bytes:
            token = b"record %d" % len(values)
            values[token] = value
            return token

        def validate_json(self, body: bytes) -> Any:
            return values[body] if body in values else self._adapter.validate_json(body)

    with patch.object(codec, "_adapter", lru_cache(maxsize=None)(CachedAdapter)):
        yield


def _by_key(real: Callable[..., Message]) -> Callable[..., Message]:
    """Return the same function of a notice, written once per key and reader: nobody reads it here."""
    messages: dict[object, Message] = {}

    def written(notice: Notice, *reader: str) -> Message:
        key = (notice.key, reader)
        if key not in messages:
            messages[key] = real(notice, *reader)
        return messages[key]

    return written


def _by_counts(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function of intervals, of which it only counts requests and errors."""
    cached: dict[object, Any] = {}

    def judged(intervals: Sequence[Interval], *rest: Any) -> Any:
        key = (tuple((interval.requests, interval.errors) for interval in intervals), rest)
        if key not in cached:
            cached[key] = real(intervals, *rest)
        return cached[key]

    return judged


def _by_bytes(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function of an array."""
    cached: dict[object, Any] = {}

    def paths(counts: Any, tolerances: object) -> Any:
        key = (counts.tobytes(), counts.shape, tolerances)
        if key not in cached:
            cached[key] = real(counts, tolerances)
        return cached[key]

    return paths


@lru_cache(maxsize=256)
def _envelopes(raw: str) -> list[Envelope]:
    return read_events(raw)


class _Remembering:
    """A TypeAdapter that reads each text once; what it returns is frozen."""

    def __init__(self, kind: Any) -> None:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self.dump_json: Callable[..., bytes] = adapter.dump_json
        self.validate_json: Callable[[bytes], Any] = lru_cache(maxsize=512)(adapter.validate_json)
