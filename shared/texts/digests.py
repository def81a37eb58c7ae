"""Many messages of one kind as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from shared.ports.channels import Message
from shared.texts.catalogue import text
from shared.texts.values import ValueWriter


def digest(frame: Message, members: Sequence[Message]) -> Message:
    """Return the message that lists every member, each with its facts; equal ones once, with their number.

    Args:
        frame: what the digest's own notice says; its title and sentence are replaced.
        members: all in the language of the frame, at least one.
    """
    count = ValueWriter(frame.language, "UTC").number(str(len(members)))
    lines = Counter(_line(member) for member in members)
    return replace(
        frame,
        title=text(frame.language, "frame", "digest_title", count=count, title=members[0].title),
        sentence=text(frame.language, "frame", "digest_sentence", count=count),
        facts=tuple((f"{times}×", line) for line, times in lines.items()),
        button=None,
    )


def _line(message: Message) -> str:
    facts = "; ".join(f"{label}: {value}" for label, value in message.facts)
    return f"{message.title}. {message.sentence}" + (f" ({facts})" if facts else "")
