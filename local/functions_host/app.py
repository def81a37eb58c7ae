"""Loads the user's app: imports function_app and lists its functions with their bindings."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from local.errors import LocalSystemError
from local.functions_host.bindings import RETURN, HttpTrigger, QueueOutput, Trigger
from local.functions_host.read_bindings import read_output, read_trigger

MODULE = "function_app"


@dataclass(frozen=True)
class HostedFunction:
    """A function of the app, ready to be called with its trigger's and outputs' parameters by name."""

    name: str
    call: Callable[..., Any]
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]
    wants_context: bool

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)

    @property
    def returns(self) -> QueueOutput | None:
        """The queue to which the returned value goes."""
        return next((output for output in self.outputs if output.parameter == RETURN), None)

    @property
    def may_return(self) -> bool:
        return self.returns is not None or isinstance(self.trigger, HttpTrigger)


def load_functions(app_folder: Path) -> list[HostedFunction]:
    """Import `function_app` from the folder and return its functions, sorted by name.

    Raises:
        LocalSystemError: the import fails, there is no app in it, or a function's bindings don't fit its signature.
    """
    app = _import_app(app_folder)
    try:
        functions = app.get_functions()
    except ValueError as exc:  # azure-functions' own checks: a name used twice, a function without trigger
        raise LocalSystemError(f"{MODULE}.app can't be indexed: {exc}") from exc
    return sorted((_hosted(function) for function in functions), key=lambda hosted: hosted.name)


def _import_app(app_folder: Path) -> func.FunctionApp:
    file = app_folder / f"{MODULE}.py"
    if not file.exists():
        raise LocalSystemError(f"{file} does not exist", "name the folder that has function_app.py with --app-dir")
    if str(app_folder) not in sys.path:
        sys.path.insert(0, str(app_folder))
    try:
        module = importlib.import_module(MODULE)
    except Exception as exc:
        raise LocalSystemError(
            f"{file} can't be imported: {type(exc).__name__}: {exc}", "the traceback above names the line"
        ) from exc
    app = getattr(module, "app", None)
    if not isinstance(app, func.FunctionApp):
        raise LocalSystemError(f"{file} has no `app`", "write `app = func.FunctionApp()` at module level")
    return app


def _hosted(function: Any) -> HostedFunction:
    name: str = function.get_function_name()
    call: Callable[..., Any] = function.get_user_function()
    trigger = read_trigger(name, function.get_trigger().get_dict_repr())
    bindings = [binding.get_dict_repr() for binding in function.get_bindings()]
    outputs = tuple(
        output
        for binding in bindings
        if binding["name"] != trigger.parameter
        for output in [read_output(name, binding)]
        if output is not None
    )
    parameters = set(inspect.signature(call).parameters)
    bound = {trigger.parameter} | {output.parameter for output in outputs if output.parameter != RETURN}
    wants_context = "context" in parameters - bound
    _require_same_names(name, parameters - ({"context"} if wants_context else set()), bound)
    _require_out_annotations(name, call, outputs)
    return HostedFunction(name, call, trigger, outputs, wants_context)


def _require_same_names(function: str, parameters: set[str], bound: set[str]) -> None:
    """Check, as Microsoft's worker does, that each parameter has a binding and each binding a parameter.

    Raises:
        LocalSystemError: one has no counterpart.
    """
    for parameter in sorted(parameters - bound):
        raise LocalSystemError(
            f"function {function}: its parameter {parameter!r} has no binding",
            f"bindings exist for: {', '.join(sorted(bound))}",
        )
    for name in sorted(bound - parameters):
        raise LocalSystemError(
            f"function {function}: its binding {name!r} has no parameter",
            f"parameters of the function: {', '.join(sorted(parameters)) or 'none'}",
        )


def _require_out_annotations(function: str, call: Callable[..., Any], outputs: tuple[QueueOutput, ...]) -> None:
    try:
        annotations = typing.get_type_hints(call)
    except NameError as exc:
        raise LocalSystemError(
            f"function {function}: {exc}", "import the types of its annotations at run time, not under TYPE_CHECKING"
        ) from exc
    for output in outputs:
        annotation = annotations.get(output.parameter)
        if output.parameter == RETURN or annotation is None:
            continue
        if (typing.get_origin(annotation) or annotation) is not func.Out:
            raise LocalSystemError(
                f"function {function}: its output {output.parameter!r} is annotated {annotation}",
                "annotate it func.Out[str] or func.Out[typing.List[str]]",
            )
        # As Microsoft's worker: list[str] is no type to it, and it loads none of the app's functions.
        if any(isinstance(inner, types.GenericAlias) for inner in typing.get_args(annotation)):
            raise LocalSystemError(
                f"function {function}: its output {output.parameter!r} is annotated {annotation}, which Azure refuses",
                "annotate it func.Out[typing.List[str]]",
            )
