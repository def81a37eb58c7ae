"""From a notice to a message in one person's language, and from many messages of one kind to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from shared.domain.notice import Notice
from shared.ports.channels import Button, Message
from shared.texts.catalogue import has_text, section, text
from shared.texts.kinds import FACTS, PARAMETERS
from shared.texts.languages import html_tag
from shared.texts.values import ValueWriter, plain

_HIDDEN = {"reason", "currency", "feature"}


def render(notice: Notice, locale: str, time_zone: str, public_url: str) -> Message:
    """Return the message, with facts in the order of the kind and then any parameter it does not know."""
    values = _values(notice, locale, time_zone)
    own = f"notice.{notice.kind.value}"
    footer = "footer" if notice.model else "footer_without_model"
    return Message(
        kind=notice.kind,
        key=notice.key,
        language=html_tag(locale),
        title=plain(text(locale, own, "title", **values, **_extras(notice))),
        sentence=text(locale, own, "sentence", **values, **_extras(notice)),
        facts=_facts(notice, values, locale),
        button=_button(notice, locale, public_url),
        footer=text(locale, "frame", footer, model=values["model"]),
    )


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


def ending(reason: str) -> str:
    """Return what closes a sentence: its reason, or a full stop."""
    if not reason:
        return "."
    return f": {reason}" if reason.endswith((".", "!", "?", "…")) else f": {reason}."


def _extras(notice: Notice) -> dict[str, object]:
    return {"ending": ending, "forecasted": notice.parameters.get("basis") == "forecasted"}


def _values(notice: Notice, locale: str, time_zone: str) -> dict[str, str]:
    """Return every parameter there is, written for the reader; "" for what the notice does not have."""
    writer = ValueWriter(locale, time_zone)
    given = {name: plain(value) for name, value in notice.parameters.items()}
    values = {name: _written(name, given.get(name, ""), writer, given.get("currency", "")) for name in PARAMETERS}
    return values | {"model": plain(notice.model)}


def _written(name: str, value: str, writer: ValueWriter, currency: str) -> str:
    if not value:
        return ""
    match PARAMETERS[name]:
        case "number":
            return writer.number(value)
        case "percent":
            return writer.percent(value)
        case "time":
            return writer.time(value)
        case "money":
            return writer.money(value, currency)
        case "cause" | "reaction" | "basis" | "run-outcome" | "step" | "part" as words:
            return section(writer.locale, words).get(value, value)
        case "text":
            return value


def _facts(notice: Notice, values: dict[str, str], locale: str) -> tuple[tuple[str, str], ...]:
    labels = section(locale, "label")
    listed_facts = [(labels[name], values[name]) for name in FACTS[notice.kind] if values[name]]
    listed = {*FACTS[notice.kind], *_HIDDEN, "model"}
    others = [
        (labels.get(name, plain(name.replace("_", " "))), values.get(name) or plain(value))
        for name, value in notice.parameters.items()
        if name not in listed and value
    ]
    return (*listed_facts, *others)


def _button(notice: Notice, locale: str, public_url: str) -> Button | None:
    if not notice.path:
        return None
    own = f"notice.{notice.kind.value}"
    label = text(locale, own, "button") if has_text(locale, own, "button") else text(locale, "frame", "button")
    return Button(label, f"{public_url.rstrip('/')}/{notice.path.lstrip('/')}")


def _line(message: Message) -> str:
    facts = "; ".join(f"{label}: {value}" for label, value in message.facts)
    return f"{message.title}. {message.sentence}" + (f" ({facts})" if facts else "")
