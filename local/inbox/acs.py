"""The e-mail side of Azure Communication Services: sends once per repeatable request.

Source: learn.microsoft.com/rest/api/communication (Email Send 2025-09-01; Repeatable requests), read 2026-11-20.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from aiohttp import web

from local.inbox.messages import Message

API_VERSION = "2025-09-01"
MAX_BYTES = 10 * 1024 * 1024
MOST_RECIPIENTS = 50
# How long the service remembers a request.
TRACKED = timedelta(minutes=5)


class AcsError(Exception):
    """A refusal, with its status and code; the message says what to send instead."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass
class AcsFaults:
    """What goes wrong, for how many of the next requests; each request uses up one.

    busy: answered 429, with Retry-After.
    lost: the mail is taken, and the connection breaks before the answer.
    """

    busy: int = 0
    lost: int = 0
    retry_after_seconds: int = 30

    def change(self, changes: object) -> None:
        names = {field.name for field in fields(self)}
        if not isinstance(changes, Mapping) or not set(changes) <= names:
            raise AcsError(400, "InvalidFaults", f"expected a JSON object with some of {', '.join(sorted(names))}")
        for name, value in changes.items():
            if type(value) is not int or value < 0:
                raise AcsError(400, "InvalidFaults", f"{name} must be a whole number from 0, found {value!r}")
            setattr(self, name, value)

    def take(self, name: str) -> bool:
        remaining: int = getattr(self, name)
        setattr(self, name, max(0, remaining - 1))
        return remaining > 0


@dataclass(frozen=True)
class _Remembered:
    first_sent: str
    digest: str
    operation: str
    at: datetime


class AcsMail:
    """Answers `POST /acs/emails:send`; hands each mail to `deliver` once."""

    def __init__(self, deliver: Callable[[Message], None]) -> None:
        self.faults = AcsFaults()
        self._deliver = deliver
        self._remembered: dict[str, _Remembered] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/acs/emails:send", self._send), web.put("/_local/acs-faults", self._put_faults)]

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults.change(_json(await request.read()))
        except AcsError as exc:
            return _answer(exc)
        return web.Response(status=204)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        try:
            self._require_quota()
            _require_token(request)
            raw = await request.read()
            operation = self._accept(raw, request.headers, datetime.now(UTC))
        except web.HTTPRequestEntityTooLarge:
            return _answer(AcsError(413, "RequestTooLarge", f"a mail has at most {MAX_BYTES} bytes"))
        except AcsError as exc:
            answer = _answer(exc)
            if exc.status == 429:
                answer.headers["Retry-After"] = str(self.faults.retry_after_seconds)
            return answer
        # Once the mail is accepted: repeatable requests are there for callers who cannot know that.
        if self.faults.take("lost"):
            assert request.transport is not None
            request.transport.abort()
        location = f"{request.url.origin()}/acs/emails/operations/{operation}?api-version={API_VERSION}"
        body = {"id": operation, "status": "Running", "error": None}
        return web.json_response(body, status=202, headers={"Operation-Location": location})

    def _require_quota(self) -> None:
        if self.faults.take("busy"):
            raise AcsError(429, "TooManyRequests", "the quota is used up")

    def _accept(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> str:
        """Take the mail, or recognise it; return the operation's id.

        Raises:
            AcsError: 400 when the request came before with other contents.
        """
        message = parse_email(raw, now)
        operation = _uuid(headers.get("Operation-Id") or str(uuid.uuid4()), "Operation-Id")
        request_id, first_sent = _repeatability(headers, now)
        if not request_id:
            self._deliver(message)
            return operation
        digest = hashlib.sha256(raw).hexdigest()
        self._forget(now)
        previous = self._remembered.get(request_id)
        if previous is None:
            self._remembered[request_id] = _Remembered(first_sent, digest, operation, now)
            self._deliver(message)
            return operation
        if (previous.first_sent, previous.digest) != (first_sent, digest):
            raise AcsError(400, "RepeatedRequestDiffers", f"request {request_id} was sent before with other contents")
        return previous.operation

    def _forget(self, now: datetime) -> None:
        # A first-sent time may be five minutes ahead of the clock, so a repeat can be valid for ten.
        self._remembered = {
            key: operation for key, operation in self._remembered.items() if now - operation.at <= 2 * TRACKED
        }


def parse_email(raw: bytes, at: datetime) -> Message:
    """Return the message in the body of an Email Send request.

    Raises:
        AcsError: what the service documents as required is missing.
    """
    body = _json(raw)
    content = _object(body, "content")
    for name, where in (("senderAddress", body), ("subject", content)):
        if not isinstance(where.get(name), str) or not where[name]:
            raise AcsError(400, "BadRequest", f"{name} must be a text that is not empty")
    text, html = content.get("plainText"), content.get("html")
    if not text and not html:
        raise AcsError(400, "BadRequest", "content needs plainText or html")
    headers = _object(body, "headers") if body.get("headers") else {}
    return Message(
        channel="email",
        at=at,
        to=_recipients(_object(body, "recipients")),
        title=content["subject"],
        kind=_text(headers.get("X-Vigia-Kind")),
        key=_text(headers.get("X-Vigia-Key")),
        body={"from": body["senderAddress"], "text": _text(text), "html": _text(html)},
        warnings=() if text else ("no plain text: some readers see an empty mail",),
    )


def _recipients(recipients: dict[str, Any]) -> tuple[str, ...]:
    listed = recipients.get("to")
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_RECIPIENTS:
        raise AcsError(400, "BadRequest", f"recipients.to must list 1 to {MOST_RECIPIENTS} people")
    addresses = [recipient.get("address") if isinstance(recipient, dict) else None for recipient in listed]
    if not all(isinstance(address, str) and "@" in address for address in addresses):
        raise AcsError(400, "BadRequest", "each of recipients.to needs an address")
    return tuple(str(address) for address in addresses)


def _repeatability(headers: Mapping[str, str], now: datetime) -> tuple[str, str]:
    """Return the request's id and when it was first sent; both empty for a request that is not repeatable.

    Raises:
        AcsError: 400 for headers that are incomplete or no time, 412 for a first time that is not near.
    """
    identifier, first_sent = headers.get("Repeatability-Request-ID", ""), headers.get("Repeatability-First-Sent", "")
    if not identifier and not first_sent:
        return "", ""
    if not identifier or not first_sent:
        raise AcsError(400, "BadRequest", "Repeatability-Request-ID and Repeatability-First-Sent go together")
    try:
        moment = parsedate_to_datetime(first_sent)
    except ValueError as exc:
        raise AcsError(400, "BadRequest", "Repeatability-First-Sent must be an IMF-fixdate") from exc
    if not first_sent.endswith("GMT"):
        raise AcsError(400, "BadRequest", "Repeatability-First-Sent must be in GMT")
    if abs(now - moment) > TRACKED:
        raise AcsError(412, "PreconditionFailed", "Repeatability-First-Sent header is not within 5 minutes window")
    return _uuid(identifier, "Repeatability-Request-ID"), first_sent


def _require_token(request: web.Request) -> None:
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        raise AcsError(401, "Unauthorized", "send an Entra token for https://communication.azure.com")
    if request.query.get("api-version") != API_VERSION:
        raise AcsError(400, "InvalidApiVersion", f"api-version must be {API_VERSION}")


def _uuid(text: str, header: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as exc:
        raise AcsError(400, "BadRequest", f"{header} must be a GUID") from exc


def _json(raw: bytes) -> Any:
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise AcsError(400, "BadRequest", f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise AcsError(400, "BadRequest", "the body must be a JSON object")
    return body


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise AcsError(400, "BadRequest", f"{name} must be an object")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _answer(exc: AcsError) -> web.Response:
    return web.json_response({"error": {"code": exc.code, "message": str(exc)}}, status=exc.status)
