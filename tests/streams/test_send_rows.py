"""Rows of files as people have them."""

import gzip
import io
import sys
from pathlib import Path

import pytest

from streams.errors import Misconfigured
from streams.sending.rows import LINE_BYTES_MAX, BrokenRow, Row, Shape, open_rows


def rows_of(path: Path, shape: Shape | None = None) -> list[Row | BrokenRow]:
    with open_rows(str(path), shape or Shape()) as rows:
        return list(rows)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_csv_row_knows_the_line_it_begins_in_even_behind_one_of_several_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'id,note\n1,"two\nlines"\n2,one\n')
    assert rows_of(path) == [Row(2, {"id": "1", "note": "two\nlines"}), Row(4, {"id": "2", "note": "one"})]


def test_the_mark_that_spreadsheets_write_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b"\xef\xbb\xbfid,note\r\n1,x\r\n")
    assert rows_of(path) == [Row(2, {"id": "1", "note": "x"})]


def test_a_row_with_too_few_or_too_many_values_is_broken_and_its_neighbours_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "id,note\n1\n2,x\n3,y,z\n\n4,w\n")
    lines = [(type(row), row.line) for row in rows_of(path)]
    assert lines == [(BrokenRow, 2), (Row, 3), (BrokenRow, 4), (Row, 6)]
    assert rows_of(path)[0] == BrokenRow(2, "has 1 values, the first line names 2 columns")


def test_an_unclosed_quote_spoils_its_row_and_not_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'id,note\n1,"open\n' + "2,x\n" * 100_000)
    found = rows_of(path)
    assert isinstance(found[0], BrokenRow)
    assert "field larger" in found[0].detail


@pytest.mark.parametrize(("name", "delimiter"), [("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_tabs_and_gzip_are_told_by_the_name_and_the_first_bytes(tmp_path: Path, name: str, delimiter: str) -> None:
    content = f"id{delimiter}note\n1{delimiter}x\n".encode()
    path = written(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    assert rows_of(path) == [Row(2, {"id": "1", "note": "x"})]


def test_a_delimiter_and_an_encoding_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "id;name\n1;Jürgen\n".encode("latin-1"))
    assert rows_of(path, Shape(delimiter=";", encoding="latin-1")) == [Row(2, {"id": "1", "name": "Jürgen"})]


def test_a_file_in_another_encoding_says_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "id,name\n1,Jürgen\n".encode("latin-1"))
    with pytest.raises(Misconfigured, match="encoding: latin-1"):
        rows_of(path)


def test_json_lines_keep_types_and_one_bad_line_does_not_end_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"id":9007199254740993,"page":{"url":"/"}}\n\nnot json\n[1]\n{"id":2}\n')
    assert rows_of(path) == [
        Row(1, {"id": 9007199254740993, "page": {"url": "/"}}),
        BrokenRow(3, "is no JSON object"),
        BrokenRow(4, "is no JSON object"),
        Row(5, {"id": 2}),
    ]


def test_a_line_without_an_end_is_left_out_and_the_next_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", b'{"id":"' + b"x" * (LINE_BYTES_MAX + 10) + b'"}\n{"id":2}\n')
    assert rows_of(path) == [BrokenRow(1, f"is longer than {LINE_BYTES_MAX} bytes"), Row(2, {"id": 2})]


def test_one_json_list_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"jq -c '\.\[\]'"):
        rows_of(written(tmp_path, "a.json", '[{"id":1}]'))


def test_standard_input_is_read_in_the_format_the_map_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'{"id":1}\n'))))
    with open_rows("-", Shape(format="jsonl")) as rows:
        assert list(rows) == [Row(1, {"id": 1})]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.dat", b"id\n1\n", "format: csv"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,id\n1,2\n", "names the column id twice"),
        ("a.csv.gz", gzip.compress(b"id\n" + b"1\n" * 50_000, mtime=0)[:-40], "is the copy complete"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        rows_of(written(tmp_path, name, content))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"nowhere\.csv: cannot be opened"):
        rows_of(Path("nowhere.csv"))
