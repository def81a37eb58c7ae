"""Ways to reach a person, and what is said over them."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from shared.domain.notice import NoticeKind

_CHANNELS = Path(__file__).parents[1] / "adapters" / "channels"


@dataclass(frozen=True, slots=True)
class Recipient:
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Button:
    """A link to a page of ours; opening it never acts."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """A notice in one person's language. All texts are plain; each channel escapes them for its own markup.

    Args:
        key: of the notice, the same when it is sent again.
        language: tag of the language it is written in, e.g. "pt-BR".
        sentence: what happened and why.
        facts: (label, value) in the order to be shown.
        footer: why the reader gets this message.
        first_sent_at: when the attempt that this may repeat began, UTC; the same in every repetition of it.
    """

    kind: NoticeKind
    key: str
    language: str
    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    button: Button | None
    footer: str
    first_sent_at: datetime | None = None


class Channel(Protocol):
    def send(self, message: Message, to: Recipient) -> None:
        """Hand the message over for delivery.

        Raises:
            AmbiguousWriteError: the other side may have taken it; repeating the same attempt is safe.
            RetryableError: the other side did not take it now.
            PermanentError: it permanently rejected this message or this recipient.
        """
        ...


def channel_names() -> tuple[str, ...]:
    """Return the names policies may write under `by:`, sorted, without importing the channels."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(_CHANNELS)])))
