import gzip
import io
import json
import re
from pathlib import Path

import pytest

from seq2seq.datasets import Jsonl, ParallelText, Tsv, file_lines, stream_lines
from seq2seq.datasets.readers.input_lines import input_lines
from seq2seq.datasets.readers.lines import MAX_LINE_BYTES
from seq2seq.errors import UserError

# What Unicode, and str.splitlines, call line breaks; here they are text.
BREAKS = "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\rj"


def write(path, content):
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def parallel(folder, source, target):
    return ParallelText([write(folder / "a.en", source)], [write(folder / "a.de", target)])


def refusal(reader):
    with pytest.raises(UserError) as caught:
        list(reader.pairs())
    return str(caught.value)


def test_only_newlines_end_lines():
    stream = io.BytesIO(f"\ufeff{BREAKS}\nb\r\n\n \ufeffc".encode())
    assert list(stream_lines(stream, "-")) == [BREAKS, "b", "", " \ufeffc"]


def test_files_follow_each_other_in_order(tmp_path):
    source = [write(tmp_path / name, text) for name, text in (("1.en", "a\nb"), ("2.en.gz", "c\r\nd\n"))]
    target = [write(tmp_path / name, text) for name, text in (("1.de.gz", "A\n"), ("2.de", "B\nC\n\n"))]
    reader = ParallelText(source, target)
    assert list(reader.pairs()) == [("a", "A"), ("b", "B"), ("c", "C"), ("d", "")]
    assert list(reader.pairs()) == list(reader.pairs())
    assert reader.files == (*source, *target)


@pytest.mark.parametrize(
    ("source", "target", "lines"),
    [
        ("a\nb\nc\nd\n", "A\nB\n", (4, 2)),
        ("a\n", "A\nB\nC\n\n\n", (1, 5)),
        (f"{BREAKS}\n", "A\nB\n", (1, 2)),
    ],
)
def test_different_numbers_of_lines_are_both_named(tmp_path, source, target, lines):
    assert refusal(parallel(tmp_path, source, target)) == (
        f"Source and target must have the same number of lines, but {tmp_path}/a.en has {lines[0]} "
        f"and {tmp_path}/a.de has {lines[1]}."
    )


def test_one_side_alone_is_refused(tmp_path):
    with pytest.raises(UserError, match="none are given for the target"):
        ParallelText([tmp_path / "a.en"], [])


@pytest.mark.parametrize("empty", ["a.en", "a.de"])
def test_an_empty_file_is_named(tmp_path, empty):
    reader = parallel(tmp_path, "a\n", "A\n")
    write(tmp_path / empty, "")
    assert refusal(reader) == f"{tmp_path}/{empty} is empty."


def test_a_missing_file_is_named(tmp_path):
    reader = ParallelText([write(tmp_path / "a.en", "a\n")], [tmp_path / "a.de"])
    assert refusal(reader) == f"Cannot read {tmp_path}/a.de: No such file or directory."
    reader = ParallelText([tmp_path], [tmp_path / "a.en"])
    assert refusal(reader) == f"Cannot read {tmp_path}: Is a directory."


def test_invalid_utf8_is_placed(tmp_path):
    assert refusal(parallel(tmp_path, "a\nb\nc\n", b"A\nB\xc3\xa9\xe9!\nC\n")) == (
        f"{tmp_path}/a.de, line 2: this is not UTF-8 (byte 0xe9 at position 4)."
    )


BROKEN_GZIP = {
    "no gzip": b"no gzip\n",
    "cut off": gzip.compress(b"a\n" * 99)[:-12],
    "more behind": gzip.compress(b"a\n") + b"rest",
}


@pytest.mark.parametrize("content", BROKEN_GZIP.values(), ids=BROKEN_GZIP)
def test_a_broken_gzip_file_is_named(tmp_path, content):
    path = tmp_path / "a.en.gz"
    path.write_bytes(content)
    assert refusal(ParallelText([path], [path])) == f"{path} is not a whole gzip file."


def test_table_with_header(tmp_path):
    files = [
        write(tmp_path / "1.tsv", 'id\ten\tde\n1\ta\tA\n2\t"b\t\n'),
        write(tmp_path / "2.tsv", "de\ten\nC\tc\n"),
    ]
    reader = Tsv(files, source_column="en", target_column="de")
    assert list(reader.pairs()) == [("a", "A"), ('"b', ""), ("c", "C")]


def test_table_without_header(tmp_path):
    reader = Tsv([write(tmp_path / "1.tsv", "A\tx\ta\nB\tx\tb\n")], source_column=2, target_column=0)
    assert list(reader.pairs()) == [("a", "A"), ("b", "B")]


@pytest.mark.parametrize(
    ("columns", "content", "message"),
    [
        (("en", "fr"), "en\tde\n", "{path} has no column fr; its header names en, de."),
        ((0, 1), "a b\n", "{path}, line 1: one column; columns are separated by tabs."),
        (
            (0, 1),
            "a;b\n",
            "{path}, line 1: one column; columns are separated by tabs and this file by semicolons, as it seems.",
        ),
        ((0, 2), "a\tb\n", "{path} has no column 2; its first line has the columns 0 to 1."),
        ((-1, 0), "a\tb\n", "{path} has no column -1; its first line has the columns 0 to 1."),
        ((0, 1), "a\tb\na\n", "{path}, line 2: 1 tab-separated columns, where the first line has 2."),
        ((0, 1), "a\tb\na\tb\tc\n", "{path}, line 2: 3 tab-separated columns, where the first line has 2."),
        ((0, 1), "", "{path} is empty."),
    ],
)
def test_table_errors(tmp_path, columns, content, message):
    path = write(tmp_path / "a.tsv", content)
    source, target = columns
    assert refusal(Tsv([path], source_column=source, target_column=target)) == message.format(path=path)


def test_columns_by_name_and_by_number_do_not_mix(tmp_path):
    with pytest.raises(UserError, match="must both be names"):
        Tsv([tmp_path / "a.tsv"], source_column="en", target_column=1)


def test_json_lines(tmp_path):
    rows = [{"en": f"a\n{BREAKS}", "de": "Ä\u2028"}, {"de": "", "en": "b"}]
    path = write(tmp_path / "a.jsonl.gz", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    reader = Jsonl([path, path], source_field="en", target_field="de")
    assert list(reader.pairs()) == [(row["en"], row["de"]) for row in rows] * 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"en": "a"}', "there is no field de; the fields are en."),
        ("{}", "there is no field en; the fields are none."),
        ('{"en": "a", "de": 1}', "the field de holds 1 and not a string."),
        ("[1]", "this is not a JSON object with named fields."),
        ('{"en": "a"', "this is not JSON (Expecting ',' delimiter: line 1 column 11 (char 10))."),
        ('{"en": "a", "en": "b", "de": "A"}', "this is not JSON (the field en occurs twice)."),
        ("[" * 100_000, "this is JSON within JSON, too deep to read."),
        ('{"en": "a", "de": "\\u0000"}', "the field de holds a NUL character, which text does not."),
        ('{"en": "a", "de": "\\ud83d"}', "the field de holds \\ud83d, half a character."),
    ],
)
def test_json_errors(tmp_path, line, message):
    path = write(tmp_path / "a.jsonl", f'{{"en": "a", "de": "A"}}\n{line}\n')
    assert refusal(Jsonl([path], source_field="en", target_field="de")) == f"{path}, line 2: {message}"


@pytest.mark.parametrize("lines_before", [0, 2])
def test_a_line_that_would_fill_the_memory_is_refused(tmp_path: Path, lines_before: int) -> None:
    """A gzip file of a few kilobytes."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"a line\n" * lines_before + b"a" * (MAX_LINE_BYTES + 1), 1))
    assert path.stat().st_size < 200_000
    sentence = f"{path}, line {lines_before + 1}: is longer than 16,777,216 bytes, so no line of text."
    for read in (file_lines(path), input_lines([str(path)], None)):
        with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
            list(read)


def test_a_line_of_the_longest_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"a" * (MAX_LINE_BYTES - 1) + b"\nb\n")
    assert [len(line) for line in file_lines(path)] == [MAX_LINE_BYTES - 1, 1]
