"""Names and addresses that are something else by the time they are used."""

from __future__ import annotations

import azure.functions as func
import pytest

from functions.sign_in import _sign_in_url
from local.addresses import Addresses
from shared.adapters.storage.blobs import AzureBlobStore
from shared.domain.ids import ReleaseId
from shared.errors import PermanentError
from shared.store.releases.approvals import ApprovalRecords
from tests.fakes.blobs import MemoryBlobStore
from tests.settings import settings_for

CLIMBING = ["../secrets/csrf", "a/../../x", "..", ".", "a/./b", "..\\secrets\\csrf", "a\\..\\b"]
UNPRINTABLE = ["a\0b", "a\r\nX-Evil: 1", "a\nb", "\x1b[31m", "a\u202eb", "a\u2028b", "\ud800"]
ODD = ["", "/", "/etc/passwd", "%2e%2e/secrets", "a b", "a?comp=list", "a#b", "x" * 2000, "é", "https://evil.example/x"]


@pytest.mark.parametrize("name", [*CLIMBING, *UNPRINTABLE, *ODD])
def test_no_question_has_such_a_name(name: str) -> None:
    records = ApprovalRecords(MemoryBlobStore())
    with pytest.raises(PermanentError, match="cannot name a question"):
        records.newest_request(ReleaseId(name))
    with pytest.raises(PermanentError, match="cannot name a question"):
        records.decision(ReleaseId("r"), name)


@pytest.mark.parametrize("name", [*CLIMBING, *UNPRINTABLE, "x" * 2000])
def test_no_blob_has_such_a_name(azurite: Addresses, name: str) -> None:
    store = AzureBlobStore(
        settings_for(AzureWebJobsStorage=azurite.storage_connection_string), container="corpus-names"
    )
    for work in (
        lambda: store.get(f"models/{name}"),
        lambda: store.create(f"models/{name}", b""),
        lambda: store.put(f"models/{name}", b""),
        lambda: store.delete(f"models/{name}"),
    ):
        with pytest.raises(PermanentError, match="cannot be the name of a blob"):
            work()


@pytest.mark.parametrize(
    "url",
    [
        "https://vigia.example/api/approvals/x?next=https://evil.example",
        "https://vigia.example/api/approvals/x#https://evil.example",
        "https://evil.example/api/approvals/x",
        "https://vigia.example@evil.example/api/approvals/x",
        "https://vigia.example/api/approvals/https://evil.example",
        "https://vigia.example/api/approvals/%0d%0aSet-Cookie:%20x=1",
        "https://vigia.example//evil.example/api/approvals",
        "https://vigia.example/\\evil.example",
        "https://vigia.example/%2f%2fevil.example",
        "javascript:alert(1)",
    ],
)
def test_sign_in_leads_back_here_and_nowhere_else(url: str) -> None:
    request = func.HttpRequest("GET", url, body=b"")
    there = _sign_in_url(request)
    path, _, back = there.partition("?post_login_redirect_uri=")
    assert path == "/.auth/login/aad"
    assert back.startswith("%2F") or not back
    # Two slashes, or a slash and a backslash, begin the name of another host.
    assert not back.startswith(("%2F%2F", "%2F%5C"))
    assert back.isprintable()
    assert not set(back) & set(":/\\?#&\r\n")
