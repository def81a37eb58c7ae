"""A scoring process: `python -m local.azureml.online.serve --model DIR --port P`.

MLflow models follow the no-code deployment contract: the flavor `python_function` of `MLmodel` names a loader module, a
code folder and a data path; requests are `{"input_data": …}` and answers a JSON list. Sources:
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models-online-endpoints and
https://mlflow.org/docs/latest/python_api/mlflow.pyfunc.html#loader-modules. Other models need a scoring script with
`init()` and `run(text)`; AZUREML_MODEL_DIR is the folder that holds the registered folder or file under its own name
(https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints, "Understand the scoring script").
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from aiohttp import web

from local.addresses import HOST
from local.lifeline import end_with_parent

Predict = Callable[[bytes], Any]


class ModelError(Exception):
    """The model folder or the scoring script can't be served; the text says what to change."""


def load_pyfunc(folder: Path) -> Any:
    """Load an MLflow model folder; what comes back has `predict(frame)`.

    Raises:
        ModelError: the folder has no usable python_function flavor.
    """
    description = folder / "MLmodel"
    if not description.exists():
        raise ModelError(f"{folder} has no file MLmodel: it is not an MLflow model")
    flavors = (yaml.safe_load(description.read_text()) or {}).get("flavors") or {}
    flavor = flavors.get("python_function")
    if not flavor or "loader_module" not in flavor:
        raise ModelError(f"{description}: flavors.python_function.loader_module is missing")
    if flavor["loader_module"].startswith("mlflow."):
        return _load_by_mlflow(folder)
    if flavor.get("code"):
        sys.path.insert(0, str(folder / flavor["code"]))
    try:
        loader = importlib.import_module(flavor["loader_module"])
    except ImportError as exc:
        raise ModelError(f"{description}: loader_module {flavor['loader_module']!r} can't be imported: {exc}") from exc
    return loader._load_pyfunc(str(folder / flavor["data"]) if flavor.get("data") else str(folder))


def _load_by_mlflow(folder: Path) -> Any:
    """Load a model of MLflow's own flavors as the service does: what it predicts on is checked against its signature.

    Raises:
        ModelError: MLflow is not installed, or it cannot load the model.
    """
    try:
        pyfunc = importlib.import_module("mlflow.pyfunc")
    except ImportError as exc:
        raise ModelError(
            f"{folder} needs mlflow, which is not installed: name it in the model's requirements.txt"
        ) from exc
    try:
        return pyfunc.load_model(str(folder))
    except Exception as exc:  # the packages of the model may raise anything
        raise ModelError(f"{folder}: mlflow cannot load it: {type(exc).__name__}: {exc}") from exc


def load_mlflow(folder: Path) -> Predict:
    """Load an MLflow model folder to answer requests with. Raise ModelError when it can't be."""
    model = load_pyfunc(folder)
    return lambda body: model.predict(to_frame(json.loads(body)["input_data"]))


def load_script(script: Path) -> Any:
    """Load a scoring script and call its init(); return the module, with `run`.

    Raises:
        ModelError: the script does not exist.
    """
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location("scoring_script", script)
    if spec is None or spec.loader is None or not script.exists():
        raise ModelError(f"scoring script {script} does not exist")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init()
    return module


def to_predict(script: Any) -> Predict:
    return lambda body: script.run(body.decode())


def to_frame(data: Any) -> pd.DataFrame:
    """Return the table of `input_data`: split form (columns, index, data), or a list of records or rows."""
    if isinstance(data, dict) and "data" in data:
        return pd.DataFrame(data["data"], columns=data.get("columns"), index=data.get("index"))
    return pd.DataFrame(data)


def to_json(result: Any) -> Any:
    """Return what json.dumps can write: tables as records, arrays and series as lists."""
    if isinstance(result, pd.DataFrame):
        return result.to_dict(orient="records")
    return result.tolist() if hasattr(result, "tolist") else result


def make_app(predict: Predict, concurrent: int) -> web.Application:
    """The HTTP side: POST /score runs the model, at most `concurrent` at once; GET /ready answers once it is loaded."""
    threads = ThreadPoolExecutor(concurrent)

    def answer(body: bytes) -> tuple[int, bytes]:
        try:
            return 200, json.dumps(to_json(predict(body)), default=to_json).encode()
        except Exception as exc:
            # The border to the user's model: whatever it raises is its answer, as in the service's server.
            traceback.print_exc()
            return 500, json.dumps({"message": f"{type(exc).__name__}: {exc}"[:500]}).encode()

    async def score(request: web.Request) -> web.Response:
        body = await request.read()
        status, content = await asyncio.get_running_loop().run_in_executor(threads, answer, body)
        return web.Response(body=content, status=status, content_type="application/json")

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"status": "Healthy"})

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/score", score), web.get("/ready", ready)])
    return app


async def serve(app: web.Application, port: int, port_file: Path | None) -> None:
    """Listen until the process ends. Port 0 takes a free one; `port_file` then says which."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    if port_file is not None:
        part = port_file.with_suffix(".part")
        part.write_text(str(runner.addresses[0][1]))
        part.replace(port_file)
    print(f"ready after {time.perf_counter():.2f} s of process time", flush=True)
    await asyncio.Event().wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.azureml.online.serve", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder, or file")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument(
        "--script", type=Path, help="a scoring script with init() and run(); else the model is MLflow's"
    )
    parser.add_argument("--concurrent", type=int, default=1, help="requests that the model handles at once")
    options = parser.parse_args()
    end_with_parent()
    os.environ["AZUREML_MODEL_DIR"] = str(options.model.parent)
    try:
        predict = to_predict(load_script(options.script)) if options.script else load_mlflow(options.model)
    except ModelError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    asyncio.run(serve(make_app(predict, options.concurrent), options.port, options.port_file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
