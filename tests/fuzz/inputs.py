"""Inputs for fuzzing: what anyone may send, and what nearly is what ought to be sent."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st

from tests.corpus.parquet_files import good
from tests.corpus.reading import cases

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
# Pieces that mean something to one of the formats.
MARKS = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"{}[]\",:'&=%+-.\\/ \n\r\t\0#*!|>@`~<"),
        *(
            b"NaN",
            b"1e999",
            b"null",
            b"true",
            b"\\ud800",
            b"\xff",
            b"\xc3\xa9",
            b"\xef\xbb\xbf",
            b"---",
            b"*a",
            b"&a ",
            b"<<: ",
        ),
        *(
            b"!!int ",
            b"%0d%0a",
            b"&choice=approve",
            b"0" * 400,
            b"[" * 400,
            b"__proto__",
            b"PAR1",
            b"\x15\x04",
            b"\xff" * 8,
        ),
    ]
)


def seeds_of(parser: str) -> list[bytes]:
    """Return the corpus of a parser, without what is large: a change of that finds little and takes long."""
    if parser == "parquet":
        return [good()]
    source = "principals" if parser == "principals-inside" else parser
    bodies = [case.body for case in cases() if case.parser == source and len(case.body) < 5_000]
    return bodies or [b"{}"]


def inputs_for(parser: str) -> st.SearchStrategy[bytes]:
    """Return anything at all, JSON of any shape, sequences of marks, and edits of the corpus."""
    edited = st.builds(
        _edited,
        st.sampled_from(seeds_of(parser)),
        st.lists(st.tuples(st.floats(0, 1), _edits()), min_size=1, max_size=4),
    )
    return edited | st.binary(max_size=200) | _json() | st.lists(MARKS, max_size=25).map(b"".join)


def _json() -> st.SearchStrategy[bytes]:
    return JSON.map(lambda value: json.dumps(value).encode(errors="surrogatepass"))


def _edits() -> st.SearchStrategy[Callable[[bytes, int], bytes]]:
    return st.one_of(
        st.builds(_insertion, MARKS | st.binary(max_size=6)),
        st.builds(_removal, st.integers(1, 30)),
        st.builds(_replacement, MARKS | st.binary(min_size=1, max_size=4)),
        st.builds(_repetition, st.integers(1, 40), st.integers(2, 5)),
    )


def _edited(seed: bytes, edits: list[tuple[float, Callable[[bytes, int], bytes]]]) -> bytes:
    for place, edit in edits:
        seed = edit(seed, int(place * len(seed)))
    return seed


def _insertion(piece: bytes) -> Callable[[bytes, int], bytes]:
    return lambda body, at: body[:at] + piece + body[at:]


def _removal(length: int) -> Callable[[bytes, int], bytes]:
    return lambda body, at: body[:at] + body[at + length :]


def _replacement(piece: bytes) -> Callable[[bytes, int], bytes]:
    return lambda body, at: body[:at] + piece + body[at + len(piece) :]


def _repetition(length: int, times: int) -> Callable[[bytes, int], bytes]:
    return lambda body, at: body[:at] + body[at : at + length] * times + body[at + length :]
