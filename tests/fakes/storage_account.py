"""A storage account over HTTP that takes everything, and notes what: for processes that are started for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SENT = b"""<?xml version="1.0"?><QueueMessagesList><QueueMessage><MessageId>m</MessageId>\
<InsertionTime>Fri, 20 Nov 2026 09:00:00 GMT</InsertionTime><ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT\
</ExpirationTime><PopReceipt>p</PopReceipt><TimeNextVisible>Fri, 20 Nov 2026 09:00:00 GMT</TimeNextVisible>\
</QueueMessage></QueueMessagesList>"""


@dataclass
class TakingStorage:
    """`taken` are the methods and paths of what came in, below the account."""

    connection_string: str
    taken: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def taking_storage() -> Iterator[TakingStorage]:
    class Taker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            self._take(b"")

        def do_POST(self) -> None:
            self._take(SENT)

        def _take(self, answer: bytes) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            storage.taken.append((self.command, self.path.partition("?")[0].removeprefix("/account/")))
            self.send_response(201)
            headers = {"ETag": "1", "Last-Modified": formatdate(usegmt=True), "Content-Type": "application/xml"}
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        where = f"http://127.0.0.1:{server.server_port}/account"
        storage = TakingStorage(f"AccountName=account;AccountKey=a2V5;BlobEndpoint={where};QueueEndpoint={where}")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield storage
        finally:
            server.shutdown()
