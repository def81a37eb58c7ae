"""One record that is damaged is set aside and told; everything else goes on."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.releases.release import ReleaseState
from shared.store.releases.releases import ReleaseStore
from tests.unit.engine.release_world import ENDPOINT, World


def damage(world: World, name: str) -> None:
    world.blobs.put(name, b"{", {"state": "canary", "wake": world.clock.now().isoformat(), "settled": "no"})


def test_a_release_whose_record_cannot_be_read_is_told_once_a_day_and_fails_no_message() -> None:
    world = World()
    release = world.open()
    damage(world, f"releases/{release}.json")

    for _ in range(3):
        world.reconciler.handle(f'{{"release": "{release}"}}')

    (notice,) = world.outbox.notices.values()
    assert (notice.kind, notice.parameters["part"]) == ("not-running", f"release {release}")
    assert "a stored Release cannot be read" in notice.parameters["reason"]


def test_a_record_that_was_mended_goes_on() -> None:
    world = World()
    release = world.open()
    whole = world.blobs.get(f"releases/{release}.json")
    assert whole is not None
    damage(world, f"releases/{release}.json")
    world.sweep()
    world.run(longest=timedelta(minutes=1))
    world.blobs.put(f"releases/{release}.json", whole.body)  # whoever repairs it may forget its metadata

    world.sweep()
    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


def test_another_release_of_the_model_goes_on_beside_a_damaged_record() -> None:
    world = World()
    damage(world, "releases/flight-delay-9.json")
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    world.sweep()


def test_an_endpoint_whose_owner_cannot_be_read_is_still_its_own() -> None:
    world = World()
    owner = world.open()
    world.run(until=lambda: world.release(owner).phase == "baking")
    damage(world, f"releases/{owner}.json")
    waiting = world.open("3")

    world.run(longest=timedelta(hours=2))

    assert world.release(waiting).state is ReleaseState.OPENED
    assert world.endpoints.read(ENDPOINT).owner == owner
    assert world.traffic == {"v-1": 90, "v-2": 10}
    assert world.desk.active_on(ENDPOINT) is None


def test_a_listing_reads_what_has_no_metadata() -> None:
    world = World()
    release = world.open()
    whole = world.blobs.get(f"releases/{release}.json")
    assert whole is not None
    world.blobs.put(f"releases/{release}.json", whole.body)
    world.blobs.put("releases/nonsense.json", b"?")

    items = {item.id: (item.state, item.is_settled) for item in ReleaseStore(world.blobs).items()}

    assert items == {release: ("opened", False), "nonsense": ("unreadable", False)}


def test_a_damaged_endpoint_record_is_told() -> None:
    world = World()
    world.blobs.put(f"endpoints/{ENDPOINT}.json", b"{")

    world.keeper.run()

    (notice,) = world.outbox.notices.values()
    assert (notice.kind, notice.parameters["part"]) == ("not-running", f"endpoint {ENDPOINT}")
