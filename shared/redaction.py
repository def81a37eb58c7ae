"""Secrets out of texts, before anybody reads, stores or sends them."""

from __future__ import annotations

import re

_VALUE = r"[^&;,\s\"'<>\\)}]+"
_NAMES = (
    "AccountKey|SharedAccessKey|SharedAccessSignature|aeg-sas-key|aeg-sas-token|x-functions-key|x-ms-client-principal"
    "|password|passwd|pwd|client_secret|client_assertion|access_token|refresh_token|id_token|api[_-]?key|cookie"
)
_SECRETS = re.compile(
    "|".join(
        (
            # The address of a Teams flow is its own secret.
            r"(?P<flow>https?://[\w.\-]*(?:logic\.azure\.com|powerplatform\.com|powerautomate\.com"
            r"|webhook\.office\.com)(?::\d+)?)/[^\s\"'<>]*",
            r"(?P<token>\b(?:Bearer|Basic|SharedKey|SharedAccessSignature)\s+)[\w.\-+/=:~%&]{8,}",
            # `code=` in an address is a function's key; in our log lines it is the code of an error.
            rf"(?P<query>\bsig=|[?&]code=){_VALUE}",
            rf"(?P<named>(?:{_NAMES})[\"']?\s*[=:]\s*)(?:\"[^\"\n]*\"?|'[^'\n]*'?|{_VALUE})",
            # A JSON Web Token, and the key of a storage account, wherever they stand.
            r"\beyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*",
            r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==",
        )
    ),
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Return the text with stars in the place of keys, tokens, signatures, passwords and webhook addresses."""
    return _SECRETS.sub(_without_secret, text)


def _without_secret(match: re.Match[str]) -> str:
    if match["flow"]:
        return f"{match['flow']}/***"
    return (match["token"] or match["query"] or match["named"] or "") + "***"
