"""An attention mechanism is a class and a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seq2seq
from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.errors import ConfigError, UserError
from tests.contracts.extension.conftest import Extended
from tests.contracts.extension.toys import added
from tests.runs.tiny import LINES, write_corpus

CHOSEN = "model.decoder.attention.kind=cosine"


@pytest.mark.slow
def test_it_works_in_all_that_a_run_does(extended: Extended) -> None:
    run = extended.way.run
    mechanism = run.model.decoder.mechanism
    assert type(mechanism) is extended.examples["Attention"].CosineAttention and mechanism.sharpness == 5
    (answer,) = run.predict(LINES[:1], alignments=True)
    np.testing.assert_allclose(answer.alignment.sum(-1), 1.0, rtol=1e-5)


def test_options_are_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added("Attention", ATTENTIONS, "cosine", monkeypatch)
    for options, sentence in (
        (
            "{sharpnes: 5}",
            "model.decoder.attention.options: CosineAttention has no option sharpnes; valid: sharpness",
        ),
        (
            "{units: 5}",
            "model.decoder.attention.options: CosineAttention has no option units; valid: sharpness",
        ),
    ):
        wrong = f"model.decoder.attention.options={options}"
        with pytest.raises(UserError) as refused:
            seq2seq.train(
                seq2seq.compose([*write_corpus(tmp_path), CHOSEN, wrong, f"run_dir={tmp_path / 'run'}"])
            )
        assert str(refused.value) == sentence


def test_a_word_that_is_not_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    added("Attention", ATTENTIONS, "cosine", monkeypatch)
    with pytest.raises(ConfigError) as refused:
        seq2seq.compose(["model.decoder.attention.kind=cosin"])
    (problem,) = refused.value.problems
    assert problem.endswith("bahdanau_monotonic, none, location, cosine; did you mean cosine?")
