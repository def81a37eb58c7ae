"""A person who signs in and decides on the approval page, as a browser would."""

from __future__ import annotations

import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar

from local.addresses import ANSWER_SECONDS


class Browser:
    """Keeps cookies and follows redirects, like the browser of the person `email`."""

    def __init__(self, base_url: str, email: str) -> None:
        self._base = base_url
        self._email = email
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def sign_in(self) -> None:
        self._post("/.auth/login/aad", {"user": self._email, "post_login_redirect_uri": "/api/approvals"})

    def decide(self, path: str, choice: str, reason: str) -> str:
        """Fill in the form on the approval page and send it; return the page that answers.

        Raises:
            ValueError: the page has no form: there is nothing to decide for this person.
        """
        form = Form(self._get(path))
        if "token" not in form.hidden:
            raise ValueError(f"{self._base}{path} shows no form to {self._email}")
        return self._post(path, {**form.hidden, "choice": choice, "reason": reason})

    def _get(self, path: str) -> str:
        with self._opener.open(self._base + path, timeout=ANSWER_SECONDS) as answer:
            return str(answer.read().decode())

    def _post(self, path: str, values: dict[str, str]) -> str:
        body = urllib.parse.urlencode(values).encode()
        with self._opener.open(self._base + path, data=body, timeout=ANSWER_SECONDS) as answer:
            return str(answer.read().decode())


class Form(HTMLParser):
    """The hidden fields of a page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("type") == "hidden" and values.get("name"):
            self.hidden[str(values["name"])] = values.get("value") or ""
