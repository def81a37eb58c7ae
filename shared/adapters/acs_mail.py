"""E-mail, by Azure Communication Services: no password, and a repeated sending is recognised by the service.

Source: learn.microsoft.com/rest/api/communication (Email Send 2025-09-01; Repeatable requests), read 2026-11-20.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.adapters.credentials import allow_loopback_http, credential_for
from shared.adapters.patience import wait_in
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError, SettingsError, VigiaError
from shared.ports.channels import Message, Recipient
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse

API_VERSION = "2025-09-01"
SCOPE = "https://communication.azure.com/.default"
TIMEOUT_SECONDS = 30
_REQUESTS = uuid.UUID("7d7b2c1e-5f43-4a0e-9a53-6a3b2f0c9d11")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class AcsMailChannel:
    """Sends each message in a request of its own, and does not read its status afterwards: that counts against the
    same small quota. 202 means that the service accepted the mail."""

    endpoint: str
    sender: str
    credential: TokenCredential = field(repr=False)

    def send(self, message: Message, to: Recipient) -> None:
        """Hand the mail to the service.

        Raises:
            AmbiguousWriteError: it may have been accepted; sending it again as it is does no harm.
            RetryableError: it was not accepted now: out of reach, no token, or over the quota.
            PermanentError: the address cannot be one, or the service refuses the mail.
        """
        from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceResponseError
        from azure.core.rest import HttpRequest

        from shared.texts.mail import is_address

        if not is_address(to.email):
            raise PermanentError(
                code="email.address",
                message=f"{to.email!r:.80} is not a mail address",
                hint="correct it in the policy's people or notify section",
            )
        url = f"{self.endpoint}/emails:send?api-version={API_VERSION}"
        request = HttpRequest("POST", url, headers=_headers(message, to), json=_body(message, self.sender, to))
        try:
            response: HttpResponse = self._client.send_request(request)
        except ClientAuthenticationError as exc:
            raise RetryableError("email.sign_in", "no token for Azure Communication Services was issued") from exc
        except ServiceResponseError as exc:
            raise AmbiguousWriteError("email.unclear", f"{self._host} did not answer: {type(exc).__name__}") from exc
        except AzureError as exc:
            raise RetryableError("email.unreachable", f"{self._host} is out of reach: {type(exc).__name__}") from exc
        if not 200 <= response.status_code < 300:
            raise self._refusal(response)

    @property
    def _host(self) -> str:
        return f"Azure Communication Services ({urlsplit(self.endpoint).hostname})"

    @cached_property
    def _client(self) -> PipelineClient[Any, Any]:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy

        # No retries and no redirects: the outbox repeats, and records each attempt before the next.
        policies = [allow_loopback_http(), BearerTokenCredentialPolicy(self.credential, SCOPE)]
        return PipelineClient(
            self.endpoint, policies=policies, connection_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS
        )

    def _refusal(self, response: HttpResponse) -> VigiaError:
        status = response.status_code
        answer = f"{self._host} answered {status}{_reason(response)}"
        if status == 429:
            wait = response.headers.get("Retry-After", "")
            answer += f"; retry after {wait[:20]} s" if wait else ""
            return RetryableError("email.quota", answer, retry_after=wait_in(response.headers))
        # 409: the same request is still under way. After 5xx the mail may have been sent or not.
        if status == 409 or status >= 500:
            return AmbiguousWriteError("email.unclear", answer)
        # 412: first sent more than five minutes ago, which the service no longer remembers.
        if status in {401, 403, 408, 412}:
            hint = "give the app's identity the role Communication and Email Service Owner on it"
            return RetryableError("email.put_off", answer, hint if status in {401, 403} else "")
        return PermanentError("email.refused", answer, "check VIGIA_MAIL_FROM and the recipient's address")


def request_id(message: Message, to: Recipient) -> str:
    """Return the id of one attempt to notify one person: the same when the attempt is repeated.

    After a refusal the next attempt gets another id: the service would repeat its refusal to the same one.
    """
    first_sent = message.first_sent_at.isoformat() if message.first_sent_at else ""
    return str(uuid.uuid5(_REQUESTS, "\n".join((message.key, to.email, first_sent))))


def _headers(message: Message, to: Recipient) -> dict[str, str]:
    if message.first_sent_at is None:
        return {}
    identifier = request_id(message, to)
    return {
        "Operation-Id": identifier,
        "Repeatability-Request-ID": identifier,
        "Repeatability-First-Sent": _fixdate(message.first_sent_at),
    }


def _fixdate(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _body(message: Message, sender: str, to: Recipient) -> dict[str, Any]:
    from shared.texts.mail import html_part, text_part
    from shared.texts.values import plain

    recipient = {"address": to.email}
    if to.name and to.name != to.email:
        recipient["displayName"] = plain(to.name)
    return {
        "senderAddress": sender,
        "content": {"subject": plain(message.title), "plainText": text_part(message), "html": html_part(message)},
        "recipients": {"to": [recipient]},
        "headers": {
            "X-Auto-Response-Suppress": "All",
            "X-Vigia-Kind": message.kind.value,
            "X-Vigia-Key": plain(message.key),
        },
        "userEngagementTrackingDisabled": True,
    }


def _reason(response: HttpResponse) -> str:
    """Return ": code, message" where the answer has them; never more of it than one short line."""
    try:
        error = response.json()["error"]
        text = " ".join(f"{error['code']}, {error['message']}".split())
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {text[:200]}"


def build(settings: Settings) -> AcsMailChannel:
    """Return the channel.

    Raises:
        SettingsError: the endpoint is not an https URL; plain http is for this machine alone.
    """
    endpoint = settings.acs_endpoint
    parts = urlsplit(endpoint)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.username is not None or parts.query or not endpoint.isascii():
        raise SettingsError(
            code="settings.acs_endpoint",
            message=f"VIGIA_ACS_ENDPOINT is not an https URL: {endpoint!r:.100}",
            hint="write the endpoint without keys, e.g. https://acs-vigia.europe.communication.azure.com",
        )
    return AcsMailChannel(endpoint.rstrip("/"), settings.mail_from, credential_for(settings))
