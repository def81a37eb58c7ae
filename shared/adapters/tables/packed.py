"""Files as people have them: compressed or not, in one of the usual encodings."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any

from shared.errors import PermanentError

# Opens a file at its first byte; called once for each time that it is read.
Opened = Callable[[], IO[bytes]]

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz", b"\x28\xb5\x2f\xfd": ".zst", b"PK\x03\x04": ".zip"}
# What damaged or cut files raise while they are read.
DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError, TypeError, KeyError)


def plain_name(name: str) -> str:
    """Return the name in small letters, without the suffix of a compression: "rows.csv" of "Rows.CSV.gz"."""
    name = name.lower()
    return next((name.removesuffix(suffix) for suffix in PACKED if name.endswith(suffix)), name)


def unpacked(opened: Opened, name: str) -> Opened:
    """Return a function that opens the file's uncompressed content. Its first bytes show the compression, not its name.

    Raises:
        PermanentError: it is an archive of several files, or a workbook.
    """
    with opened() as file:
        head = file.read(8)
    kind = next((suffix for magic, suffix in _MAGIC.items() if head.startswith(magic)), "")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise _workbook(name)
    match kind:
        case ".gz":
            return lambda: _Unpacked(opened(), lambda file: gzip.GzipFile(fileobj=file))
        case ".bz2":
            return lambda: _Unpacked(opened(), bz2.BZ2File)
        case ".xz":
            return lambda: _Unpacked(opened(), lzma.LZMAFile)
        case ".zst":
            return lambda: _Unpacked(opened(), _zstd)
        case ".zip":
            member = only_member(opened, name)
            return lambda: _Unpacked(opened(), lambda file: zipfile.ZipFile(file).open(member))
    return opened


class _Unpacked(io.BufferedReader):
    """An uncompressed view of a file; closing it closes the file."""

    def __init__(self, packed: IO[bytes], unpacker: Callable[[IO[bytes]], Any]) -> None:
        self._packed = packed
        super().__init__(_Readable(unpacker(packed)))

    def close(self) -> None:
        super().close()
        self._packed.close()


def _zstd(file: IO[bytes]) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


class _Readable(io.RawIOBase):
    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._source.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._source.close()
        super().close()


def only_member(opened: Opened, name: str) -> str:
    """Return the name of the one file in an archive.

    Raises:
        PermanentError: it holds several, is a workbook, or is damaged.
    """
    try:
        with opened() as file, zipfile.ZipFile(file) as archive:
            members = [member for member in archive.namelist() if not member.endswith("/") and "__MACOSX" not in member]
    except DAMAGED as exc:
        raise PermanentError("data.unreadable", f"{name} is a damaged archive: {exc!s:.200}", "pack it again") from exc
    if any(member.startswith("xl/") for member in members):
        raise _workbook(name)
    if len(members) != 1:
        message = f"{name} is an archive of {len(members)} files"
        raise PermanentError("data.unreadable", message, "unpack it, and give the folder of its tables")
    return members[0]


def _workbook(name: str) -> PermanentError:
    return PermanentError("data.unreadable", f"{name} is a workbook", "save its sheet as CSV or parquet")


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes: utf-16 and utf-8-sig by their marks or zeros, utf-8 where it
    is valid, else cp1252, which has all of latin-1's letters; "" where it is not a text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if zeros := head[:200].count(0):
        if zeros > len(head[:200]) // 3:
            return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        return ""
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def spelled(content: bytes) -> str:
    """Return bytes as text: UTF-8, else cp1252, else latin-1, which has a letter for every byte."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")
