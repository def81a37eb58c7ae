from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.console.csrf import SECRET_BLOB, is_valid, issue, stored_secret
from shared.errors import RetryableError
from tests.fakes.blobs import MemoryBlobStore

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECRET = b"s" * 32
TOKEN = issue(SECRET, "ana@example.com", "r1", "d1", NOW)


def test_a_token_holds_for_who_and_what_it_was_issued() -> None:
    assert is_valid(TOKEN, SECRET, "ana@example.com", "r1", "d1", NOW + timedelta(hours=23))


@pytest.mark.parametrize(
    ("person", "release", "digest", "secret", "later"),
    [
        pytest.param("ben@example.com", "r1", "d1", SECRET, timedelta(0), id="another_person"),
        pytest.param("ana@example.com", "r2", "d1", SECRET, timedelta(0), id="another_release"),
        pytest.param("ana@example.com", "r1", "d2", SECRET, timedelta(0), id="other_evidence"),
        pytest.param("ana@example.com", "r1", "d1", b"t" * 32, timedelta(0), id="another_secret"),
        pytest.param("ana@example.com", "r1", "d1", SECRET, timedelta(hours=25), id="too_old"),
        pytest.param("ana@example.com", "r1", "d1", SECRET, timedelta(hours=-1), id="from_the_future"),
        pytest.param("ana@example.comr1", "", "d1", SECRET, timedelta(0), id="parts_do_not_run_together"),
    ],
)
def test_and_for_nothing_else(person: str, release: str, digest: str, secret: bytes, later: timedelta) -> None:
    assert not is_valid(TOKEN, secret, person, release, digest, NOW + later)


@pytest.mark.parametrize(
    "token", ["", ".", "1.", "x" * 100, "é.é", "١٢٣.aa", f"0{TOKEN}", TOKEN + "0", "9" * 40 + ".a"]
)
def test_made_up_tokens_are_refused(token: str) -> None:
    assert not is_valid(token, SECRET, "ana@example.com", "r1", "d1", NOW)


def test_every_instance_uses_the_same_random_secret() -> None:
    blobs = MemoryBlobStore()
    assert stored_secret(blobs) == stored_secret(blobs)
    assert stored_secret(blobs) != stored_secret(MemoryBlobStore())


def test_a_damaged_secret_is_refused() -> None:
    blobs = MemoryBlobStore()
    blobs.put(SECRET_BLOB, b"short")
    with pytest.raises(RetryableError, match="delete it"):
        stored_secret(blobs)
