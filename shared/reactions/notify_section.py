"""The policy's `notify` section: who is notified of what, and by which channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, PlainValidator, RootModel, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.notice import ASKS_TO_DECIDE, NEEDS_A_PERSON, NoticeKind
from shared.policy.reading.problems import did_you_mean
from shared.policy.sections.model import People, Policy
from shared.policy.sections.quantities import EMAIL_PATTERN, parse_email
from shared.policy.sections.section import Section
from shared.ports.channels import channel_names

# How people are notified when the policy has no rule for it.
DEFAULT_CHANNEL = "email"
# A reminder goes to those who got the request, and the end of a hold to those who were notified of the hold.
_FOLLOWS = {
    NoticeKind.APPROVAL_REMINDER: NoticeKind.APPROVAL_NEEDED,
    NoticeKind.RELEASE_RESUMED: NoticeKind.RELEASE_HELD,
}
ROLES = ("owner", "approvers")
_KINDS = tuple(kind.value for kind in NoticeKind)


def _kind(value: object) -> NoticeKind:
    if value not in _KINDS:
        _refuse(f"{value!r:.80} is not a notice; {did_you_mean(str(value), _KINDS)}")
    return NoticeKind(str(value))


def _channel(value: object) -> str:
    if value not in channel_names():
        _refuse(f"{value!r:.80} is not a channel; {did_you_mean(str(value), channel_names())}")
    return str(value)


def _addressee(value: object) -> str:
    if isinstance(value, str) and "@" in value:
        return parse_email(value)
    if value not in ROLES:
        _refuse(f"{value!r:.80} is nobody known; write owner, approvers, or an address such as ana@example.com")
    return str(value)


def _refuse(text: str) -> None:
    raise PydanticCustomError("policy_value", "{text}", {"text": text})


_Kind = Annotated[NoticeKind, PlainValidator(_kind), WithJsonSchema({"type": "string", "enum": list(_KINDS)})]
_Channel = Annotated[str, PlainValidator(_channel), WithJsonSchema({"type": "string", "enum": list(channel_names())})]
_Addressee = Annotated[
    str,
    PlainValidator(_addressee),
    WithJsonSchema({"anyOf": [{"enum": list(ROLES)}, {"type": "string", "pattern": EMAIL_PATTERN}]}),
]


# Told to editors here and checked below: pydantic would also complain that a list of one wrong word is too short.
_NOT_EMPTY = Field(json_schema_extra={"minItems": 1})


class NotifyRule(Section):
    """Tell these people about these things by these channels."""

    on: Annotated[tuple[_Kind, ...], _NOT_EMPTY]
    to: Annotated[tuple[_Addressee, ...], _NOT_EMPTY]
    by: Annotated[tuple[_Channel, ...], _NOT_EMPTY]


@dataclass(frozen=True, slots=True)
class Route:
    """One message to send: the channel's name and the person's address."""

    channel: str
    email: str


class Notify(RootModel[tuple[NotifyRule, ...]]):
    """Rules; a notice goes to everyone that any of them names, once per channel."""

    model_config = ConfigDict(frozen=True)

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        for number, rule in enumerate(self.root):
            for key, words in (("on", rule.on), ("to", rule.to), ("by", rule.by)):
                if not words:
                    yield f"{number}.{key}", "is empty; name at least one, or remove the rule"
            if "approvers" in rule.to and not policy.people.approvers:
                yield f"{number}.to", "names approvers, but there are none; add people.approvers, or write owner"

    def routes(self, kind: NoticeKind, people: People, escalate_to: tuple[str, ...] = ()) -> tuple[Route, ...]:
        """Return whom to tell about a kind, each (channel, person) once, in the order of the rules.

        What only follows another notice, and that no rule names, goes where that one went.

        Args:
            escalate_to: who is notified of an escalation, by the question's channels.
        """
        rules = [rule for rule in self.root if kind in rule.on]
        approval_rules = [rule for rule in self.root if NoticeKind.APPROVAL_NEEDED in rule.on]
        if not rules and kind in _FOLLOWS:
            rules = [rule for rule in self.root if _FOLLOWS[kind] in rule.on]
        routes = [Route(c, email) for rule in rules for c in rule.by for email in _addresses(rule, people)]
        if kind is NoticeKind.APPROVAL_ESCALATED:
            channels = dict.fromkeys(channel for rule in approval_rules for channel in rule.by) or {
                DEFAULT_CHANNEL: None
            }
            routes += [Route(channel, email.lower()) for channel in channels for email in escalate_to]
        return tuple(dict.fromkeys(routes))


def default_routes(kind: NoticeKind, policy: Policy, channel: str = DEFAULT_CHANNEL) -> tuple[Route, ...]:
    """Return whom to tell of what no rule names: nobody, unless it needs a person.

    A question goes to those who may decide it, everything else to the owner.
    """
    kind = _FOLLOWS.get(kind, kind)
    if kind not in NEEDS_A_PERSON:
        return ()
    people = policy.people
    approvers = people.approvers if kind in ASKS_TO_DECIDE else ()
    return tuple(Route(channel, address.lower()) for address in dict.fromkeys(approvers or (people.owner,)))


def _addresses(rule: NotifyRule, people: People) -> Iterator[str]:
    for name in rule.to:
        if name == "owner":
            yield people.owner.lower()
        elif name == "approvers":
            yield from (email.lower() for email in people.approvers)
        else:
            yield name
