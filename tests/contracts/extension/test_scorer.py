"""A scorer: a class, and a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.compose import compose
from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.tables import SCORERS
from seq2seq.errors import ConfigError
from seq2seq.tasks.speech.transcriber import Transcriber
from tests.contracts.extension.conftest import Extended
from tests.contracts.extension.toys import added, put_to_use
from tests.runs.tiny import LINES
from tests.tiny_speech import RATE, TOKENIZER, tiny_model

USE = ("search.scorers=[brevity]", "search.scorer_weights=[1000]")


@pytest.mark.slow
def test_a_scorer_goes_the_whole_way(
    extended: Extended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added("Scorer", SCORERS, "brevity", monkeypatch)
    search = [*USE, "search=beam", "search.beam_width=2"]
    way = put_to_use(extended.way.run.folder.path, tmp_path / "1", LINES, search)
    assert way.texts == [""] * len(LINES)  # the end costs nothing
    assert [prediction.texts for prediction in way.run.evaluate("test").predictions] == [[""]] * len(LINES)
    assert way.served(LINES) == [""] * len(LINES)
    assert way.exported.manifest["search"]["scorers"] == {"brevity": 1000.0}
    way.run.config.search.scorers, way.run.config.search.scorer_weights = [], []
    assert all(way.run.translate(LINES, n_best=2))


@pytest.mark.slow
def test_it_scores_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = [np.sin(np.arange(RATE // 2, dtype=np.float32))]
    added("Scorer", SCORERS, "brevity", monkeypatch)
    for weights, is_empty in (([0.0], False), ([1000.0], True)):
        search = SearchConfig(scorers=["brevity"], scorer_weights=weights)
        (found,) = Transcriber(tiny_model(), TOKENIZER, search, ctc_weight=0.3).transcribe_batch(audio)
        assert (found.texts == [""]) is is_empty


def test_what_is_wrong_with_scorers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = [f"data.{split}=table.tsv" for split in ("train", "val")]
    added("Scorer", SCORERS, "brevity", monkeypatch)
    for wrong, sentence in (
        (["search.scorers=[brevty]"], r"each of it one of presence, brevity; did you mean brevity\?"),
        (["search.scorer_weights=[1]"], r"must have a number for each of search.scorers=\[\]"),
        (
            ["task=speech", *data, "task.ctc_weight=1", "search.scorers=[brevity]"],
            "CTC alone .* takes none",
        ),
    ):
        with pytest.raises(ConfigError, match=sentence):
            compose(wrong)
