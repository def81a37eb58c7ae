"""Tables as people have them are read for what they are, or refused with what to write instead."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.monitor.files import read_files
from shared.adapters.tables.data_batches import StoredFile, TableBatches
from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.errors import VigiaError
from tests.fakes.terminal import vigia

ROWS = 2_000


def a_shop(seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "price": chance.choice([9.99, 19.99, 1299.5], ROWS),
            "weight": np.round(chance.lognormal(0, 1, ROWS), 3),
            "city": chance.choice(["Porto", "São Paulo", "Málaga", "Köln"], ROWS),
            "zip": chance.choice(["02134", "10115", "01067"], ROWS),
            "comment": chance.choice(["ok", "a, b; c", 'say "so"', "two\nlines"], ROWS),
        }
    )


def as_csv(**options: object) -> Callable[[pd.DataFrame], bytes]:
    encoding = str(options.pop("encoding", "utf-8"))
    return lambda frame: str(frame.to_csv(index=False, **options)).encode(encoding)  # type: ignore[call-overload]


def with_points_of_thousands(frame: pd.DataFrame) -> bytes:
    price = frame["price"].map(lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")))
    return as_csv(sep=";", decimal=",")(frame.assign(price=price))


def with_exponents(frame: pd.DataFrame) -> bytes:
    price = frame["price"].map(lambda value: f"{value:.6e}".replace(".", ","))
    return as_csv(sep=";", decimal=",")(frame.assign(price=price))


def with_commas_of_thousands(frame: pd.DataFrame) -> bytes:
    return as_csv()(frame.assign(price=frame["price"].map(lambda value: f"{value:,.2f}")))


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rows.csv", content)
    return packed.getvalue()


def zstandard(content: bytes) -> bytes:
    packed = io.BytesIO()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
        stream.flush()
        stream.close()
        return packed.getvalue() if not packed.closed else b""


def as_lines(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True).encode()


FILES: dict[str, tuple[str, Callable[[pd.DataFrame], bytes]]] = {
    "commas": ("x.csv", as_csv()),
    "semicolons": ("x.csv", as_csv(sep=";")),
    "tabs": ("x.tsv", as_csv(sep="\t")),
    "tabs_in_csv": ("x.csv", as_csv(sep="\t")),
    "tabs_in_txt": ("x.txt", as_csv(sep="\t")),
    "bars": ("x.csv", as_csv(sep="|")),
    "decimal_commas": ("x.csv", as_csv(sep=";", decimal=",")),
    "decimal_commas_in_quotes": ("x.csv", as_csv(decimal=",", quoting=1)),
    "decimal_commas_with_exponents": ("x.csv", with_exponents),
    "points_of_thousands": ("x.csv", with_points_of_thousands),
    "commas_of_thousands": ("x.csv", with_commas_of_thousands),
    "latin_1": ("x.csv", as_csv(encoding="latin-1")),
    "cp1252_semicolons": ("x.csv", as_csv(encoding="cp1252", sep=";", decimal=",")),
    "byte_order_mark": ("x.csv", as_csv(encoding="utf-8-sig")),
    "utf_16": ("x.csv", as_csv(encoding="utf-16", sep="\t")),
    "utf_16_without_mark": ("x.csv", as_csv(encoding="utf-16-le")),
    "excel_names_its_separator": ("x.csv", lambda frame: b"sep=;\r\n" + as_csv(sep=";")(frame)),
    "blanks_after_separators": (
        "x.csv",
        lambda frame: as_csv(sep="|")(frame[frame.columns[::-1]]).replace(b"|", b"| "),
    ),
    "put_one_after_the_other": (
        "x.csv",
        lambda frame: as_csv()(frame.head(ROWS // 3)) + as_csv()(frame.tail(ROWS - ROWS // 3)),
    ),
    "windows_lines": ("x.csv", as_csv(lineterminator="\r\n")),
    "capital_suffix": ("X.CSV", as_csv()),
    "gz": ("x.csv.gz", lambda frame: gzip.compress(as_csv()(frame))),
    "gz_by_content_alone": ("x.csv", lambda frame: gzip.compress(as_csv()(frame))),
    "bz2": ("x.csv.bz2", lambda frame: bz2.compress(as_csv()(frame))),
    "xz": ("x.csv.xz", lambda frame: lzma.compress(as_csv()(frame))),
    "zip": ("x.zip", lambda frame: zipped(as_csv(sep=";")(frame))),
    "zip_of_csv": ("x.csv.zip", lambda frame: zipped(as_csv(sep=";")(frame))),
    "json_lines": ("x.jsonl", as_lines),
    "json_lines_gz": ("x.jsonl.gz", lambda frame: gzip.compress(as_lines(frame))),
    "json_lines_in_latin_1": (
        "x.jsonl",
        lambda frame: frame.to_json(orient="records", lines=True, force_ascii=False).encode("latin-1"),
    ),
    "json_lines_in_utf_16": ("x.jsonl", lambda frame: as_lines(frame).decode().encode("utf-16")),
    "json_array": ("x.json", lambda frame: frame.to_json(orient="records", indent=2).encode()),
    "json_array_called_lines": ("x.jsonl", lambda frame: frame.to_json(orient="records").encode()),
    "json_columns": ("x.json", lambda frame: frame.to_json().encode()),
    "json_split": ("x.json", lambda frame: frame.to_json(orient="split").encode()),
    "json_lists": ("x.json", lambda frame: json.dumps(frame.to_dict(orient="list")).encode()),
    "json_under_a_key": ("x.json", lambda frame: json.dumps({"data": frame.to_dict(orient="records")}).encode()),
    "collector": (
        "x.jsonl",
        lambda frame: b"".join(
            json.dumps({"specversion": "1.0", "id": str(number), "data": [row]}).encode() + b"\n"
            for number, row in enumerate(frame.to_dict(orient="records"))
        ),
    ),
}


@pytest.mark.parametrize("form", FILES)
def test_a_table_is_read_for_what_it_is(form: str, tmp_path: Path) -> None:
    rows, (name, write) = a_shop(), FILES[form]
    (tmp_path / name).write_bytes(write(rows))
    frame = read_files([tmp_path / name])
    assert isinstance(frame, pd.DataFrame)
    assert sorted(frame.columns) == sorted(rows.columns)
    assert frame["price"].tolist() == pytest.approx(rows["price"].tolist())
    assert frame["weight"].tolist() == pytest.approx(rows["weight"].tolist())
    assert frame[["city", "zip"]].to_numpy().tolist() == rows[["city", "zip"]].to_numpy().tolist()
    report = compare(profile(rows), frame)
    assert report.verdict == "no-drift", report.sentence
    assert max(column.effect or 0.0 for column in report.columns) < 0.001
    assert [column.name for column in report.columns if column.findings] == []


@pytest.mark.parametrize("form", ["semicolons", "cp1252_semicolons", "gz", "json_lines", "tabs", "utf_16"])
def test_the_workspaces_storage_is_read_alike(form: str) -> None:
    name, write = FILES[form]
    content = write(a_shop())
    stored = [StoredFile(f"data/{name}", len(content), "1")]
    batches = TableBatches(stored, lambda _, offset, length: content[offset : offset + length])
    report = compare(profile(a_shop()), batches)
    assert (report.verdict, report.window_rows) == ("no-drift", ROWS)


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty": ("x.csv", b"", "is empty"),
    "blank": ("x.csv", b" \n\n", "is empty"),
    "empty_json": ("x.jsonl", b"", "is empty"),
    "no_names": ("x.csv", b"1.5,2\n2.5,3\n", "not with the names of its columns"),
    "no_names_beside_words": ("x.csv", b"1.5,red,True\n2.5,blue,False\n", "not with the names of its columns"),
    "no_names_beside_times": ("x.csv", b"7,2026-01-01 10:00:00\n8,2026-01-02 10:00:00\n", "not with the names"),
    "a_page": ("x.csv", b"<table>\n<tr><td>1</td></tr>\n</table>\n", "begins like HTML"),
    "json_called_csv": ("x.csv", b'[{"a": 1, "b": 2},\n{"a": 3, "b": 4}]', "begins like HTML, XML or JSON"),
    "blanks_between": ("x.csv", b"price weight\n1.5 2\n2.5 3\n", "blanks between its values"),
    "hive": ("x.csv", b"price\x01weight\n1.5\x012\n2.5\x013\n", "between its values"),
    "ragged": ("x.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 columns"),
    "one_name_and_commas": ("x.csv", b"text\na,b\nc,d,e\nf,g\n", "one name in its first line"),
    "bytes": ("x.csv", b"a,b\n\x00\x01\x02,\x00\n", "not text"),
    "old_workbook": ("x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
    "workbook": ("x.xlsx", b"PK\x03\x04", "not a table"),
    "cut_gz": ("x.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:30], "x.csv.gz"),
    "json_of_nothing": ("x.json", b"[1, 2, 3]", "no rows"),
    "cut_json": ("x.jsonl", b'{"a": 1}\n{"a": 2}\n{"a"', "line 3 of x.jsonl"),
    "no_parquet": ("x.parquet", b"PAR1", "x.parquet"),
    "an_archive": ("x.zip", b"PK\x03\x04 cut", "x.zip"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_table_is_refused_with_the_remedy_and_not_as_drift(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, content, words = REFUSED[form]
    Path(name).write_bytes(content)
    a_shop().to_parquet("before.parquet")
    result = vigia("monitor", "run", "--reference", "before.parquet", "--current", name)
    assert result.exit_code == 1, result.output
    assert words in " ".join(result.stderr.split())
    with pytest.raises(VigiaError) as caught:
        read_files([Path(name)])
    assert caught.value.hint


def look(*arguments: str) -> tuple[int, str]:
    result = vigia("monitor", "run", *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


ODD: dict[str, Callable[[], pa.Table]] = {
    "binary": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "b": [b"\xff\x00" + bytes([n % 7]) for n in range(ROWS)]}),
    "lists": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "v": [[1.0, float(n)] for n in range(ROWS)]}),
    "records": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "r": [{"a": n, "b": {"c": "d"}} for n in range(ROWS)]}),
    "maps": lambda: pa.table(
        {"x": np.arange(ROWS) % 9.0, "m": pa.array([[("a", 1)]] * ROWS, type=pa.map_(pa.string(), pa.int64()))}
    ),
    "twice": lambda: pa.table([np.arange(ROWS) % 9.0, np.arange(ROWS) % 5.0], names=["x", "x"]),
    "infinite": lambda: pa.table({"x": np.where(np.arange(ROWS) % 9 > 0, np.arange(ROWS) % 9.0, np.inf)}),
    "times_of_day": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "t": pa.array(range(ROWS), type=pa.time32("s"))}),
    "durations": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "d": pa.array(range(ROWS), type=pa.duration("s"))}),
    "decimals": lambda: pa.table({"x": pa.array([n % 9 for n in range(ROWS)], type=pa.decimal128(9, 2))}),
    "nothing": lambda: pa.table({"x": np.arange(ROWS) % 9.0, "n": pa.nulls(ROWS)}),
    "unsigned": lambda: pa.table({"x": pa.array([2**64 - 1 - n % 9 for n in range(ROWS)], type=pa.uint64())}),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_parquet_file_of_odd_columns_is_looked_at(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(ODD[kind](), "x.parquet")
    assert look("--reference", "x.parquet", "--current", "x.parquet")[0] == 0
    monkeypatch.setattr("cli.monitor.files.MOST_CELLS", 100)
    assert look("--reference", "x.parquet", "--current", "x.parquet")[0] == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(b"price,weight\n", "insufficient", id="names_only"),
        pytest.param(b"price,weight", "insufficient", id="names_without_an_end_of_line"),
        pytest.param(b"price;weight\n1,5;2\n", "insufficient", id="one_row"),
    ],
)
def test_too_little_in_a_file_is_too_little_data(
    lines: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a_shop()[["price", "weight"]].to_csv("before.csv", index=False)
    Path("now.csv").write_bytes(lines)
    code, output = look("--reference", "before.csv", "--current", "now.csv")
    assert code == 3
    assert message in output.lower()


def test_lines_of_json_with_different_keys_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n\n{"b": "x", "a": 2.5}\n{"b": {"c": [1]}}\n', encoding="utf-8")
    frame = read_files([tmp_path / "x.jsonl"])
    assert isinstance(frame, pd.DataFrame)
    assert frame["a"].fillna(-1).tolist() == [1, 2.5, -1]
    assert frame["b"].isna().tolist() == [True, False, False]


def test_a_word_among_the_numbers_of_a_csv_file_is_said_not_refused(tmp_path: Path) -> None:
    numbers = [f"{n % 97}.5" for n in range(60_000)]
    numbers[50_000] = "tba"
    (tmp_path / "x.csv").write_text("x,y\n" + "".join(f"{number},1\n" for number in numbers), encoding="utf-8")
    frame = read_files([tmp_path / "x.csv"])
    reference = pd.DataFrame({"x": [n % 97 + 0.5 for n in range(60_000)], "y": 1})
    report = compare(profile(reference), frame)
    assert report.verdict == "no-drift"
    assert "1 of 60000 values are no numbers, e.g. 'tba'" in report.columns[0].findings[0]
