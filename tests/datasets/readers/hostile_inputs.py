"""Inputs that spoil the files of a reader, and what is right: examples, or a sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Union

from tests.datasets.readers.formats import FORMATS, Format, Row

Outcome = Union[str, Callable[[Format], list[Any]]]
"""A pattern of the error, where {file} is the spoiled file and {line} the spoiled line; or the examples."""


class Case(NamedTuple):
    form: str
    name: str
    spoil: Callable[[Format, Path], None]
    outcome: Outcome
    warning: str = ""


LINES = ("file of lines", "standard input")
PAIRS = ("parallel_text", "score's target")
TABS = ("tsv", "tsv with a header", "audio_table", "common_voice")
JSON = ("jsonl", "audio_jsonl")
SPEECH = tuple(name for name, form in FORMATS.items() if form.audio)
OF_WAV = [name for name in SPEECH if FORMATS[name].audio == ".wav"]
CASES: list[Case] = []


def same(form: Format) -> list[Any]:
    return form.expected(form.rows())


def add(
    name: str,
    spoil: Callable[[Format, Path], None],
    outcome: Outcome,
    *others: tuple[Sequence[str], Outcome],
    only: Sequence[str] = tuple(FORMATS),
    warning: str = "",
) -> None:
    """A case for each format; `others` say where the outcome is another."""
    for form in only:
        found = [other for names, other in others if form in names]
        CASES.append(Case(form, name, spoil, found[0] if found else outcome, warning))


# The bytes of the file


def changed(change: Callable[[bytes], bytes]) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        path = form.write(folder, form.rows())
        path.write_bytes(change(path.read_bytes()))

    return spoil


def second(change: Callable[[bytes], bytes]) -> Callable[[Format, Path], None]:
    """The line of the second row."""

    def spoil(form: Format, folder: Path) -> None:
        path = form.write(folder, form.rows())
        lines = path.read_bytes().split(b"\n")
        lines[len(form.header) + 1] = change(lines[len(form.header) + 1])
        path.write_bytes(b"\n".join(lines))

    return spoil


def lines_with(*blank: str) -> Callable[[Format], list[Any]]:
    return lambda form: [line for text in same(form) for line in (text, *blank)]


UNEVEN = "Source and target must have the same number of lines, but .* has"
add("empty", changed(lambda content: b""), "{file} is empty.", (["standard input"], lambda form: []))
add(
    "nothing but blank lines",
    changed(lambda content: b"\n \n"),
    "{file} has none but blank lines.",
    (LINES, lambda form: ["", " "]),
    (PAIRS, UNEVEN),
)
add("byte order mark", changed(lambda content: b"\xef\xbb\xbf" + content), same)
add("CRLF", changed(lambda content: content.replace(b"\n", b"\r\n")), same)
add("no newline at the end", changed(lambda content: content[:-1]), same)
add(
    "CR alone",
    changed(lambda content: content.replace(b"\n", b"\r")),
    "{file}: its lines end in carriage returns alone; convert these to newlines.",
)
add(
    "blank lines between",
    changed(lambda content: content.replace(b"\n", b"\n\n")),
    same,
    (LINES, lines_with("")),
    (PAIRS, UNEVEN),
)
add(
    "lines of spaces between",
    changed(lambda content: content.replace(b"\n", b"\n  \n")),
    same,
    (LINES, lines_with("  ")),
    (PAIRS, UNEVEN),
)
add(
    "a blank line first",
    changed(lambda content: b"\n" + content),
    same,
    (LINES, lambda form: ["", *same(form)]),
    (PAIRS, UNEVEN),
)
add(
    "blank lines at the end",
    changed(lambda content: content + b"\n\n"),
    same,
    (LINES, lambda form: [*same(form), "", ""]),
    (PAIRS, UNEVEN),
)
add(
    "NUL",
    second(lambda line: line + b"\0"),
    "{file}, line {line}: this holds a NUL character, which text does",
)
add(
    "not UTF-8",
    second(lambda line: line + b"\xe9"),
    "{file}, line {line}: this is not UTF-8 .byte 0xe9 at position",
)
add(
    "half a character",
    second(lambda line: line + b"\xe2\x82"),
    "{file}, line {line}: this is not UTF-8 .byte 0xe2",
)
add("half of UTF-16", second(lambda line: line + b"\xed\xa0\xbd"), "{file}, line {line}: this is not UTF-8")
for encoding, says in (
    ("utf-16", "not UTF-8 .*looks like UTF-16"),
    ("utf-16-le", "NUL"),
    ("utf-32", "not UTF-8|NUL"),
):
    add(
        encoding,
        changed(lambda content, encoding=encoding: content.decode().encode(encoding)),
        f"{{file}}, line 1: .*(?:{says})",
    )
add(
    "gzip without its name",
    changed(gzip.compress),
    "{file}, line 1: this is not UTF-8 .*looks like a gzip file",
)
add(
    "WAV",
    changed(lambda content: b"RIFF\x24\0\0\0WAVEfmt " + content),
    "{file}, line 1: .*looks like a WAV file",
)
add("any bytes", changed(lambda content: bytes(range(255, -1, -1)) * 9), "{file}, line 1: this is not UTF-8")


def compressed(cut: int) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        path = form.write(folder, form.rows())
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())[: -cut or None])
        path.unlink()

    return spoil


COMPRESSIBLE = [name for name in FORMATS if name not in ("standard input", "kaldi", "librispeech")]
add("gzip", compressed(0), same, only=COMPRESSIBLE)
add("gzip, cut off", compressed(9), r"{file}\.gz is not a whole gzip file.", only=COMPRESSIBLE)


def in_its_place(make: Callable[[Path], Any]) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        path = form.write(folder, form.rows())
        path.unlink()
        make(path)

    return spoil


ON_DISK = [name for name in FORMATS if name != "standard input"]
add(
    "missing",
    in_its_place(lambda path: None),
    "Cannot read {file}: No such file",
    (["librispeech"], "is not laid out as"),
    only=ON_DISK,
)
add("a folder", in_its_place(Path.mkdir), "Cannot read {file}: Is a directory.", only=ON_DISK)
add(
    "a loop of links",
    in_its_place(lambda path: path.symlink_to(path)),
    "Cannot read {file}: Too many levels",
    only=ON_DISK,
)


# The text of a row


def rows_with(form: Format, **change: Any) -> list[Row]:
    if form.name == "score's target" and "text" in change:
        change["target"] = change.pop("text")
    first, middle, last = form.rows()
    return [first, replace(middle, **change), last]


def row(**change: Any) -> Callable[[Format, Path], None]:
    return lambda form, folder: (form.write(folder, rows_with(form, **change)), None)[1]


def reads(**change: Any) -> Callable[[Format], list[Any]]:
    return lambda form: form.expected(rows_with(form, **change))


COLUMNS = "{file}, line {line}: .* columns, where the (?:header|first line) has"
CSV = ["audio_table of commas"]
for name, text, *others in (
    (
        "no text",
        "",
        (["text"], lambda form: same(form)[::2]),
        (["labelled_text"], "{file}, line {line}: the text after the tab is empty."),
    ),
    (
        "spaces around",
        "  three  ",
        (["kaldi"], reads(text="three")),
        (["librispeech"], reads(text="three  ")),
    ),
    ("a tab", "th\tree", (TABS, COLUMNS)),
    ("Unicode's spaces", "\u00a0three\u3000\u2003x"),
    ("Unicode's line breaks", "th\u2028ree\u2029x\x85y\x0bz\x0ca\x1cb\x1dc\x1ed"),
    ("a carriage return", "th\rree", (CSV, "{file}, line {line}: this is not comma-separated")),
    (
        "an open quote",
        '"three',
        (CSV, "{file}, line {line}: this is not comma-separated .unexpected end of data"),
    ),
    ("a quote within", 'th"ree'),
    ("percent, braces, backslashes", "100 % {x} [y] %s %(a)s $HOME ${oc.env:HOME} \\n \\"),
    ("a comma", "three, or four"),
    ("a very long line", "x" * 300_000),
    ("characters beyond 16 bits", "\U0001f600 \U00020000 e\u0301 \u05d0\u200f"),
    ("a byte order mark within", "th\ufeffree"),
    ("what others take for nothing", "NaN"),
    ("what others take for a comment", "#three"),
    ("control characters", "\x01\x1b[31m\x7f"),
):
    add(name, row(text=text), reads(text=text), *others)


# Columns and fields

SEPARATED = (*TABS, *CSV)
HEADED = tuple(name for name in SEPARATED if FORMATS[name].header)


def separator(form: Format) -> bytes:
    return b"," if form.name in CSV else b"\t"


def of_lines(change: Callable[[list[bytes], Format], list[bytes]]) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        path = form.write(folder, form.rows())
        path.write_bytes(b"\n".join(change(path.read_bytes().split(b"\n")[:-1], form)) + b"\n")

    return spoil


def renamed(old: bytes, new: bytes) -> Callable[[Format, Path], None]:
    return of_lines(lambda lines, form: [lines[0].replace(old, new), *lines[1:]])


UNREAD = "{file}: the (?:column|field)s? .* not read."
add("a field too many", row(extra=("x",)), COLUMNS, only=SEPARATED)
add("a field that nobody reads", row(extra=("x",)), same, only=JSON, warning=UNREAD)
add(
    "columns that nobody reads",
    of_lines(lambda lines, form: [line + separator(form) + b"mood" for line in lines]),
    same,
    only=SEPARATED,
    warning=UNREAD,
)
add(
    "a field too few",
    of_lines(lambda lines, form: [*lines[:-1], lines[-1].rpartition(separator(form))[0]]),
    COLUMNS.replace("{line}", r"\d"),
    only=SEPARATED,
)
add(
    "no such column",
    renamed(b"text", b"words"),
    "{file} has no column text; its header names",
    only=("audio_table", *CSV),
)
add(
    "a column twice",
    renamed(b"id", b"text"),
    "{file}: its header names the column text twice.",
    only=("audio_table", *CSV),
)
add(
    "a column twice",
    renamed(b"client_id", b"path"),
    "{file}: its header names the column path twice.",
    only=["common_voice"],
)
add("a column twice", renamed(b"de", b"en"), "{file}.* column", only=["tsv with a header"])
add("no header", of_lines(lambda lines, form: lines[1:]), "{file} has no column", only=HEADED)
add(
    "a header alone",
    of_lines(lambda lines, form: lines[:1]),
    "{file} has a header, but no utterance.",
    (["tsv with a header"], lambda form: []),
    only=HEADED,
)
add(
    "a row twice",
    of_lines(lambda lines, form: [*lines, lines[-1]]),
    "{file}, line {last}: .* is that of {file}, line",
    (
        ("tsv", "tsv with a header", "jsonl", "text", "labelled_text", *LINES),
        lambda form: [*same(form), same(form)[-1]],
    ),
    (PAIRS, UNEVEN),
)

# JSON

for name, line, says in (
    ("an array", '["a", "b"]', "this is not a JSON object with named fields."),
    ("a string", '"three"', "this is not a JSON object with named fields."),
    ("nothing", "null", "this is not a JSON object with named fields."),
    ("a comma too many", '{"text": "three",}', "this is not JSON"),
    ("an end too few", '{"text": "three"', "this is not JSON"),
    ("two objects", '{"text": "a"} {"text": "b"}', "this is not JSON .Extra data"),
    ("a field twice", '{"text": "a", "text": "b"}', "this is not JSON .the field text occurs twice"),
    ("single quotes", "{'text': 'a'}", "this is not JSON"),
    ("an array over all lines", "[{", "this is not JSON"),
    ("too deep", '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "this is JSON within JSON"),
    ("a large number", '{"text": ' + "9" * 5000 + "}", "this is not JSON|holds 9"),
):
    add(
        f"JSON: {name}",
        second(lambda _, line=line: line.encode()),
        f"{{file}}, line {{line}}: (?:{says})",
        only=JSON,
    )
for name, value, says in (
    ("a number for a text", "1", "holds 1 and not a string."),
    ("true for a text", "true", "holds true and not a string."),
    ("null for a text", "null", "holds null and not a string."),
    ("NaN for a text", "NaN", "holds NaN and not a string."),
    ("an array for a text", '["a"]', "and not a string."),
    ("an object for a text", '{"a": 1}', "and not a string."),
    ("NUL for a text", '"\\u0000"', "holds a NUL character"),
    ("half a pair", '"\\ud83d"', "holds .ud83d, half a character."),
):
    add(
        f"JSON: {name}",
        second(lambda line, value=value: line.replace(b'"three"', value.encode())),
        f"{{file}}, line {{line}}: the field (?:text|source) .*{says}",
        only=JSON,
    )
