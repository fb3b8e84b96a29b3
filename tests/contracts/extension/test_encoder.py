"""An encoder is a class and a line, for every task."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.groups.model import ENCODERS
from tests import tones
from tests.contracts.extension.conftest import Extended
from tests.contracts.extension.toys import added, put_to_use, trained
from tests.runs.tiny import OPTIONS

CHOSEN = ["model.encoder.kind=window", "model.encoder.options={reach: 2}"]
SHORT = [option for option in OPTIONS if option.startswith(("training.", "task."))]


@pytest.mark.slow
def test_it_reads_text(extended: Extended) -> None:
    run = extended.way.run
    assert type(run.model.encoder) is extended.examples["Encoder"].WindowEncoder
    assert run.model.encoder.convolution.kernel.shape == [5, 4, 4]


@pytest.mark.slow
def test_it_reads_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = added("Encoder", ENCODERS, "window", monkeypatch)
    corpus = tones.write_corpus(tmp_path)
    options = [*tones.data(corpus), *tones.SMALL, *SHORT, *CHOSEN]
    trained_run = trained(options, tmp_path / "run", 1)
    run = put_to_use(trained_run, tmp_path / "1", [str(corpus / "00.wav")], ()).run
    assert type(run.model.encoder) is example.WindowEncoder
