"""The subscription list: the project's own is read, and a wrong one refused with place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.eventgrid import SubscriptionError, load_subscriptions
from local.eventgrid.subscription import AdvancedFilter, Retry, Subscription

GOOD = "name: a, topic: workspace, function: f, schema: event-grid, types: [T]"


def load(tmp_path: Path, *entries: str) -> list[Subscription]:
    path = tmp_path / "subscriptions.yaml"
    path.write_text("subscriptions:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries))
    return load_subscriptions(path)


def test_projects_own_list_uses_both_topics_and_both_schemas() -> None:
    subscriptions = load_subscriptions(Path(__file__).parents[3] / "infra" / "subscriptions.yaml")
    assert {(subscription.topic, subscription.schema) for subscription in subscriptions} == {
        ("workspace", "event-grid"),
        ("workspace", "cloud-events"),
        ("custom", "cloud-events"),
    }


@pytest.mark.parametrize("topic", ["storage", "registry", "policy"])
def test_entry_over_a_source_that_is_not_here_is_checked_and_left_out(tmp_path: Path, topic: str) -> None:
    assert load(tmp_path, GOOD, GOOD.replace("workspace", topic)) == load(tmp_path, GOOD)
    with pytest.raises(SubscriptionError, match="`types` must list"):
        load(tmp_path, GOOD.replace("workspace", topic).replace("[T]", "[]"))


def test_optional_parts_are_read(tmp_path: Path) -> None:
    [subscription] = load(
        tmp_path,
        f"{GOOD}, delivery: function, subject_begins_with: models/, retry: {{max_attempts: 5}}, "
        "advanced_filters: [{operator: NumberInRange, key: data.n, values: [[1, 2]]}]",
    )
    assert subscription == Subscription(
        name="a",
        topic="workspace",
        function="f",
        schema="event-grid",
        types=("T",),
        delivery="function",
        subject_begins_with="models/",
        advanced_filters=(AdvancedFilter("NumberInRange", "data.n", ((1, 2),)),),
        retry=Retry(5, 1440),
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(f"{GOOD}, colour: red", "subscription 'a': unknown key 'colour'", id="unknown_key"),
        pytest.param(f"{GOOD}, delivery: webhook", "`delivery` must be queue or function", id="delivery"),
        pytest.param(GOOD.replace("[T]", "[]"), "`types` must list", id="no_types"),
        pytest.param(GOOD.replace("workspace", "both"), "`topic` must be workspace or custom", id="topic"),
        pytest.param(GOOD.replace("name: a, ", ""), "number 1: `name` must be a text", id="no_name"),
        pytest.param(GOOD.replace("workspace", "custom"), "write `schema: cloud-events`", id="conversion"),
        pytest.param(f"{GOOD}, retry: {{max_attempts: 31}}", "from 1 to 30, found 31", id="attempts"),
        pytest.param(f"{GOOD}, retry: {{ttl_minutes: 0}}", "from 1 to 1440, found 0", id="ttl"),
        pytest.param(f"{GOOD}, name: b", "'name' is given twice", id="double_key"),
    ],
)
def test_wrong_entry_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(SubscriptionError, match=message):
        load(tmp_path, entry)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        pytest.param("operator: StringLike, key: k, values: [x]", "`operator` must be BoolEquals or", id="operator"),
        pytest.param("operator: StringIn, key: k", "at least one value", id="no_values"),
        pytest.param("operator: StringIn, key: k, values: [1]", "needs texts", id="text"),
        pytest.param("operator: NumberIn, key: k, values: [true]", "needs numbers", id="number"),
        pytest.param("operator: NumberLessThan, key: k, values: [1, 2]", "takes one value", id="one_value"),
        pytest.param("operator: NumberInRange, key: k, values: [[2, 1]]", "needs pairs", id="range"),
        pytest.param("operator: BoolEquals, key: k, values: [1]", "true or false", id="bool"),
        pytest.param("operator: IsNotNull, key: k, values: [1]", "takes no values", id="null"),
        pytest.param(f"operator: StringIn, key: k, values: [{'x' * 513}]", "at most 512", id="length"),
        pytest.param(f"operator: NumberIn, key: k, values: {list(range(26))}", "26 values", id="too_many"),
    ],
)
def test_wrong_advanced_filter_is_refused(tmp_path: Path, condition: str, message: str) -> None:
    with pytest.raises(SubscriptionError, match=message):
        load(tmp_path, f"{GOOD}, advanced_filters: [{{{condition}}}]")


def test_name_may_be_used_once_per_topic(tmp_path: Path) -> None:
    with pytest.raises(SubscriptionError, match="'A' is used twice on topic 'workspace'"):
        load(tmp_path, GOOD, GOOD.replace("name: a", "name: A"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected one key `subscriptions`"),
        ("subscriptions: []", "at least one entry"),
        ("subscriptions: [", "not readable as YAML"),
        ("subscriptions: [x]", "expected a mapping, found 'x'"),
    ],
)
def test_broken_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "subscriptions.yaml"
    path.write_text(content)
    with pytest.raises(SubscriptionError, match=message):
        load_subscriptions(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubscriptionError, match=r"nowhere\.yaml: can't be read"):
        load_subscriptions(tmp_path / "nowhere.yaml")
