from __future__ import annotations

import base64
import json

import pytest

from shared.console.principal import parse_principal


def _header(*claims: tuple[str, str], **more: str) -> str:
    document = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims], **more}
    return base64.b64encode(json.dumps(document).encode()).decode()


def test_a_person_with_their_roles() -> None:
    principal = parse_principal(
        _header(("name", "Ana"), ("preferred_username", "Ana@Example.com"), ("roles", "Approver"), ("roles", "Reader"))
    )
    assert principal is not None
    assert principal.email == "ana@example.com"
    assert principal.roles == {"Approver", "Reader"}
    assert principal.may_decide


def test_roles_under_the_type_that_the_header_names() -> None:
    principal = parse_principal(_header(("preferred_username", "a@b.c"), ("urn:role", "Admin"), role_typ="urn:role"))
    assert principal is not None
    assert principal.may_decide


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param([("preferred_username", "a@b.c"), ("roles", "Reader")], id="another_role"),
        pytest.param([("preferred_username", "a@b.c"), ("groups", "Approver")], id="a_group_is_no_role"),
        pytest.param([("azp", "client"), ("roles", "Approver")], id="an_application_is_no_person"),
        pytest.param([], id="nothing"),
    ],
)
def test_who_may_not_decide(claims: list[tuple[str, str]]) -> None:
    principal = parse_principal(_header(*claims))
    assert principal is not None
    assert not principal.may_decide


def test_an_application() -> None:
    principal = parse_principal(_header(("appid", "00000000-0000-0000-0000-00000000000a")))
    assert principal is not None
    assert principal.application == "00000000-0000-0000-0000-00000000000a"
    assert principal.email == ""


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not base64!",
        base64.b64encode(b"not json").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"claims": 7}').decode(),
        base64.b64encode(b'{"claims": [{"typ": "x"}]}').decode(),
        base64.b64encode(b'{"claims": ["x"]}').decode(),
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda header: header[:20],
)
def test_what_the_platform_does_not_write_is_nobody(header: str) -> None:
    assert parse_principal(header) is None
