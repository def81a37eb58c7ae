"""Removes secrets from texts before they are stored, sent or shown."""

from __future__ import annotations

import re

_VALUE = r"[^&;,\s\"'<>\\)}]+"
_NAMES = (
    "AccountKey|SharedAccessKey|SharedAccessSignature|aeg-sas-key|x-functions-key|x-ms-client-principal"
    "|password|passwd|pwd|client_assertion|(?:api|access|primary|secondary|master|subscription)[_-]?key|cookie"
    "|InstrumentationKey|token|secret"
)
# Slack, Discord, Telegram and their like put the secret into the path: a long part of capitals, small letters and
# digits. Azure's own addresses have none: their ids are small hexadecimal digits, their names are words.
_MIXED_WORD = r"(?-i:(?=[\w\-]*[A-Z])(?=[\w\-]*[a-z])(?=[\w\-]*[0-9])[\w\-]{24,})"
_SECRETS = re.compile(
    "|".join(
        (
            # The address of a Teams flow is its own secret.
            r"(?P<flow>https?://[\w.\-]*(?:logic\.azure\.(?:com|us|cn)|powerplatform\.(?:com|us|cn)|powerautomate\.(?:com|us|cn)"
            r"|webhook\.office(?:365)?\.com|outlook\.office(?:365)?\.com(?=(?::\d+)?/webhook))(?::\d+)?)/[^\s\"'<>]*",
            r"(?P<token>\b(?:Bearer|Basic|SharedKey|SharedAccessSignature)(?:\s|%20|\+)+)[\w.\-+/=:~%&]{8,}",
            r"(?P<header>\bAuthorization[\"']?\s*[:=]\s*+[\"']?+)(?!(?:Bearer|Basic|SharedKey)\b)"
            r"(?:[\w\-]+ +)?[^\s\"'*,;]{8,}",
            r"(?P<flag>(?<![\w-])--[\w\-]*(?:password|token|secret|sas|key)[ =]+)(?![*-])[^\s\"']+",
            # `code=` in an address is a function's key; in our log lines it is the code of an error.
            rf"(?P<query>(?<![A-Za-z])(?:sig|[?&][\w\-]*signature)(?:=|%(?:25)*3D)|(?:[?&]|%3F|%26)code(?:=|%3D)){_VALUE}",
            # A shared access signature that was parsed already: {'sig': ['...']}.
            r"(?P<parsed>[\"']sig[\"']\s*:\s*\[?\s*)(?:\"[^\"\n]*\"?|'[^'\n]*'?)",
            # https://user:password@host; the name alone is no secret.
            r"(?P<user>\b[a-z][a-z0-9+.\-]*://[^\s/:@\"'<>]*:)[^\s/?#\"'<>]+(?=@)",
            rf"(?P<path>https?://[^\s?#\"'<>]*?/){_MIXED_WORD}",
            # Tokens whose kind is in their first letters (GitHub, GitLab, Hugging Face, Slack, OpenAI, AWS), and
            # the secrets of Entra ID's applications, which have theirs in the middle.
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w\-]{20,}|hf_[A-Za-z0-9]{20,}"
            r"|xox[abeprs]-[\w\-]{10,}|sk-[\w\-]{20,}|AKIA[0-9A-Z]{16}|AIza[\w\-]{35})",
            r"(?-i:[\w.~\-]{3}\dQ~[\w.~\-]{31,34})",
            rf"(?P<named>(?:{_NAMES})(?:\\*[\"'])?\s*[=:]\s*(?:\\+[\"'])?)(?:\"[^\"\n]*\"?|'[^'\n]*'?|{_VALUE})",
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
    prefixes = ("token", "header", "flag", "query", "parsed", "user", "path", "named")
    return next((match[name] for name in prefixes if match[name]), "") + "***"
