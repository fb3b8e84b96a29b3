"""`seq2seq tune`: what it chooses, says, and leaves in the run. Outputs are stand-ins with known scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import yaml

from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.saved import load
from seq2seq.errors import ConfigError, UserError
from seq2seq.metrics.corpus_scorer import CorpusScores
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.runs.train import train
from seq2seq.runs.tune import Trial, choose, metric_order, random_rows, to_write, tune
from seq2seq.runs.use import load_run
from seq2seq.tasks.translation.evaluator import TranslationEvaluator
from tests.e2e.commands import seq2seq
from tests.search.toy_language_model import Trigrams

NOISE = np.random.default_rng(1).normal(size=100)


def quality(search: SearchConfig) -> float:
    """Best at 5 hypotheses with a length penalty of 0.8; a wider beam is better by less than noise."""
    wide = {1: 0.0, 2: 2.0, 3: 3.0, 5: 4.0, 8: 4.1}[search.width]
    return 30.0 + wide - (3.0 * abs(search.length_penalty - 0.8) if search.width > 1 else 0.0)


@pytest.fixture
def scored(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[SearchConfig], float]], list[SearchConfig]]:
    """Gives each search the BLEU of a function, with noise that is half a point wide; lists the searches."""

    def install(bleu_of: Callable[[SearchConfig], float]) -> list[SearchConfig]:
        asked: list[SearchConfig] = []

        def scores(self: TranslationEvaluator, index: Any, rows: Any = None) -> CorpusScores:
            search = self.translator.search
            asked.append(search)
            bleu = bleu_of(search)
            own = np.random.default_rng(len(asked)).permutation(NOISE)
            samples = {"bleu": (bleu + 0.17 * own).tolist(), "chrf": [50.0] * 100}
            return CorpusScores({"bleu": bleu, "chrf": 50.0}, {}, samples)

        monkeypatch.setattr(TranslationEvaluator, "scores", scores)
        return asked

    return install


def test_it_finds_the_best_and_writes_it_to_the_run(
    run: Path, scored: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = scored(quality)
    before = (run / "config.yaml").read_bytes()
    assert seq2seq("tune", run, "--dry-run") == 0
    assert not (run / "search.yaml").exists()
    first = len(asked)
    assert seq2seq("tune", run, "--rows", 4) == 0
    assert len(asked) == 2 * first
    said = capsys.readouterr().out
    assert "val: 4 of 6 pairs, by BLEU, then chrF" in said
    assert "Better: BLEU 30.00 → 34.00 (+4.00, noise ±" in said
    assert "search.beam_width=5 (was 1)\nsearch.length_penalty=0.8 (was 1.0)" in said
    assert yaml.safe_load((run / "search.yaml").read_text()) == {
        "name": "beam",
        "beam_width": 5,
        "length_penalty": 0.8,
    }
    assert (run / "config.yaml").read_bytes() == before
    opened = load_run(run).config.search
    assert (str(opened.name), opened.beam_width, opened.length_penalty) == ("beam", 5, 0.8)
    assert load_run(run, ["search=greedy"]).config.search.width == 1
    assert load(run).search.width == 1  # as training reads it
    train(load(run, ["training.max_steps=3"]))  # goes on
    capsys.readouterr()
    assert seq2seq("tune", run) == 0
    assert "No setting is better by more than the noise" in capsys.readouterr().out


def test_noise_changes_nothing_and_a_cheaper_beam_is_taken(run: Path, scored: Any) -> None:
    scored(lambda search: 30.0 + 0.02 * search.width)
    lines: list[str] = []
    opened = load_run(run)
    tuned = tune(opened, say=lines.append)
    assert tuned.after is tuned.before
    assert not tuned.changes
    assert to_write(opened, tuned) == {}
    assert len(lines) == len(set(lines)) > 10
    wide = load_run(run, ["search=beam", "search.beam_width=8"])
    tuned = tune(wide, say=lines.append)
    assert tuned.sentence.startswith("No worse, and cheaper (a beam of 1, not 8): BLEU 30.16 → 30.02 (-0.14")
    assert tuned.changes == {"name": "greedy", "beam_width": 1}
    assert to_write(wide, tuned) == {}  # the run's own is greedy


def test_a_language_model_that_helps_is_kept(run: Path, scored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fused(search: SearchConfig) -> float:
        return 30.0 + (10.0 * min(search.language_model_weight, 0.2) if search.language_model else 0.0)

    scored(fused)
    opened = load_run(run)
    opened.language_model = Trigrams(4, 1)
    opened.config.search.language_model = "lm"
    tuned = tune(opened, say=lambda line: None)
    assert tuned.after is tuned.before  # 0.3 is as good as 0.2
    assert to_write(opened, tuned) == {"language_model": str(Path("lm").absolute())}
    scored(lambda search: 30.0)
    tuned = tune(opened, say=lambda line: None)
    assert tuned.changes == {"language_model_weight": 0.0}
    assert to_write(opened, tuned) == {}


def test_the_first_that_is_not_beaten_beyond_noise_is_chosen() -> None:
    def trial(bleu: float, spread: float) -> Trial:
        own = np.random.default_rng(int(bleu * 100)).permutation(NOISE)
        return Trial(
            SearchConfig(), Validation({"bleu": bleu}, {"bleu": (bleu + spread * own).tolist()}), 1.0
        )

    order = MetricOrder.of("bleu")
    for spread, expected in ((0.01, 2), (0.3, 1), (3.0, 0)):
        trials = [trial(bleu, spread) for bleu in (28.0, 29.5, 30.0)]
        assert choose(order, trials, trials) is trials[expected]


def test_rows_are_drawn_by_the_seed() -> None:
    rows = random_rows(1000, 50, 3)
    assert rows == random_rows(1000, 50, 3) == sorted(set(rows or []))
    assert len(rows or []) == 50
    assert rows != random_rows(1000, 50, 4)
    assert random_rows(20, 50, 3) is random_rows(20, None, 3) is None


def test_what_cannot_be_tuned_is_said(run: Path, scored: Any) -> None:
    scored(quality)
    opened = load_run(run, ["search=sampling"])
    with pytest.raises(UserError, match="draws at random; tune with search=beam"):
        tune(opened)
    assert [metric.name for metric in metric_order(opened).metrics] == ["bleu", "chrf"]
    opened.config.task.metric = "loss"  # of which a search knows nothing
    assert [metric.name for metric in metric_order(opened).metrics] == ["bleu", "chrf"]
    (run / "search.yaml").write_text("beam_widht: 3\nlength_penalty: -1\n")
    with pytest.raises(ConfigError, match=r"in .*search.yaml: search.beam_widht.*did you mean"):
        load_run(run)
