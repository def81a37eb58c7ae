"""Releases that earlier versions of Vigia stored still load, and still move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.releases.release import Release, ReleaseState
from shared.release.advance import advance
from shared.release.core.observation import EndpointClaim, Observation
from shared.store.codec import decode, encode

GOLDEN = Path(__file__).parents[2] / "golden" / "releases"
STORED = sorted(GOLDEN.glob("*/*.json"))
RELEASES = [file for file in STORED if file.stem != "endpoint"]


def _name(file: Path) -> str:
    return f"{file.parent.name}-{file.stem}"


@pytest.mark.parametrize("file", RELEASES, ids=_name)
def test_a_release_stored_by_an_earlier_version_loads_and_is_stored_again(file: Path) -> None:
    release = decode(Release, file.read_bytes())

    assert file.stem.startswith(release.state)
    assert decode(Release, encode(release)) == release


@pytest.mark.parametrize("file", RELEASES, ids=_name)
def test_a_release_stored_by_an_earlier_version_takes_its_next_step(file: Path) -> None:
    release = decode(Release, file.read_bytes())

    update = advance(release, Observation(), release.wake_at)

    assert update.release.state.is_terminal or update.release.deadline is not None
    assert replace(update.release, plan=release.plan) == update.release


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/endpoint.json")), ids=_name)
def test_what_was_wanted_of_an_endpoint_loads(file: Path) -> None:
    assert decode(EndpointClaim, file.read_bytes()).generation > 0


def test_every_state_that_was_ever_stored_is_covered() -> None:
    covered = {decode(Release, file.read_bytes()).state for file in RELEASES}
    assert set(ReleaseState) - covered <= {ReleaseState.SHADOWING, ReleaseState.COMPARING}
