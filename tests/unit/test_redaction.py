"""Secrets are recognised in whatever form they come, and what is none stays readable."""

from __future__ import annotations

import logging

import pytest

from shared.errors import RetryableError
from shared.logs import RedactedRecord, fields
from shared.redaction import redacted

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TOKEN = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"DefaultEndpointsProtocol=https;AccountName=st;AccountKey={KEY};X=1", None),
        (f"the key {KEY} was refused", "the key *** was refused"),
        ("GET /vigia/x?se=2026&sig=canary%2Fcanary&sp=r", "GET /vigia/x?se=2026&sig=***&sp=r"),
        ("POST /api/alerts?code=canary==&x=1", "POST /api/alerts?code=***&x=1"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        (f"token {TOKEN} expired", "token *** expired"),
        ("'aeg-sas-key': 'canary'", "'aeg-sas-key': ***"),
        ('{"aeg-sas-token": "r=1&canary"}', None),
        ('{"access_token":"canary","expires_in":3599}', '{"access_token":***,"expires_in":3599}'),
        ("client_secret=canary&grant_type=x", "client_secret=***&grant_type=x"),
        ("Password: canary", "Password: ***"),
        ("SharedKey devstoreaccount1:canarycanary=", "SharedKey ***"),
        (
            "cannot reach https://prod-01.westeurope.logic.azure.com:443/workflows/canary/triggers?x=1",
            "cannot reach https://prod-01.westeurope.logic.azure.com:443/***",
        ),
        ("https://abc.environment.api.powerplatform.com/powerautomate/canary", None),
        ("retrying with token=canary", "retrying with token=***"),
        ('{"token": "canary"}', '{"token": ***}'),
        (
            "pip found https://ana:canary@packages.example.com/simple",
            "pip found https://ana:***@packages.example.com/simple",
        ),
        ("amqps://app:canary%21@broker:5671/v", "amqps://app:***@broker:5671/v"),
        ("query {'sig': 'canary', 'sp': 'r'}", "query {'sig': ***, 'sp': 'r'}"),
        ("query {'sig': ['canary'], 'sp': ['r']}", "query {'sig': [***], 'sp': ['r']}"),
        ("next=https%3A%2F%2Fst%2Fc%3Fse%3D1%26sig%3Dcanary", "next=https%3A%2F%2Fst%2Fc%3Fse%3D1%26sig%3D***"),
        ("sent with ghp_canarycanarycanarycanary0123", "sent with ***"),
        ("sent with github_pat_11canarycanary_canarycanary0", "sent with ***"),
        (
            "POST https://hooks.slack.com/services/T0/B0/canaryAbC0canaryAbC01234 failed",
            "POST https://hooks.slack.com/services/T0/B0/*** failed",
        ),
        (
            "https://discord.com/api/webhooks/123/canaryABC0_canaryABC0-canary/x",
            "https://discord.com/api/webhooks/123/***/x",
        ),
        (
            "InstrumentationKey=canary-0000;IngestionEndpoint=https://x/",
            "InstrumentationKey=***;IngestionEndpoint=https://x/",
        ),
        ("endpoint=https://x.communication.azure.com/;accesskey=canary", None),
        ("Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=canary;EntityPath=q", None),
        ("x.redis.cache.windows.net:6380,password=canary,ssl=True", None),
        ("Server=tcp:x;User ID=ana;Pwd='canary canary'", None),
        ('{"primaryKey": "canary", "secondaryKey": "canary"}', '{"primaryKey": ***, "secondaryKey": ***}'),
        ("Ocp-Apim-Subscription-Key: canary", "Ocp-Apim-Subscription-Key: ***"),
        ("clientSecret=canary; sasToken='canary'; authToken: canary", "clientSecret=***; sasToken=***; authToken: ***"),
        ('{"body": "{\\"password\\": \\"canary\\"}"}', '{"body": "{\\"password\\": \\"***\\"}"}'),
        ("sig%253Dcanary", "sig%253D***"),
        ("https://x/?X-Amz-Signature=canary&x=1", "https://x/?X-Amz-Signature=***&x=1"),
        ("header=Bearer%20canarycanary", "header=Bearer%20***"),
        ("Authorization: ApiKey canary:canary", "Authorization: ***"),
        ("{'Authorization': 'Bearer canarycanary'}", "{'Authorization': 'Bearer ***'}"),
        ("postgres://ana:p@canary@db/x", "postgres://ana:***@db/x"),
        (
            "az storage blob list --sas-token canary --account-name st",
            "az storage blob list --sas-token *** --account-name st",
        ),
        ("https://outlook.office.com/webhook/canary@canary/IncomingWebhook/canary", "https://outlook.office.com/***"),
        ("https://prod-1.usgovvirginia.logic.azure.us/workflows/canary", None),
        ("https://default0.12.environment.api.powerplatform.com:443/powerautomate/canary?sig=canary", None),
        ("hf_canarycanarycanary0123", "***"),
        ("glpat-canarycanarycanary0123 and xoxb-1-canarycanary", "*** and ***"),
        ("the secret abc8Q~canarycanarycanarycanarycanary0123 ", "the secret *** "),
    ],
)
def test_secrets_become_stars(text: str, expected: str | None) -> None:
    clean = redacted(text)
    assert "canary" not in clean
    assert KEY[:20] not in clean
    assert TOKEN[:20] not in clean
    assert "***" in clean
    assert expected is None or clean == expected
    assert redacted(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "event.delayed code=storage.refused reason=storage refused 'models/x': 503",
        "VIGIA_SMTP_PASSWORD is missing: password on the mail server; a secret",
        "check VIGIA_SMTP_USER and VIGIA_SMTP_PASSWORD",
        "signal data-drift: age normalized 0.71 (bound 0.5)",
        "fact 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://ml.azure.com/runs/job-1?wsid=/subscriptions/x",
        "the Basic plan, and a bearer of news",
        "GET https://management.azure.com/subscriptions/0f1e2d3c-0000-4000-8000-0123456789ab/resourceGroups/RG-2026/"
        "providers/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/flight-delay",
        "the continuation token is none; tokens=3; see https://github.com/Azure/x/issues/12 (ana@example.com)",
        "see http://127.0.0.1:8080?mail=ana@example.com and --token-lifetime, --key-vault NAME; 3 tokens: fine",
        "the sign-in asks for Authorization: it is a header",
        "https://outlook.office.com/mail/inbox",
        "https://st.blob.core.windows.net/vigia/facts/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_an_error_of_ours_repeats_no_secret_of_a_service() -> None:
    error = RetryableError("x.y", "it answered: {'aeg-sas-key': 'canary'}", "try again")
    assert "canary" not in str(error) + error.message + repr(error)


def test_a_record_holds_no_secret_in_message_arguments_facts_and_traceback() -> None:
    try:
        raise ValueError("GET https://x/?sig=canary")  # noqa: TRY301
    except ValueError as exc:
        exc_info = (type(exc), exc, exc.__traceback__)
    record = RedactedRecord("x", logging.ERROR, "f.py", 1, "at %s", ("AccountKey=canary",), exc_info)
    record.__dict__.update(fields(reason="Bearer canarycanary"))
    shown = logging.Formatter("%(message)s %(vigia)s").format(record)
    assert "canary" not in shown
    assert "ValueError" in shown
