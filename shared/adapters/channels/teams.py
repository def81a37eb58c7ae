"""Microsoft Teams, by the webhook of a Workflows flow that posts cards."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from shared.adapters.channels import ChannelSpec
from shared.adapters.patience import wait_in
from shared.errors import PermanentError, RetryableError, SettingsError
from shared.ports.channels import Channel, Message, Recipient
from shared.settings import Settings

log = logging.getLogger("vigia.teams")

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TRY_AGAIN = {408, 425, 429}
_MEANING = {
    401: "the URL is cut off, or the flow wants a sign-in",
    403: "the flow's data policy refuses the call",
    404: "the flow was deleted, or its URL was regenerated",
    413: "the card is too large",
}


@dataclass(frozen=True, slots=True)
class TeamsChannel:
    """Posts one card per message. The URL is the secret: it appears in no message, log or repr."""

    url: str = field(repr=False)
    timeout_seconds: float = 15.0

    def send(self, message: Message, to: Recipient) -> None:
        """Post the card. 202 means that the flow was started, not that Teams shows the card.

        Raises:
            RetryableError: the service is out of reach, busy or broken.
            PermanentError: it refused the card or the URL.
        """
        from shared.texts.card import webhook_body

        status, wait = self._post(webhook_body(message, to))
        if 200 <= status < 300:
            return
        meaning = _MEANING.get(status, "see the flow's run history")
        if status in _TRY_AGAIN or status >= 500:
            raise RetryableError("teams.busy", f"the Teams webhook answered {status}", retry_after=wait)
        raise PermanentError(
            code="teams.refused",
            message=f"the Teams webhook answered {status}: {meaning}",
            hint="put the flow's URL into VIGIA_TEAMS_WEBHOOK",
        )

    def _post(self, body: bytes) -> tuple[int, timedelta | None]:
        """Return the status, and the wait that the service requests.

        Redirects are answers, not followed: they would carry the card elsewhere.

        Raises:
            RetryableError: the webhook is out of reach.
        """
        import http.client

        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout_seconds)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target or "/", body, {"Content-Type": "application/json", "User-Agent": "vigia"})
            response = connection.getresponse()
            response.read(65536)
        except (OSError, http.client.HTTPException) as exc:
            raise RetryableError(
                code="teams.unreachable", message=f"the Teams webhook is out of reach: {type(exc).__name__}"
            ) from exc
        else:
            return response.status, wait_in(response.headers)
        finally:
            connection.close()


def build(settings: Settings) -> Channel | None:
    """Return the channel, or None without a webhook.

    Raises:
        SettingsError: the webhook is not an https URL; plain http is for this machine alone.
    """
    url = settings.teams_webhook
    if not url:
        return None
    problem = _problem(url)
    if problem:
        raise SettingsError(
            code="settings.teams_webhook",
            message=f"VIGIA_TEAMS_WEBHOOK {problem}",
            hint="copy the URL of the flow's trigger 'When a Teams webhook request is received'",
        )
    return TeamsChannel(url)


def _problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises when it is not a number)
    except ValueError:
        return "is not a URL"
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a URL"
    if parts.username is not None:
        return "must not hold a user name or password"
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return ""
    return "must begin with https://"


SPEC = ChannelSpec("teams", build)
