from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.assets import asset_reference, datastore_path, datastore_uri, pinned, split_reference

names = st.text("abcDEF0189-_.", min_size=1, max_size=12)
paths = st.text(max_size=40)
WORKSPACE = "azureml://subscriptions/s/resourcegroups/g/workspaces/w"


@given(paths)
def test_a_place_in_the_datastore_reads_as_it_was_written(path: str) -> None:
    assert datastore_path(datastore_uri(path)) == path


@given(paths)
def test_the_long_form_names_the_same_place(path: str) -> None:
    assert datastore_path(f"{WORKSPACE}/datastores/workspaceblobstore/paths/{path}") == path


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("azureml://datastores/other/paths/a.csv", id="another_datastore"),
        pytest.param(f"{WORKSPACE}/datastores/other/paths/a.csv", id="another_datastore_in_long_form"),
        pytest.param("azureml://datastores/workspaceblobstore", id="no_path"),
        pytest.param("azureml://datastores/other/paths/datastores/workspaceblobstore/paths/a", id="its_name_in_a_path"),
        pytest.param("https://account.blob.core.windows.net/workspaceblobstore/paths/a.csv", id="a_blob"),
        pytest.param("azureml:flights:3", id="an_asset"),
    ],
)
def test_another_place_has_no_path_in_the_datastore(uri: str) -> None:
    assert datastore_path(uri) is None


@given(names, names)
def test_a_reference_reads_as_it_was_written(name: str, version: str) -> None:
    reference = asset_reference(name, version)
    assert split_reference(reference) == (name, version)
    assert pinned(reference) == reference
    assert pinned(f"{WORKSPACE}/data/{name}/versions/{version}") == reference


def test_the_latest_version_has_no_number() -> None:
    assert split_reference("azureml:flights@latest") == ("flights", None)
