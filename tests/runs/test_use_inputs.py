"""A run of speech in use: broken files among good ones, names that arrive one by one, pipes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.datasets.arriving import Arriving
from seq2seq.errors import ConfigError, UserError
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.use import Run
from seq2seq.tasks.tokenizers import Tokenizers
from tests.tiny_speech import RATE, TOKENIZER, tiny_config, tiny_model


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three, of which the second is text."""
    folder = tmp_path_factory.mktemp("audio")
    paths = [folder / name for name in ("1.wav", "2.wav", "3.wav")]
    for number, path in enumerate(paths):
        soundfile.write(
            path, 0.3 * np.random.default_rng(number).standard_normal(RATE // 2 + 400 * number), RATE
        )
    paths[1].write_text("no audio")
    return [str(path) for path in paths]


def run_of_speech(folder: Path, *overrides: str) -> Run:
    config = tiny_config("task.ctc_weight=1", *overrides)
    return Run(
        RunFolder.create(folder / "run", task="speech"),
        config,
        Tokenizers(TOKENIZER, TOKENIZER),
        tiny_model(),
    )


def test_texts_of_good_files_are_not_lost_to_a_broken_one(files: list[str], tmp_path: Path) -> None:
    run = run_of_speech(tmp_path)
    transcriptions = run.predict(files)
    (expected,) = run.predict(files[:1])
    assert next(transcriptions).texts == expected.texts
    with pytest.raises(UserError, match=r"2\.wav .*; data\.broken_audio=skip goes on without"):
        next(transcriptions)


def test_a_broken_file_is_skipped_where_that_is_asked_for(
    files: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of_speech(tmp_path, "data.broken_audio=skip")
    with caplog.at_level(logging.WARNING):
        found = list(
            run.predict([files[1], *files, str(tmp_path / "x" / ("gone.wav" * 40))], alignments=True)
        )
    good = list(run.predict([files[0], files[2]], alignments=True))
    assert [one.texts for one in found] == [[""], good[0].texts, [""], good[1].texts, [""]]
    assert [one.scores for one in found] == [[0.0], good[0].scores, [0.0], good[1].scores, [0.0]]
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("seq2seq")]
    assert [message.split(": ")[0] for message in messages] == ["Left out, its text is empty"] * 3
    for message, name in zip(messages, ("2.wav", "2.wav", "gone.wav")):
        assert name in message


def test_later_calls_use_the_graph_of_the_first(files: list[str], tmp_path: Path) -> None:
    run = run_of_speech(tmp_path)
    texts = run.transcribe([files[0]])
    assert run.transcribe([files[2], files[0]])[1:] == texts
    assert run.transcribe([files[0]], n_best=1) == [texts]
    assert [one.texts for one in run.predict([files[0]])] == [texts]
    (predictor,) = run._predictors.values()
    graph = predictor._transcriber._graph  # type: ignore[attr-defined]
    assert graph.experimental_get_tracing_count() == 1
    with pytest.raises(ConfigError, match=r"search\.n_best=2: at most as many as search\.beam_width=1"):
        run.transcribe([files[0]], n_best=2)


def test_files_are_read_as_their_names_arrive(files: list[str], tmp_path: Path) -> None:
    read = []

    def names() -> Iterator[str]:
        for name in (files[0], files[2]):
            read.append(name)
            yield name

    transcriptions = run_of_speech(tmp_path).predict(Arriving(names(), ready=lambda: False))
    next(transcriptions)
    assert read == files[:1]
    assert len(list(transcriptions)) == 1


def test_audio_comes_through_a_pipe(files: list[str], tmp_path: Path) -> None:
    run = run_of_speech(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write(file: str) -> None:
        pipe.write_bytes(Path(file).read_bytes())

    for file in files[:2]:
        thread = threading.Thread(target=write, args=[file])
        thread.start()
        if file == files[0]:
            (found,), (expected,) = run.predict([pipe]), run.predict([file])
            assert (found.texts, found.scores) == (expected.texts, expected.scores)
        else:
            with pytest.raises(UserError, match=f"^{pipe} is not an audio file"):
                list(run.predict([pipe]))
        thread.join()
