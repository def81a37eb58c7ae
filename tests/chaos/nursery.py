"""Where workers come from: one warm process that has imported everything forks a worker in milliseconds.

    python -m tests.chaos.nursery < ORDERS

It reads one JSON order per line and answers each with one JSON line; it ends, with all that it forked, when its
standard input closes. It must have neither threads nor connections, which no fork survives whole.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping

# Whatever happens to the harness; a worker may be frozen for minutes on a busy machine.
LONGEST_LIFE_SECONDS = 900


class Nursery:
    """The server's side."""

    def __init__(self, tasks: Mapping[str, Callable[[], None]]) -> None:
        self._tasks = tasks
        self._alive: set[int] = set()

    def serve(self) -> None:
        try:
            print(json.dumps({"ready": True}), flush=True)
            for line in sys.stdin:
                order = json.loads(line)
                print(json.dumps(getattr(self, f"do_{order.pop('do')}")(**order)), flush=True)
        finally:
            for pid in self._alive:
                os.kill(pid, signal.SIGKILL)

    def do_fork(self, task: str, environment: dict[str, str], log: str) -> dict[str, object]:
        """Fork a process that runs the task with these variables over our own; its output goes to `log`."""
        pid = os.fork()
        if pid == 0:
            _be_a_child(self._tasks[task], environment, log)
        self._alive.add(pid)
        return {"pid": pid}

    def do_look(self, pid: int) -> dict[str, object]:
        """Say how the process is; that it has ended or was frozen is said once."""
        changed, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        return self._state(pid, status) if changed else {"state": "running", "code": 0}

    def _state(self, pid: int, status: int) -> dict[str, object]:
        if os.WIFSTOPPED(status):
            return {"state": "frozen", "code": os.WSTOPSIG(status)}
        self._alive.discard(pid)
        if os.WIFSIGNALED(status):
            return {"state": "killed", "code": os.WTERMSIG(status)}
        return {"state": "ended", "code": os.WEXITSTATUS(status)}


def _be_a_child(task: Callable[[], None], environment: Mapping[str, str], log: str) -> None:
    """Run the task and leave at once, whatever happens: nothing of the server may go on in its child."""
    code = 1
    try:
        signal.alarm(LONGEST_LIFE_SECONDS)
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        os.environ.update(environment)
        task()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Import and read what every worker needs, so that none has to; connect to nothing."""
    import azure.ai.ml.entities
    import azure.storage.blob
    import azure.storage.queue  # noqa: F401
    from azure.ai.ml._utils import _experimental

    from shared.bootstrap import get_app
    from shared.release.gates.registry import gates
    from shared.texts import notices  # noqa: F401

    app = get_app()
    app.policies, app.people, gates()
    # It reads the sources of its whole stack, at each deployment that is read, to find out whether to log a warning.
    _experimental._should_skip_warning = lambda: True
    inspect.stack()  # building a pipeline job looks at the stack, which is slow until all sources are known


def main() -> None:
    from tests.chaos import seeding, worker

    _warm_up()
    Nursery({"work": worker.main, "seed": seeding.main}).serve()


if __name__ == "__main__":
    main()
