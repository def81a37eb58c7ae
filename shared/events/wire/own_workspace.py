"""The app's own workspace, storage and topic: whether an event is about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from shared.domain.arm_ids import budget_scope, is_event_source, is_within, topic_name
from shared.domain.assets import datastore_uri
from shared.domain.fact import BudgetCrossed, DataArrived, Fact, Ignored, PolicyStateChanged

_BLOB_ENDPOINT = re.compile(r"(?:^|;)BlobEndpoint=([^;]+)", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?:^|;)AccountName=([^;]+)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:^|;)EndpointSuffix=([^;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Home:
    """Args:
    workspace: the workspace's ARM id.
    container_url: address of the container behind its datastore `workspaceblobstore`; "" when it is not known.
    topic_endpoint: URL of our own topic; "" when it is not known.
    sources: ARM ids of workspaces and topics, or of what they are in, whose events count like our own.
    """

    workspace: str
    container_url: str
    topic_endpoint: str = ""
    sources: tuple[str, ...] = ()

    def place(self, fact: Fact | Ignored) -> Fact | Ignored:
        """Return the fact as it looks from here.

        What another workspace or topic tells is not acted on, unless it is listed. A blob in our container gets the
        name that policies give it; a policy's verdict about a resource of another workspace is none of our business.
        """
        match fact:
            case Fact(body=PolicyStateChanged(resource=resource)) if not self._is_ours(resource):
                reason = f"{resource} is neither our workspace nor in it"
                return Ignored(fact.event_id, fact.kind, reason, is_known=True)
            case Fact(source=source) if not self._is_heard(source):
                reason = f"{source} is neither our workspace nor our topic, nor listed in VIGIA_EVENTS_SOURCES"
                return Ignored(fact.event_id, fact.kind, reason, is_known=False)
            case Fact(body=BudgetCrossed() as body):
                return replace(fact, body=replace(body, covers_workspace=self._is_covered(fact.source)))
            case Fact(body=DataArrived(location=location) as body):
                return replace(fact, body=replace(body, location=self._named(location)))
        return fact

    def is_named_by(self, fact: Fact) -> bool:
        """Return whether the fact says of itself that it is about this workspace, and not only that it may be."""
        match fact.body:
            case PolicyStateChanged(resource=resource):
                return self._is_ours(resource)
            case BudgetCrossed():
                return self._is_covered(fact.source)
            case DataArrived(location=location) if location.startswith(self._root):
                return True
        return self._is_ours(fact.source)

    @property
    def _root(self) -> str:
        return self.container_url.rstrip("/") + "/"

    def _named(self, location: str) -> str:
        return datastore_uri(location.removeprefix(self._root)) if location.startswith(self._root) else location

    def _is_ours(self, resource: str) -> bool:
        return is_within(resource, self.workspace)

    def _is_heard(self, source: str) -> bool:
        if not is_event_source(source) or self._is_ours(source):
            return True
        is_our_topic = topic_name(source) == topic_of(self.topic_endpoint)
        return is_our_topic or any(is_within(source, listed) for listed in self.sources)

    def _is_covered(self, budget: str) -> bool:
        """Return whether what the budget counts holds our workspace."""
        scope = budget_scope(budget)
        # What a management group or a billing account holds is not to be seen from here.
        return not scope.startswith(("/subscriptions/", "/providers/")) or is_within(self.workspace.lower(), scope)


def topic_of(endpoint: str) -> str:
    """Return the name of the topic that an endpoint of Event Grid belongs to: the first part of its host name."""
    return (urlsplit(endpoint).hostname or "").partition(".")[0]


def container_url(storage: str, container: str) -> str:
    """Return the address of a container; `storage` is the blob service's URI or a connection string."""
    service = storage
    if setting := _BLOB_ENDPOINT.search(storage):
        service = setting[1]
    elif setting := _ACCOUNT.search(storage):
        suffix = _SUFFIX.search(storage)
        service = f"https://{setting[1]}.blob.{suffix[1] if suffix else 'core.windows.net'}"
    scheme, _, rest = service.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}/{container}"
