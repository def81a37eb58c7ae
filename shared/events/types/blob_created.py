"""Microsoft.Storage.BlobCreated: a file was written; new data or new labels."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from shared.domain.fact import DataArrived, Fact, Ignored
from shared.errors import EventError
from shared.events.spec import EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = "Microsoft.Storage.BlobCreated"

# On a Data Lake these only open a file; FlushWithClose (SftpCommit) tells that it is whole.
# Source: learn.microsoft.com "Azure Blob Storage as an Event Grid source", 2024-01-10.
_ONLY_OPENED = frozenset({"createfile", "sftpcreate"})

# What writers use until a file is whole, and what they note beside it: Hadoop and Spark (_temporary, _SUCCESS,
# _committed_1, .crc, ._COPYING_), editors and copy tools.
_TEMPORARY_FOLDER = re.compile(r"(_temporary.*|\..+)", re.IGNORECASE)
_TEMPORARY_FILE = re.compile(
    r"([._~].*|.*~|.*\.(tmp|temp|part|partial|inprogress|crdownload|crc|swp|_copying_))", re.IGNORECASE
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse(envelope: Envelope) -> Fact | Ignored:
    data = envelope.data
    location = _location(envelope)
    if reason := _no_news(envelope, location):
        return Ignored(envelope.id, envelope.type, reason, is_known=True)
    # Each content of a blob has an eTag of its own, whichever of its two hosts tells of it. Where none is given, the
    # sequencer or the moment tells one writing from the next.
    etag = (data.optional_text("eTag") or "").strip().strip('"').lower()
    content = etag or data.optional_text("sequencer") or envelope.moment
    return fact_of(envelope, DataArrived("", None, location), identity=(location, content))


def _no_news(envelope: Envelope, location: str) -> str | None:
    data = envelope.data
    api = data.optional_name("api") or ""
    if api.lower() in _ONLY_OPENED:
        return f"{api} only opens a file; the event that closes it follows"
    if data.has("contentLength") and data.number("contentLength") == 0:
        return f"{location} is empty: a folder, a marker, or a file that is still being written"
    *folders, name = urlsplit(location).path.split("/")
    if not name or _TEMPORARY_FILE.fullmatch(name) or any(_TEMPORARY_FOLDER.fullmatch(folder) for folder in folders):
        return f"{location} has the name of a temporary file"
    return None


def _location(envelope: Envelope) -> str:
    """Return the blob's URL as one spelling: host of the blob service, lower-cased; path decoded; no query.

    Raises:
        EventError: `data.url` is not the address of a blob.
    """
    text = envelope.data.text("url").strip()
    try:
        parts = urlsplit(text)
        host = parts.netloc.lower()
    except ValueError:
        host = ""
    path = unquote(parts.path) if host else ""
    if not host or parts.scheme.lower() not in {"https", "http"} or path.count("/") < 2 or _CONTROL.search(path):
        raise EventError(
            "event.field",
            f"event {envelope.id} of type {envelope.type}: data.url is {text!r:.120}, not the address of a blob",
            "it is https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH",
        )
    # A Data Lake answers under two hosts; a file is the same under both.
    host = re.sub(r"^([^.]+)\.dfs\.", r"\1.blob.", host)
    return f"{parts.scheme.lower()}://{host}{path}"


SPEC = EventSpec((TYPE,), parse, "A file was written to the workspace's storage: new data or new labels.")
