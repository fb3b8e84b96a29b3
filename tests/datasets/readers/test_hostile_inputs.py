"""Readers × hostile inputs: the right examples, or one sentence with file and line, and `seq2seq check` says the same.

Never a traceback, and never less than there is without a word."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.errors import UserError
from seq2seq.runs.check import report
from seq2seq.text import Normalizer, SentencePieceTokenizer, load_tokenizer
from tests.datasets.readers import hostile_audio  # adds its own to the cases
from tests.datasets.readers.formats import FORMATS, Format
from tests.datasets.readers.hostile_inputs import CASES, Case


@cache
def base_config(task: str) -> TrainConfig:
    return compose([f"task={task}"])


def check_refusal(form: Format, folder: Path) -> str:
    assert form.data is not None
    data = form.data(folder)
    data.tokenizer.kind = "word"
    with pytest.raises(UserError) as caught:
        list(report(replace(base_config("speech" if form.audio else form.task), data=data)))
    return str(caught.value)


def pattern(text: str, form: Format, folder: Path) -> str:
    file = "standard input" if form.name == "standard input" else str(folder / form.main)
    places = {
        "{file}": re.escape(file),
        "{line}": str(len(form.header) + 2),
        "{last}": str(len(form.header) + 4),
    }
    for place, value in places.items():
        text = text.replace(place, value)
    return text


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.form}: {case.name}") for case in CASES])
def test_the_right_examples_or_a_sentence(
    tmp_path: Path, case: Case, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FORMATS[case.form]
    monkeypatch.chdir("/")  # Kaldi's paths may count from here
    case.spoil(form, tmp_path)
    if not isinstance(case.outcome, str):
        assert form.examples(tmp_path) == case.outcome(form)
        warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == bool(case.warning)
        assert not warnings or re.match(pattern(case.warning, form, tmp_path), warnings[0])
        return
    with pytest.raises(UserError) as caught:
        form.examples(tmp_path)
    sentence = str(caught.value)
    assert re.search(pattern(case.outcome, form, tmp_path), sentence), sentence
    assert len(sentence) < 1000 and len(sentence.split("\n")) < 4, "as long as the input"
    if form.data is not None:
        assert check_refusal(form, tmp_path) == sentence


def test_how_many() -> None:
    counts = {form: len({case.name for case in CASES if case.form == form}) for form in FORMATS}
    print(
        f"{len(FORMATS)} readers, {len({case.name for case in CASES})} inputs, {len(CASES)} cases: {counts}"
    )
    assert hostile_audio.NO_FILE and len(counts) >= 10
    assert min(counts.values()) >= 25


NO_MODEL = {
    "empty": b"",
    "blank lines": b"\n \n",
    "text": b"one two\nthree\n",
    "JSON": b'{"kind": "sentencepiece"}',
    "UTF-16": "one two".encode("utf-16"),
    "NUL": bytes(100),
    "gzip": b"\x1f\x8b\x08" + bytes(range(256)),
    "WAV": b"RIFF\x24\0\0\0WAVEfmt ",
    "any bytes": bytes(range(255, -1, -1)) * 9,
}


@pytest.mark.parametrize("name", [*NO_MODEL, "missing", "a folder", "a loop of links"])
def test_what_is_no_tokenizer_is_named(tmp_path: Path, name: str) -> None:
    for path, says, read in (
        (
            tmp_path / "a.model",
            "is not a SentencePiece model",
            lambda path: SentencePieceTokenizer.load(path, Normalizer()),
        ),
        (
            tmp_path / "a.json",
            "is not the description of a tokenizer|tells of a",
            lambda path: load_tokenizer(tmp_path, "a"),
        ),
    ):
        if name in NO_MODEL:
            path.write_bytes(NO_MODEL[name])
        elif name == "a folder":
            path.mkdir()
        elif name != "missing":
            path.symlink_to(path)
        with pytest.raises(
            UserError, match=f"{re.escape(str(path))}(?: {says}|: )" if name in NO_MODEL else "Cannot read"
        ):
            read(path)
