"""What a job is given and what it registers, checked by what its component or its definition declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.assets import asset_reference, pinned, split_reference
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest

_LITERALS = {
    "string": re.compile(r"(?s).*"),
    "number": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    "integer": re.compile(r"[-+]?[0-9]+"),
    "boolean": re.compile(r"(?i)true|false"),
}
MODEL_TYPES = {"custom_model", "mlflow_model", "triton_model"}


def checked_inputs(
    ml: Any, owner: str, kinds: Mapping[str, str], given: Mapping[str, str], is_spark: bool = False
) -> dict[str, Any]:
    """Return what was given to a component or a job: literals as text, assets pinned to their version.

    Args:
        owner: what takes the inputs, for messages.
        kinds: the type of each input that it declares.

    Raises:
        WorkspaceError: it has no such input, or of another type.
    """
    _require_declared("input", owner, given, kinds)
    wrong = [
        f"{name} is not {kinds[name]}: {value!r}" for name, value in given.items() if not _fits(kinds[name], value)
    ]
    if wrong:
        raise WorkspaceError(
            code="workspace.wrong_input",
            message=f"{owner} cannot take its inputs: {'; '.join(wrong)}",
            hint="write what it declares",
        )
    return {name: _input(ml, kinds[name], value, is_spark) for name, value in given.items()}


def plain(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return each input as a recipe has it: a literal, or the version that was pinned."""
    return {name: value if isinstance(value, str) else pinned(value.path) for name, value in inputs.items()}


def require_outputs(owner: str, kinds: Mapping[str, str], request: JobRequest) -> None:
    """Check that the outputs exist that the request names, and that those to register as a model hold one.

    Raises:
        WorkspaceError: one does not.
    """
    _require_declared("output", owner, {*request.registers, *request.outputs}, kinds)
    for name in request.registers:
        if kinds[name] not in MODEL_TYPES:
            raise WorkspaceError(
                code="workspace.wrong_output",
                message=f"{owner}: its output {name} is of type {kinds[name]} and would not become a model",
                hint=f"declare it as one of {', '.join(sorted(MODEL_TYPES))}",
            )


def _require_declared(kind: str, owner: str, named: Iterable[str], declared: Mapping[str, str]) -> None:
    unknown = sorted(set(named) - set(declared))
    if unknown:
        raise WorkspaceError(
            code=f"workspace.unknown_{kind}",
            message=f"{owner} has no {kind} {', '.join(unknown)}",
            hint=f"it has {', '.join(declared)}",
        )


def _fits(kind: str, value: str) -> bool:
    """Return whether a literal is of its kind; only Azure ML can say it of an asset."""
    return kind not in _LITERALS or _LITERALS[kind].fullmatch(value) is not None


def _input(ml: Any, kind: str, value: str, is_spark: bool) -> Any:
    """Return a literal, or an asset pinned to its version, so that the job's record says what it read."""
    from azure.ai.ml import Input

    if kind in _LITERALS:
        return value
    if value.startswith("azureml:") and value.endswith("@latest"):
        name, _ = split_reference(value)
        asset = (ml.models if kind in MODEL_TYPES else ml.data).get(name, label="latest")
        value = asset_reference(asset.name, asset.version)
    # Spark reads storage itself; nothing is mounted for it.
    return Input(type=kind, path=value, mode="direct") if is_spark else Input(type=kind, path=value)
