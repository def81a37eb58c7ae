"""Azurite starts on any ports, keeps what it should, says why it can't start, and never outlives its parent."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local import storage
from local.addresses import Addresses, is_listening
from local.errors import LocalSystemError, PortInUseError
from local.storage import Azurite

ROOT = Path(__file__).parents[2]


def container_names(addresses: Addresses) -> list[str]:
    with BlobServiceClient.from_connection_string(addresses.storage_connection_string) as blobs:
        return [container.name for container in blobs.list_containers()]


def test_storage_on_disk_survives_a_restart(tmp_path: Path) -> None:
    addresses = Addresses.free()
    with (
        Azurite(addresses, tmp_path),
        BlobServiceClient.from_connection_string(addresses.storage_connection_string) as blobs,
    ):
        blobs.create_container("kept")

    with Azurite(addresses, tmp_path):
        assert container_names(addresses) == ["kept"]


def test_taken_port_is_named() -> None:
    addresses = Addresses.free()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", addresses.queue))
        taken.listen()

        with pytest.raises(PortInUseError, match=rf"queue service\) can't start: port {addresses.queue} .* in use"):
            Azurite(addresses).start()


def test_missing_azurite_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "AZURITE_FOLDER", tmp_path)

    with pytest.raises(LocalSystemError, match=r"Azurite is not installed: .*\n  run any `python3 dev.py` command"):
        Azurite(Addresses.free()).start()


def test_azurite_that_fails_shows_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    script.parent.mkdir(parents=True)
    script.write_text("console.error('no disk left'); process.exit(3)")
    for hook in storage.HOOKS:
        (tmp_path / hook).write_text("")
    monkeypatch.setattr(storage, "AZURITE_FOLDER", tmp_path)

    with pytest.raises(
        LocalSystemError, match=re.escape("Azurite ended with exit code 3 before it was ready")
    ) as error:
        Azurite(Addresses.free()).start()
    assert "    no disk left" in str(error.value)


# Messages come and go by the thousand, and are looked for in the ways Azurite does.
TALE = """
const loki = require("lokijs");
const messages = new loki("x").addCollection("messages", {indices: ["accountName", "messageId", "visibleTime"]});
let seed = 7;
const random = (most) => (seed = (seed * 16807) % 2147483647) % most;
const told = [];
for (let n = 0; n < 2000; n++) {
  messages.insert({accountName: "a" + random(2), messageId: "m" + n, visibleTime: random(50), timeNextVisible: n});
  const of = {accountName: "a" + random(2), messageId: "m" + random(n + 1)};
  const found = messages.findOne(of);
  told.push(found ? found.visibleTime : null);
  if (random(3) > 0) { messages.findAndRemove(of); }
  const taken = messages.chain().find({messageId: {$gte: "m5"}}).simplesort("messageId").limit(random(40)).data();
  taken.forEach((each) => { each.timeNextVisible = random(50); });
  messages.update(taken);
  messages.remove(random(20) ? [] : taken);
  if (random(100) === 0) { messages.findAndRemove({visibleTime: {$lte: random(10)}}); }
  told.push(messages.chain().find({timeNextVisible: {$lt: 20}, accountName: "a0"}).data().length);
}
told.push(messages.chain().simplesort("messageId").data().map((each) => each.messageId), messages.checkAllIndexes());
console.log(JSON.stringify(told));
"""


def test_what_makes_azurite_quick_changes_no_answer() -> None:
    def tell(*hooks: str) -> str:
        command = [storage.find_node(), *hooks, "-e", TALE]
        folder = storage.AZURITE_FOLDER
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout

    plain = tell()

    assert len(plain) > 10_000
    assert plain.endswith(",[]]\n"), "the indexes are sound"
    assert tell("--require", str(storage.AZURITE_FOLDER / "quick.cjs")) == plain


@pytest.mark.parametrize("manager", ["blob/gc/BlobGCManager", "queue/gc/QueueGCManager"])
def test_azurite_collects_no_garbage(manager: str) -> None:
    folder = storage.AZURITE_FOLDER
    manage = f"new (require('azurite/dist/src/{manager}').default)(null, null, null, () => 0)"
    command = [
        storage.find_node(),
        "--require",
        str(folder / "quick.cjs"),
        "-e",
        f"console.log({manage}.gcIntervalInMS)",
    ]

    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60)

    assert int(done.stdout) == 24 * 60 * 60 * 1000


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of POSIX")
def test_azurite_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    addresses = Addresses.free()
    addresses.write(tmp_path / "addresses.json")
    code = (
        "import sys, time; from pathlib import Path; from local.addresses import Addresses; "
        "from local.storage import Azurite\n"
        "Azurite(Addresses.read(Path(sys.argv[1]))).start(); print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "addresses.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        assert is_listening(addresses.blob)
        parent.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while is_listening(addresses.blob) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_listening(addresses.blob)
