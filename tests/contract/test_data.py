"""WorkspaceData against Azurite: training tables and collected requests, whole, damaged, half-written and missing."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.addresses import Addresses
from shared.adapters.tables.data import WorkspaceData
from shared.domain.ids import DeploymentName, EndpointName
from shared.errors import PermanentError, RetryableError, WorkspaceError
from tests.settings import settings_for

START = datetime(2026, 11, 20, 9, 59, tzinfo=UTC)
ENDPOINT, DEPLOYMENT = EndpointName("churn"), DeploymentName("v-1")
STORE = "azureml://datastores/workspaceblobstore/paths/"
LONG_STORE = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/"


class Catalogue:
    """Knows one data asset, as the workspace would."""

    def data_uri(self, reference: str) -> str:
        if reference != "azureml:customers@latest":
            raise WorkspaceError("workspace.no_data", f"the workspace has no data asset {reference}")
        return LONG_STORE + "customers/1/"


class Store:
    """A container with a reader over it."""

    def __init__(self, addresses: Addresses) -> None:
        self.name = f"data-{uuid.uuid4().hex[:12]}"
        connection = addresses.storage_connection_string
        with BlobServiceClient.from_connection_string(connection) as service:
            service.create_container(self.name)
        self.container = ContainerClient.from_connection_string(connection, self.name)
        settings = settings_for(VIGIA_WORKSPACE_STORAGE=connection, VIGIA_WORKSPACE_CONTAINER=self.name)
        catalogue: Any = Catalogue()
        self.reader = WorkspaceData(settings, catalogue)

    def put(self, path: str, content: bytes) -> None:
        self.container.upload_blob(path, content, overwrite=True)

    def put_table(self, path: str, *ages: int) -> None:
        buffer = io.BytesIO()
        pd.DataFrame({"age": ages}).to_parquet(buffer, index=False)
        self.put(path, buffer.getvalue())

    def ages(self, uri: str) -> list[int]:
        return sorted(self.reader.table(uri)["age"])

    def collected(self, start: datetime = START, minutes: float = 2) -> list[dict[str, Any]]:
        batches = self.reader.collected_batches(ENDPOINT, DEPLOYMENT, start, start + timedelta(minutes=minutes))
        rows = [row for frame in batches for row in frame.to_dict("records")]
        return [{str(name): value for name, value in row.items()} for row in rows]


@pytest.fixture
def store(azurite: Addresses) -> Iterator[Store]:
    made = Store(azurite)
    yield made
    made.container.close()


@pytest.mark.parametrize("uri", [STORE + "one.parquet", LONG_STORE + "one.parquet"], ids=["short", "long"])
def test_a_file_is_read(store: Store, uri: str) -> None:
    store.put_table("one.parquet", 30, 40)
    assert store.ages(uri) == [30, 40]


def test_a_folder_is_all_its_parquet_files_and_nothing_else(store: Store) -> None:
    store.put_table("customers/1/a.parquet", 30)
    store.put_table("customers/1/deep/b.parquet", 40)
    store.put("customers/1/_SUCCESS", b"")
    store.put_table("customers/10/c.parquet", 99)
    store.put_table("customers/1b.parquet", 98)
    for uri in (STORE + "customers/1", STORE + "customers/1/", "azureml:customers@latest"):
        assert store.ages(uri) == [30, 40]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param(STORE + "nothing/", "no parquet file at", id="missing"),
        pytest.param(STORE + "text.parquet", "text.parquet is not a readable parquet file", id="not_parquet"),
        pytest.param(STORE + "cut.parquet", "cut.parquet is not a readable parquet file", id="cut_off"),
        pytest.param(STORE + "empty.parquet", "empty.parquet is not a readable parquet file", id="empty"),
        pytest.param("azureml://datastores/elsewhere/paths/a", "not in the workspace's own datastore", id="elsewhere"),
        pytest.param("azureml://datastores/workspaceblobstore/", "not in the workspace's own datastore", id="no_path"),
        pytest.param("azureml:nobody@latest", "no data asset azureml:nobody@latest", id="unknown_asset"),
    ],
)
def test_a_table_that_cannot_be_read_says_which_and_why(store: Store, uri: str, message: str) -> None:
    store.put("text.parquet", b"age\n30\n")
    store.put_table("whole.parquet", *range(100))
    whole = store.container.download_blob("whole.parquet").readall()
    store.put("cut.parquet", whole[:-20])
    store.put("empty.parquet", b"")
    with pytest.raises(PermanentError, match=message):
        store.reader.table(uri)


def a_record(at: datetime, *ages: int, correlation: str = "") -> bytes:
    record = {"specversion": "1.0", "time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "data": [{"age": a} for a in ages]}
    return json.dumps({**record, "correlationid": correlation} if correlation else record).encode()


def path_of(at: datetime, name: str = "a.jsonl", deployment: str = "v-1") -> str:
    return f"modelDataCollector/churn/{deployment}/model_inputs/{at:%Y/%m/%d/%H}/{name}"


def test_lists_of_classes_and_a_json_file_are_read_beside_the_rows(store: Store) -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"label": [["a"], []], "other": [["b"], []], "age": [1, 2]}).to_parquet(buffer, index=False)
    store.put("azureml/eval/scores/scores.parquet", buffer.getvalue())
    store.put("azureml/eval/scores/metrics.json", b'[{"value": 0.4}]')
    store.put("azureml/eval/scores/damaged.json", b"[")
    uri = STORE + "azureml/eval/scores/"
    table = store.reader.table(uri, ("label",))
    assert (sorted(table.columns), [list(row) for row in table["label"]]) == (["age", "label"], [["a"], []])
    assert store.reader.document(uri + "metrics.json") == [{"value": 0.4}]
    assert store.reader.document(uri + "metric.json") is None
    with pytest.raises(PermanentError, match=r"damaged\.json is no JSON"):
        store.reader.document(uri + "damaged.json")


def test_requests_of_a_window_are_found_across_hours_and_files(store: Store) -> None:
    later = START + timedelta(minutes=1, seconds=30)
    store.put(path_of(START), a_record(START - timedelta(seconds=1), 1) + b"\n" + a_record(START, 2, 3) + b"\n")
    store.put(path_of(later), a_record(later, 4) + b"\n" + a_record(START + timedelta(minutes=2), 5) + b"\n")
    store.put(path_of(later, "b.jsonl"), a_record(later, 6) + b"\n")
    store.put(path_of(later, deployment="v-10"), a_record(later, 7) + b"\n")
    assert sorted(row["age"] for row in store.collected()) == [2, 3, 4, 6]


def test_nothing_collected_is_an_empty_table(store: Store) -> None:
    assert store.collected() == []


def test_probes_say_nothing_about_what_comes_in(store: Store) -> None:
    probe = a_record(START, 2, correlation="vigia-probe-1")
    store.put(path_of(START), a_record(START, 1, correlation="r-1") + b"\n" + probe + b"\n")
    assert [row["age"] for row in store.collected()] == [1]


@pytest.mark.parametrize("stored", [1, 20, -1, -2, -15])
def test_a_last_line_that_is_still_being_written_is_left_for_later(store: Store, stored: int) -> None:
    whole = a_record(START, 2)
    store.put(path_of(START), a_record(START, 1) + b"\n" + whole[:stored])
    assert [row["age"] for row in store.collected()] == [1]


def test_a_last_line_without_a_line_break_counts_when_it_is_whole(store: Store) -> None:
    store.put(path_of(START), a_record(START, 1) + b"\n" + a_record(START, 2))
    assert [row["age"] for row in store.collected()] == [1, 2]


@pytest.mark.parametrize(
    "broken",
    [
        b"{half",
        b"[]",
        b"7",
        b'{"data": [{"age": 1}]}',
        b'{"time": "yesterday", "data": []}',
        b'{"time": "2026-11-20T09:59:00Z"}',
        b'{"time": "2026-11-20T09:59:00", "data": []}',
        b'{"time": "2026-11-20T09:59:00Z", "data": [7]}',
    ],
)
def test_a_damaged_record_is_named_with_its_file_and_line(store: Store, broken: bytes) -> None:
    store.put(path_of(START), a_record(START, 1) + b"\n" + broken + b"\n" + a_record(START, 2) + b"\n")
    with pytest.raises(PermanentError, match=r"model_inputs/2026/11/20/09/a\.jsonl, line 2 is not a collected request"):
        store.collected()


def a_record_of(record_id: str, at: datetime, *ages: int) -> bytes:
    return json.dumps({**json.loads(a_record(at, *ages)), "id": record_id}).encode() + b"\n"


def batches_of(store: Store) -> tuple[list[int], tuple[str, ...]]:
    delay = store.reader.collected_batches(ENDPOINT, DEPLOYMENT, START, START + timedelta(minutes=2))
    ages = [age for frame in delay for age in frame["age"]]
    return sorted(ages), delay.findings


def test_collected_batches_hold_what_the_table_holds(store: Store) -> None:
    later = START + timedelta(minutes=1, seconds=30)
    store.put(path_of(START), a_record_of("a", START, 2, 3) + a_record(START, 1)[:-1])
    store.put(path_of(later), a_record_of("b", later, 4) + a_record_of("c", START + timedelta(minutes=2), 5))
    assert batches_of(store) == ([2, 3, 4], ())


def test_the_bytes_of_a_window_are_those_of_its_hours(store: Store) -> None:
    later = START + timedelta(minutes=1, seconds=30)  # in the next hour
    store.put(path_of(START), b"x" * 700)
    store.put(path_of(START, "more.jsonl"), b"x" * 20)
    store.put(path_of(later), b"x" * 3)
    store.put(path_of(START - timedelta(hours=1)), b"x" * 9000)
    until = [START + timedelta(seconds=30), START + timedelta(minutes=2)]
    assert [store.reader.collected_bytes(ENDPOINT, DEPLOYMENT, START, end) for end in until] == [720, 723]
    assert store.reader.collected_bytes(EndpointName("nobody"), DEPLOYMENT, START, until[0]) == 0


def test_requests_that_were_collected_twice_count_once_and_are_told(store: Store) -> None:
    lines = a_record_of("a", START, 2, 3) + a_record_of("b", START, 4)
    store.put(path_of(START), lines)
    store.put(path_of(START, "copy.jsonl"), lines)
    assert batches_of(store) == ([2, 3, 4], ("2 requests were collected twice: they count once",))
    assert sorted(row["age"] for row in store.collected()) == [2, 3, 4]


def test_a_damaged_record_ends_the_batches_too(store: Store) -> None:
    store.put(path_of(START), a_record(START, 1) + b"\n{half\n")
    with pytest.raises(PermanentError, match=r"a\.jsonl, line 2 is not a collected request"):
        batches_of(store)


def test_halves_of_characters_are_read_as_what_they_are_not(store: Store) -> None:
    line = json.dumps(
        {**json.loads(a_record(START, 1)), "data": [{"\ud800": 1, "name": "x\udfff", "whole": "\U0001f600"}]}
    )
    store.put(path_of(START), line.encode() + b"\n")
    assert store.collected() == [{"?": 1, "name": "x?", "whole": "\U0001f600"}]


def an_answer(request: str, at: datetime, *scores: float) -> bytes:
    record = {"specversion": "1.0", "time": at.isoformat(), "correlationid": request, "id": f"o-{request}"}
    return json.dumps({**record, "data": [{"prediction": score} for score in scores]}).encode() + b"\n"


def test_scored_batches_hold_each_request_with_its_answer(store: Store) -> None:
    later = START + timedelta(minutes=1, seconds=30)  # in the next hour, as is the first request's answer
    just_after = START + timedelta(seconds=61)
    for at, request, ages in (
        (START + timedelta(seconds=59), "r-1", (1, 2)),
        (later, "r-2", (3,)),
        (later, "r-3", (4,)),
    ):
        line = {**json.loads(a_record(at, *ages, correlation=request)), "id": f"i-{request}"}
        store.put(path_of(at, f"{request}.jsonl"), json.dumps(line).encode() + b"\n")
    probe = a_record(later, 5, correlation="vigia-probe-1")
    store.put(path_of(later, "probe.jsonl"), probe + b"\n")
    outputs = (
        an_answer("r-1", just_after, 0.1, 0.2) + an_answer("r-2", later, 0.3) + an_answer("vigia-probe-1", later, 9)
    )
    store.put(path_of(later).replace("model_inputs", "model_outputs"), outputs)
    batches = store.reader.scored_batches(ENDPOINT, DEPLOYMENT, START, START + timedelta(minutes=2))
    whole = store.reader.collected_predictions(ENDPOINT, DEPLOYMENT, START, START + timedelta(minutes=2))
    expected = [(1, 0.1), (2, 0.2), (3, 0.3)]  # r-3 was not answered
    for frames in (list(batches), [whole]):
        assert [tuple(row) for frame in frames for row in frame[["age", "prediction"]].to_numpy()] == expected


def test_files_are_streamed_by_ranges_and_copies_count_once(store: Store) -> None:
    store.put_table("customers/1/a.parquet", *range(100_000))
    store.put_table("customers/1/b.parquet", *range(100_000))
    store.put("customers/1/c.csv", b"age\n7\n\n8.5\n")
    store.put("customers/1/_SUCCESS", b"")
    batches = store.reader.batches(STORE + "customers/1")
    rows = [sum(batch.num_rows for batch in batches) for _ in range(2)]
    assert rows == [100_002, 100_002]
    assert batches.findings == ("customers/1/b.parquet is a copy of customers/1/a.parquet: its rows count once",)


def test_a_text_far_down_among_numbers_is_read_as_what_it_is(store: Store) -> None:
    store.put("a.csv", b"age\n" + b"7\n" * 3_000_000 + b"old\n")
    *numbers, last = store.reader.batches(STORE + "a.csv")
    assert all(number.schema.field("age").type == "double" for number in numbers)
    assert last["age"].iloc[-1] == "old"


def test_no_file_to_stream_is_told(store: Store) -> None:
    with pytest.raises(PermanentError, match="no table at"):
        store.reader.batches(STORE + "nothing")


def test_seven_digits_of_a_second_are_read_as_azure_writes_them(store: Store) -> None:
    store.put(path_of(START), b'{"time": "2026-11-20T09:59:01.1234567Z", "data": [{"age": 1}]}\n')
    assert store.collected() == [{"age": 1}]


def test_storage_that_cannot_be_reached_is_worth_another_try() -> None:
    nowhere = Addresses(1, 1, 1, 1, 1, 1, 1, 1, 1, 1).storage_connection_string
    catalogue: Any = Catalogue()
    reader = WorkspaceData(settings_for(VIGIA_WORKSPACE_STORAGE=nowhere), catalogue)
    with pytest.raises(RetryableError, match="did not list"):
        reader.table(STORE + "one.parquet")


def test_predictions_are_averaged_per_interval(store: Store) -> None:
    def answered(seconds: float, *values: object) -> bytes:
        at = START + timedelta(seconds=seconds)
        record = {"time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "data": [{"prediction": value} for value in values]}
        return json.dumps(record).encode() + b"\n"

    folder = f"modelDataCollector/churn/v-1/model_outputs/{START:%Y/%m/%d/%H}"
    store.put(f"{folder}/a.jsonl", answered(0, 0.2, 0.4) + answered(59, 0.6) + answered(60, "yes", None))
    store.put(f"{folder}/b.jsonl", answered(130, 1) + answered(180, 7))

    end = START + timedelta(minutes=3)
    mean_predictions = store.reader.mean_predictions(
        EndpointName("churn"), DeploymentName("v-1"), START, end, timedelta(minutes=1)
    )

    assert [
        (mean_prediction.start - START, mean_prediction.count, mean_prediction.mean)
        for mean_prediction in mean_predictions
    ] == [
        (timedelta(0), 3, pytest.approx(0.4)),
        (timedelta(minutes=2), 1, 1.0),
    ]
