"""Queue triggers and outputs against the real Azurite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from azure.storage.queue import QueueClient

from local.functions_host.triggers.queues import Lease
from tests.local.functions_host.conftest import ToyFolder

MakeQueue = Callable[[str], QueueClient]


def test_message_arrives_decoded_and_is_deleted(toy: ToyFolder, make_queue: MakeQueue, queue_name: str) -> None:
    queue = make_queue(queue_name)
    queue.create_queue()
    sent = queue.send_message('{"text": "olá"}')

    async def run() -> list[object]:
        source = f"""
        @app.queue_trigger(arg_name="message", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def take(message: func.QueueMessage):
            calls.append((message.id, message.get_json(), message.dequeue_count, message.insertion_time is not None))
        """
        async with toy.running(source) as app:
            await app.wait_for(lambda: bool(app.calls))
            return app.calls

    assert asyncio.run(run()) == [(sent.id, {"text": "olá"}, 1, True)]
    assert queue.get_queue_properties().approximate_message_count == 0


def test_failing_message_is_retried_and_then_poisoned(toy: ToyFolder, make_queue: MakeQueue, queue_name: str) -> None:
    queue, poison = make_queue(queue_name), make_queue(f"{queue_name}-poison")
    queue.create_queue()
    queue.send_message("bad")

    async def run() -> tuple[list[object], dict[str, object]]:
        source = f"""
        @app.queue_trigger(arg_name="message", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def take(message: func.QueueMessage):
            calls.append(message.dequeue_count)
            raise RuntimeError("no")
        """
        async with toy.running(source) as app:

            async def is_poisoned() -> bool:
                return bool((await app.status())["poison"] == {f"{queue_name}-poison": 1})

            await app.wait_for(is_poisoned)
            return app.calls, (await app.status())["functions"]["take"]

    calls, status = asyncio.run(run())
    assert calls == [1, 2]  # maxDequeueCount of the toy's host.json
    assert (status["failures"], status["last_error"]) == (2, "RuntimeError: no")
    assert [message.content for message in poison.receive_messages()] == ["bad"]
    assert queue.get_queue_properties().approximate_message_count == 0


def test_message_that_is_not_base64_goes_to_poison(toy: ToyFolder, make_queue: MakeQueue, queue_name: str) -> None:
    queue = make_queue(queue_name)
    queue.create_queue()
    raw = QueueClient(queue.url.removesuffix(f"/{queue_name}"), queue_name, credential=queue.credential)
    with raw:
        raw.send_message("not base64!")

    async def run() -> list[object]:
        source = f"""
        @app.queue_trigger(arg_name="message", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def take(message: func.QueueMessage):
            calls.append(message)
        """
        async with toy.running(source) as app:

            async def is_poisoned() -> bool:
                return bool((await app.status())["poison"] == {f"{queue_name}-poison": 1})

            await app.wait_for(is_poisoned)
            return app.calls

    assert asyncio.run(run()) == []


def test_function_that_outlives_its_lease_runs_once(toy: ToyFolder, make_queue: MakeQueue, queue_name: str) -> None:
    queue = make_queue(queue_name)
    queue.create_queue()
    queue.send_message("slow")

    async def run() -> list[object]:
        source = f"""
        @app.queue_trigger(arg_name="message", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        async def take(message: func.QueueMessage):
            calls.append("started")
            await asyncio.sleep(2)
            calls.append("finished")
        """
        async with toy.running(source, lease=Lease(timedelta(seconds=1))) as app:
            await app.wait_for(lambda: "finished" in app.calls)
            return app.calls

    assert asyncio.run(run()) == ["started", "finished"]
    assert queue.get_queue_properties().approximate_message_count == 0


def test_outputs_reach_the_queues_and_wake_their_functions(
    toy: ToyFolder, make_queue: MakeQueue, queue_name: str
) -> None:
    make_queue(queue_name)

    async def run() -> list[object]:
        source = f"""
        from typing import List

        @app.route(route="send")
        @app.queue_output(arg_name="out", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def send(req: func.HttpRequest, out: func.Out[List[str]]) -> func.HttpResponse:
            out.set(["one", "two"])
            return func.HttpResponse(status_code=202)

        @app.queue_trigger(arg_name="message", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        @app.queue_output(arg_name="$return", queue_name="{queue_name}-next", connection="AzureWebJobsStorage")
        def forward(message: func.QueueMessage) -> str:
            return message.get_body().decode() + "!"

        @app.queue_trigger(arg_name="message", queue_name="{queue_name}-next", connection="AzureWebJobsStorage")
        def take(message: func.QueueMessage):
            calls.append(message.get_body().decode())
        """
        async with toy.running(source) as app, app.client.get("/api/send") as answer:
            assert answer.status == 202
            await app.wait_for(lambda: len(app.calls) == 2)
            return sorted(app.calls)

    assert asyncio.run(run()) == ["one!", "two!"]


def test_what_a_binding_sends_is_gone_after_a_week_as_on_azure(
    toy: ToyFolder, make_queue: MakeQueue, queue_name: str
) -> None:
    queue = make_queue(queue_name)

    async def run() -> None:
        source = f"""
        @app.route(route="send")
        @app.queue_output(arg_name="out", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def send(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
            out.set("one")
            return func.HttpResponse(status_code=202)
        """
        async with toy.running(source) as app, app.client.get("/api/send") as answer:
            assert answer.status == 202

    asyncio.run(run())
    (message,) = queue.peek_messages()
    assert message.expires_on is not None
    assert message.inserted_on is not None
    assert message.expires_on - message.inserted_on == timedelta(days=7)


def test_outputs_of_a_failed_call_are_not_sent(toy: ToyFolder, make_queue: MakeQueue, queue_name: str) -> None:
    queue = make_queue(queue_name)
    queue.create_queue()

    async def run() -> int:
        source = f"""
        @app.route(route="send")
        @app.queue_output(arg_name="out", queue_name="{queue_name}", connection="AzureWebJobsStorage")
        def send(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
            out.set("one")
            raise RuntimeError("after all")
        """
        async with toy.running(source) as app, app.client.get("/api/send") as answer:
            return answer.status

    assert asyncio.run(run()) == 500
    assert queue.get_queue_properties().approximate_message_count == 0
