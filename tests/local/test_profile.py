"""The unkindnesses as a whole: named, scaled and changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from local.addresses import Addresses
from local.cloud import build_emulators
from local.cloud_config import CloudConfig
from local.profile import QUICK, UNKIND, Conditions, Profile, ProfileError, profile_named


def test_quick_has_no_unkindness_and_every_one_can_be_turned_off() -> None:
    off = UNKIND.changed(dict.fromkeys(UNKIND.faults(), 0))

    nothing = {**QUICK.faults(), "read_burst": 0, "late_minutes": 0}
    assert off.faults() == nothing


def test_durations_are_minutes_of_azure_and_drawn_by_seed() -> None:
    profile = dataclasses.replace(UNKIND, minute_seconds=0.5)
    drawn = [Conditions(profile).drawn(profile.deployment_minutes) for _ in range(2)]

    assert drawn[0] == drawn[1]
    assert 4.0 <= drawn[0] <= 10.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"earthquake": 1}, "unknown fault 'earthquake'; known: compute_minutes"),
        ({"minute_seconds": 1}, "unknown fault 'minute_seconds'"),
        ({"traffic_minutes": [3, 1]}, r"traffic_minutes must be \[least, most\] in minutes"),
        ({"traffic_minutes": 3}, r"traffic_minutes must be \[least, most\] in minutes"),
        ({"roles_removed": ["everything"]}, "roles_removed must be a list of read, write, logs, metrics"),
        ({"throttled_share": 2}, "throttled_share must be a share from 0 to 1"),
        ({"quota_cores": 1.5}, "quota_cores must be a whole number from 0"),
        ({"wrapped_refusals": "yes"}, "wrapped_refusals must be true or false"),
    ],
)
def test_wrong_faults_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        QUICK.changed(changes)


def test_faults_are_set_as_json_has_them() -> None:
    changed = QUICK.changed({"ingestion_minutes": [1, 2], "roles_removed": ["write"], "wrapped_refusals": True})

    assert changed == Profile(ingestion_minutes=(1, 2), roles_removed=("write",), wrapped_refusals=True)


def test_roles_arrive_minutes_after_they_are_given_and_can_be_taken_away() -> None:
    now = [0.0]
    conditions = Conditions(Profile(minute_seconds=2, roles_after_minutes=10), lambda: now[0])
    assert conditions.lacks("read")

    now[0] = 20.0
    assert not conditions.lacks("read")
    conditions.change({"roles_removed": ["write"]})
    assert [right for right in ("read", "write", "logs") if conditions.lacks(right)] == ["write"]

    conditions.change({"roles_removed": 0, "roles_after_minutes": 1})
    assert conditions.lacks("write")
    now[0] = 22.0
    assert not conditions.lacks("write")


def test_cloud_is_told_the_profile_by_a_word(tmp_path: Path) -> None:
    config = CloudConfig(Addresses.fixed(), tmp_path, profile="unkind")
    config.write(tmp_path / "cloud.json")
    assert profile_named(CloudConfig.read(tmp_path / "cloud.json").profile) is UNKIND

    with pytest.raises(ProfileError, match="there is no profile 'kind'; profiles: quick, unkind"):
        build_emulators(dataclasses.replace(config, profile="kind"), dead_letters=None)  # type: ignore[arg-type]
