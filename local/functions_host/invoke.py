"""Calls functions: arguments in, outputs sent, failures logged and counted."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from local.functions_host.app import HostedFunction
from local.functions_host.bindings import RETURN
from local.functions_host.outputs import Out, QueueSender

log = logging.getLogger("host")


@dataclass
class Counts:
    """What happened to one function since the host started."""

    invocations: int = 0
    failures: int = 0
    running: int = 0
    last_error: str | None = None


class Invoker:
    """Runs functions: synchronous ones in `threads` threads, coroutines in the event loop."""

    def __init__(self, functions: list[HostedFunction], sender: QueueSender, threads: int = 8) -> None:
        self.counts = {function.name: Counts() for function in functions}
        self._sender = sender
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._running: set[asyncio.Task[Any]] = set()

    async def invoke(self, function: HostedFunction, argument: Any) -> Any:
        """Call the function, send its outputs, and return its value.

        An invocation goes on when its caller goes away (an HTTP client that hangs up), as on the platform.

        Raises:
            Exception: whatever the function raised; it has been logged and counted.
        """
        task = asyncio.ensure_future(self._run(function, argument))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def fail(self, function: HostedFunction, error: Exception) -> None:
        """Count and log an invocation that failed, also one that failed before the function was called."""
        counts = self.counts[function.name]
        counts.failures += 1
        counts.last_error = f"{type(error).__name__}: {error}"
        log.error("%s failed: %s", function.name, counts.last_error, exc_info=error)

    async def drain(self, timeout_seconds: float) -> None:
        """Wait for the running invocations, then cancel what is still there."""
        if self._running:
            log.info("waiting for %d running invocations", len(self._running))
            _, late = await asyncio.wait(self._running, timeout=timeout_seconds)
            for task in late:
                task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # mark as seen: the caller may be gone, and the failure has been logged

    async def _run(self, function: HostedFunction, argument: Any) -> Any:
        counts = self.counts[function.name]
        counts.invocations += 1
        counts.running += 1
        try:
            return await self._call(function, argument)
        except Exception as exc:
            self.fail(function, exc)
            raise
        finally:
            counts.running -= 1

    async def _call(self, function: HostedFunction, argument: Any) -> Any:
        outs = {output.parameter: Out() for output in function.outputs if output.parameter != RETURN}
        arguments: dict[str, Any] = {function.trigger.parameter: argument, **outs}
        if function.wants_context:
            arguments["context"] = InvocationContext(function.name)
        call = functools.partial(function.call, **arguments)
        if function.is_async:
            value = await call()
        else:
            context = contextvars.copy_context()
            value = await asyncio.get_running_loop().run_in_executor(self._threads, context.run, call)
        if value is not None and not function.may_return:
            raise RuntimeError(f"function {function.name} returned a value without a $return binding")
        for output in function.outputs:
            await self._sender.send(output, value if output.parameter == RETURN else outs[output.parameter].get())
        return value


class InvocationContext(func.Context):
    """The `context` argument of a function; no trace context and no retry context exist here."""

    def __init__(self, function_name: str) -> None:
        self._invocation_id = str(uuid.uuid4())
        self._function_name = function_name
        self._thread_local_storage = threading.local()

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return self._thread_local_storage

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return ""

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None
