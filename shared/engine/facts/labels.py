"""Chooses what people should label from the rows that were served, writes it down where they find it, and makes data
assets of what they answer. Everything lies below labelling/MODEL/: see docs/reference/storage.md."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.domain.assets import datastore_uri
from shared.domain.ids import ModelName
from shared.errors import PermanentError
from shared.ports.blobs import BlobStore
from shared.ports.data import DataReader
from shared.ports.labels import LabelManifest, LabelRequest, LabelsRead, LabelTask
from shared.ports.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

# AutoML reads the lines by it; their name is one that our readers of tables do not take.
# Source: learn.microsoft.com, reference-automl-images-schema, read 2026-11-30.
_MLTABLE = """\
paths: [{file: ./train.jsonlines}]
transformations:
  - read_json_lines: {encoding: utf8, invalid_lines: error, include_path_column: false}
  - convert_column_types: [{columns: image_url, column_type: stream_info}]
"""


@dataclass(frozen=True)
class Labels:
    """The LabelDesk port over collected requests and the container behind datastore `workspaceblobstore`."""

    workspace: Workspace
    data: DataReader
    files: BlobStore

    def request(self, request: LabelRequest) -> LabelManifest:
        """Return the manifest of the request, made from what was served when there is none yet.

        Raises:
            PermanentError: the endpoint serves nothing, or the rows lack what the policy chooses by.
            RetryableError: a service does not answer.
        """
        from shared.drift.signals.labelling import choose, manifest

        path = f"labelling/{request.model}/{request.name}.jsonl"
        if stored := self.files.get(path):
            return LabelManifest(datastore_uri(path), stored.body.count(b"\n"))
        endpoint = self.workspace.endpoint(request.endpoint)
        serving = endpoint.serving if endpoint else None
        if serving is None:
            raise PermanentError("labels.no_endpoint", f"endpoint {request.endpoint} serves nothing to choose from")
        rows = self.data.collected_predictions(request.endpoint, serving, request.start, request.end)
        if rows.empty:
            return LabelManifest("", 0)
        try:
            chosen = choose(rows, request.task, request.embedding, request.most)
        except ValueError as exc:
            raise PermanentError("labels.nothing_to_choose_by", str(exc), "fix the policy's section labelling") from exc
        body = manifest(chosen, request.task)
        # Somebody else may have written it meanwhile: the first one stands, people may be at work on it.
        if self.files.create(path, body) is None:
            return self.request(request)
        return LabelManifest(datastore_uri(path), len(chosen))

    def requested(self, model: ModelName, task: LabelTask) -> dict[str, tuple[str, str]]:
        """Return the item and the manifest's name for the key of each row that was ever asked about."""
        folder, rows = f"labelling/{model}/", dict[str, tuple[str, str]]()
        for stored in self.files.list(folder):
            name, dot, ending = stored.name.removeprefix(folder).partition(".jsonl")
            if dot and not ending and "/" not in name and (blob := self.files.get(stored.name)):
                lines = [line for line in map(json.loads, blob.body.splitlines()) if task.item in line]
                # Manifests of earlier versions of Vigia name no row but by its item.
                rows |= {str(line.get(task.key, line[task.item])): (line[task.item], name) for line in lines}
        return rows

    def read(self, model: ModelName, file: str, task: LabelTask, data: str) -> LabelsRead:
        """Return what the file came to. A version holds the labels of all files of its task so far, each row's newest.

        Raises:
            PermanentError: there is no such file, or it cannot be used.
            RetryableError: a service does not answer.
        """
        blob, record = self.files.get(file), self.files.get(path := f"labelling/{model}/versions.json")
        if blob is None:
            raise PermanentError("labels.no_answers", f"there is no file {file} any more", "write it again")
        digest, versions = hashlib.sha256(blob.body).hexdigest()[:8], json.loads(record.body) if record else []
        made = next((version for version in versions if version["digest"] == digest), None)
        if made is None:
            made = {"digest": digest, "file": file} | self._write(model, blob.body, digest, task, versions)
            body = json.dumps([*versions, made], indent=1).encode()
            # The record is first, so that whoever continues after a crash registers the version that it names.
            if not (self.files.replace(path, body, record.etag) if record else self.files.create(path, body)):
                return self.read(model, file, task, data)
        tags = {"vigia.model": model, "vigia.answers": file, "vigia.manifests": ", ".join(made["manifests"])}
        folder = datastore_uri(_folder(model, made["version"]))
        self.workspace.register_data(data, made["version"], folder, tags)
        return LabelsRead(made["version"], made["labels"], made["rows"], tuple(made["remarks"]))

    def _write(
        self, model: ModelName, content: bytes, digest: str, task: LabelTask, versions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Write the files of the next version, and return what its record says."""
        import pandas as pd

        from shared.drift.signals.answers import read_answers

        items = self.requested(model, task)
        try:
            answers = read_answers(content, {key: item for key, (item, _) in items.items()}, task)
        except ValueError as exc:
            hint = "correct the file and write it again; `vigia labels import` converts what tools export"
            raise PermanentError("labels.unusable_answers", str(exc), hint) from exc
        rows = [
            {task.key: key, "label": _cell(label, task), "item": items[key][0], "asked_by": items[key][1]}
            | {"annotators": ", ".join(answers.annotators[key])}
            for key, label in answers.labels.items()
        ]
        table = pd.DataFrame(rows)
        same = [version["version"] for version in versions if version["task"] == [task.kind, task.key]]
        if same and (earlier := self.files.get(f"{_folder(model, same[-1])}/labels.parquet")):
            previous = pd.read_parquet(io.BytesIO(earlier.body))
            table = pd.concat([previous[~previous[task.key].isin(table[task.key])], table], ignore_index=True)
        version = f"{len(versions) + 1}-{digest}"
        for name, body in _files(table, task):
            self.files.put(f"{_folder(model, version)}/{name}", body)
        manifests = sorted({row["asked_by"] for row in rows})
        counts = {"version": version, "labels": len(rows), "rows": len(table), "task": [task.kind, task.key]}
        return {**counts, "manifests": manifests, "remarks": answers.remarks}


def _folder(model: ModelName, version: str) -> str:
    return f"labelling/{model}/labels/{version}"


def _cell(label: Any, task: LabelTask) -> Any:
    """Return a label as tables have it: boxes and spans as JSON, which columns of text hold."""
    return json.dumps(label) if task.kind in ("boxes", "spans") else label


def _files(table: pd.DataFrame, task: LabelTask) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a version: the table that monitors and evaluations read and, of images, AutoML's lines."""
    yield "labels.parquet", table.to_parquet(index=False)
    if task.is_image:
        labels = [json.loads(label) if task.kind == "boxes" else label for label in table["label"]]
        pairs = zip(table["item"], labels, strict=True)
        lines = (
            json.dumps({"image_url": item, "label": label}, default=list, ensure_ascii=False) for item, label in pairs
        )
        yield "train.jsonlines", "".join(f"{line}\n" for line in lines).encode()
        yield "MLTable", _MLTABLE.encode()
