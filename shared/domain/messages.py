"""Messages on our own queues: each kind with the one writer and the one reader of its body.

Queue `releases` carries `WakeRelease`, queue `notices` carries `DeliverNotice` and `MakeDigest`, queue `looks` carries
`LookAt`. Queue `events` carries events as they came in, and `PostedAlert`; `LargeEvent` stands for what does not fit.
A poison queue carries what its queue carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.ids import ReleaseId
from shared.errors import PermanentError

# A queue message holds 64 KB, of which base64 takes a quarter.
# Source: learn.microsoft.com "Scalability targets for Queue Storage", read 2026-11-20.
LARGEST_MESSAGE = 48 * 1024

_NOTICE = re.compile(r"outbox/[0-9a-f]{64}\.json")
_BURST = re.compile("[0-9a-f]{32}")
# How the messages of ours on queue `events` begin.
_OURS = '{"vigia-'
# Exactly as `to_body` writes it; anything else is an event, and is judged as one.
_LARGE_EVENT = re.compile(r'\{"vigia-large-event": "(events/[0-9a-f]{64}\.json)"\}')


@dataclass(frozen=True, slots=True)
class WakeRelease:
    """Asks for a look at a release: now, or (with `at`, UTC) the look that was arranged for that time."""

    release: ReleaseId
    at: datetime | None = None

    def to_body(self) -> str:
        return json.dumps({"release": self.release} | ({"at": self.at.isoformat()} if self.at else {}))

    @classmethod
    def from_body(cls, body: str) -> WakeRelease:
        """Return the message of a body.

        Raises:
            PermanentError: the body is not one that `to_body` wrote.
        """
        match _json(body):
            case {"release": str(release), "at": str(at)} if release and (time := _time(at)):
                return cls(ReleaseId(release), time)
            case {"release": str(release), **others} if release and others.get("at") is None:
                return cls(ReleaseId(release))
        raise _unreadable("releases", body, code="releases.unreadable", hint='send {"release": ID}')


@dataclass(frozen=True, slots=True)
class DeliverNotice:
    """Asks for the delivery of a stored notice, by the name of its blob."""

    notice: str

    def to_body(self) -> str:
        return json.dumps({"notice": self.notice})


@dataclass(frozen=True, slots=True)
class MakeDigest:
    """Asks for the digest of an alert burst whose window has ended. The body keeps the key of the first version."""

    burst: str

    def to_body(self) -> str:
        return json.dumps({"storm": self.burst})


def read_notice_message(body: str) -> DeliverNotice | MakeDigest:
    """Return what a body of queue `notices` asks for.

    Raises:
        PermanentError: the body is not one that `to_body` wrote, or names what cannot be a notice or a burst.
    """
    match _json(body):
        case {"notice": str(notice), **others} if not others and _NOTICE.fullmatch(notice):
            return DeliverNotice(notice)
        case {"storm": str(burst), **others} if not others and _BURST.fullmatch(burst):
            return MakeDigest(burst)
    raise _unreadable("notices", body, code="outbox.unreadable", hint='send {"notice": NAME}')


# "monitor" and "labels" are of one model; the others are of the whole workspace.
LookKind = Literal["monitor", "labels", "endpoints", "registry_poll"]


@dataclass(frozen=True, slots=True)
class LookAt:
    """Asks, since `asked_at` (UTC), for a look; `model` is "" when it is of the whole workspace. It may come late,
    twice or not at all: a timer asks again as long as the look is due."""

    kind: LookKind
    asked_at: datetime
    model: str = ""

    def to_body(self) -> str:
        body = {"look": self.kind, "asked_at": self.asked_at.isoformat()}
        return json.dumps(body | ({"model": self.model} if self.model else {}))

    @classmethod
    def from_body(cls, body: str) -> LookAt:
        """Return the message of a body.

        Raises:
            PermanentError: the body is not one that `to_body` wrote.
        """
        match _json(body):
            case {"look": "monitor" | "labels" as kind, "asked_at": str(at), "model": str(model)} if model:
                if (time := _time(at)) and time.tzinfo:
                    return cls(kind, time, model)
            case {"look": "endpoints" | "registry_poll" as kind, "asked_at": str(at)}:
                if (time := _time(at)) and time.tzinfo:
                    return cls(kind, time)
        raise _unreadable("looks", body, code="looks.unreadable", hint="a timer asks again for what is due")


@dataclass(frozen=True, slots=True)
class LargeEvent:
    """Stands for an event that does not fit into a message: the name of the blob that holds it."""

    blob: str

    def to_body(self) -> str:
        return json.dumps({"vigia-large-event": self.blob})

    @classmethod
    def from_body(cls, body: str) -> LargeEvent | None:
        """Return the message; None when the body is an event itself."""
        pointer = _LARGE_EVENT.fullmatch(body)
        return cls(pointer[1]) if pointer else None


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """Carries what was posted to the alert endpoint, as it came, and when (UTC)."""

    text: str
    at: datetime

    def to_body(self, store: Callable[[str], LargeEvent]) -> str:
        """Return the message; `store` puts a large one into a blob."""
        return _fitting(json.dumps({"vigia-alert": self.text, "at": self.at.isoformat()}, ensure_ascii=False), store)

    @classmethod
    def from_body(cls, body: str) -> PostedAlert | None:
        """Return the message; None when the body is an event itself."""
        match _json(body) if body.startswith(_OURS) else None:
            case {"vigia-alert": str(text), "at": str(at), **others} if not others and (time := _time(at)):
                return cls(text.encode(errors="backslashreplace").decode(), time)
        return None


def event_body(event: str, store: Callable[[str], LargeEvent]) -> str:
    """Return the body of queue `events` for an event: the event itself or, when it is too large, what stands for it.

    What comes from outside and looks like a message of ours stays an event: behind a space it is judged as one.

    Args:
        store: puts a large event into a blob.
    """
    return _fitting(f" {event}" if event.startswith(_OURS) else event, store)


def _fitting(text: str, store: Callable[[str], LargeEvent]) -> str:
    # Half a character (a lone surrogate) has no bytes in UTF-8. It travels escaped, as JSON writes it, so that the
    # event reaches quarantine; raising here would have Event Grid repeat it for a day and then give it up.
    content = text.encode(errors="backslashreplace")
    return content.decode() if len(content) <= LARGEST_MESSAGE else store(content.decode()).to_body()


# Exactly as `addressed` writes it.
_ADDRESSED = re.compile(r'\{"vigia-workspace": "([a-z0-9-]{1,40})", "body": (".*")\}', re.DOTALL)


def addressed(workspace: str, body: str) -> str:
    """Return the body as it travels when it is for one of several workspaces; the app's own, "", has no address."""
    return f'{{"vigia-workspace": "{workspace}", "body": {json.dumps(body)}}}' if workspace else body


def address_of(text: str) -> tuple[str, str]:
    """Return which workspace a message is for, and its body without the address."""
    if message := _ADDRESSED.fullmatch(text):
        body = _json(message[2])
        if isinstance(body, str):
            return message[1], body
    return "", text


def _json(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _unreadable(queue: str, body: str, code: str, hint: str) -> PermanentError:
    return PermanentError(code, f"a message of queue {queue} cannot be read: {body!r:.200}", hint)
