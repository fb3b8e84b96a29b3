"""What the training data decides, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.auto import AUTO_KEYS, value_of
from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import load, to_yaml
from seq2seq.errors import ConfigError
from seq2seq.runs.sizes import as_decided, laid_out, with_length, with_sizes
from seq2seq.runs.train import train
from seq2seq.tasks.table import task_of
from tests.runs.conftest import stand_ins_in_place

LETTERS = [f"{a} {b} {c}" for a in "abcdef" for b in "abcdef" for c in "abcdef"]


@pytest.fixture
def corpus(tmp_path: Path) -> list[str]:
    """The choice of 216 pairs of letters."""
    for split, lines in (("train", LETTERS), ("val", LETTERS[:9])):
        text = "".join(f"{line}\t{line[::-1]}\n" for line in lines)
        (tmp_path / f"{split}.tsv").write_text(text, encoding="utf-8")
    return ["data=tsv", f"data.root={tmp_path}", "data.train=train.tsv", "data.val=val.tsv"]


def test_a_file_of_conf_leaves_to_the_data_what_it_writes_as_auto(corpus: list[str]) -> None:
    config = compose(corpus)
    assert set(config.auto) <= set(AUTO_KEYS)
    assert {"data.tokenizer.vocabulary_size", "model.encoder.units", "training.max_steps"} <= set(config.auto)
    assert "model.encoder.units" not in compose([*corpus, "model.encoder.units=256"]).auto
    assert compose(["model=translation_large"]).auto == [
        key for key in AUTO_KEYS if key.startswith(("task", "optimizer", "training"))
    ]


def test_any_key_of_the_list_can_be_left_to_the_data_by_name(corpus: list[str]) -> None:
    assert (
        "model.encoder.units"
        in compose([*corpus, "model=translation_large", "auto=[model.encoder.units]"]).auto
    )
    with pytest.raises(ConfigError, match=r"auto=\[model.units\]: .*model.encoder.units"):
        compose([*corpus, "auto=[model.units]"])


def test_sizes_are_plain_numbers_and_what_is_given_stays(corpus: list[str]) -> None:
    config = compose([*corpus, "model.embedding.size=20"])
    sized = with_sizes(config, task_of(config))
    assert sized.data.tokenizer.vocabulary_size == 4 + 7 + 6  # special pieces, letters and the space, words
    assert (sized.model.embedding.size, sized.model.encoder.units, sized.model.decoder.units) == (
        20,
        128,
        256,
    )
    assert config.data.tokenizer.vocabulary_size == 8000  # the one that was given is as it was
    long = with_length(sized, 10)
    assert long.training.max_steps == 1500
    assert (long.training.validate_every, long.training.early_stopping.patience) == (125, 5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["training.epochs=3"], (3, None, 0, 0)),
        (["training.max_steps=30"], (None, 30, 0, 0)),
        (["training.validate_every=7"], (None, 1500, 7, 5)),
    ],
)
def test_a_length_that_is_given_is_the_length(
    corpus: list[str], given: list[str], expected: tuple[int | None, ...]
) -> None:
    config = compose([*corpus, *given])
    training = with_length(config, 10).training
    found = (training.epochs, training.max_steps, training.validate_every, training.early_stopping.patience)
    assert found == expected


@pytest.mark.parametrize(
    ("updates", "per_epoch", "every"), [(600, 1, 50), (120, 3, 10), (30, 10, 0), (9000, 60, 0)]
)
def test_epochs_of_a_few_updates_are_not_validated_one_by_one(
    corpus: list[str], updates: int, per_epoch: int, every: int
) -> None:
    config = compose([*corpus, f"training.max_steps={updates}"])
    assert with_length(config, per_epoch).training.validate_every == every


def test_a_run_fits_the_time_that_it_has(corpus: list[str]) -> None:
    config = compose([*corpus, "training.max_minutes=10"])
    for updates, steps in ((960, 960), (4800, 1500), (0, 1)):
        assert with_length(config, 10, updates).training.max_steps == steps


class Planned:
    """A plan of one epoch of so many tokens."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def steps_per_epoch(self, epoch: int) -> int:
        return 2_000_000 // self.config.data.batch.size


@pytest.mark.parametrize(
    ("options", "step", "expected"),
    [
        ([], 0.2, (4096, 2400)),
        ([], 1.0, (1024, 1920)),  # of a quarter of a second each
        ([], 0.4, (4096, 1200)),
        ([], 0.5, (2048, 1920)),
        ([], 100.0, (1024, 19)),
        (["data.batch.size=4096"], 1.0, (4096, 480)),  # it is as it was given
        (["training.max_steps=7"], None, (4096, 7)),
        (["training.epochs=3"], None, (4096, None)),
    ],
)
def test_few_updates_in_the_time_that_there_is_make_batches_smaller(
    corpus: list[str], options: list[str], step: float | None, expected: tuple[int, int | None]
) -> None:
    config = compose([*corpus, "training.max_minutes=10", *options])

    def seconds(config: TrainConfig, planned: Planned) -> float:
        assert step is not None, "nothing asked for time"
        assert planned.config is config
        return step * config.data.batch.size / 4096

    config, planned = laid_out(config, Planned, seconds)
    assert planned.config.data.batch.size == config.data.batch.size
    assert (config.data.batch.size, config.training.max_steps) == expected


@pytest.mark.parametrize(("updates", "every"), [(1, 1), (30, 2), (299, 10), (1500, 100), (100_000, 100)])
def test_short_runs_report_more_often(corpus: list[str], updates: int, every: int) -> None:
    config = compose([*corpus, f"training.max_steps={updates}"])
    assert with_length(config, 10).training.report_every == every
    config = compose([*corpus, "training.epochs=3", "training.report_every=7"])
    assert with_length(config, 10).training.report_every == 7


@pytest.mark.parametrize(("given", "expected"), [([], "zh"), (["task.bleu_tokenizer=char"], "char")])
def test_references_that_have_no_spaces_decide_what_splits_them(
    corpus: list[str], tmp_path: Path, given: list[str], expected: str
) -> None:
    assert with_sizes(compose(corpus), task_of(compose(corpus))).task.bleu_tokenizer == "13a"  # type: ignore[attr-defined]
    (tmp_path / "train.tsv").write_text("we like cats\t我们喜欢猫。\n" * 20, encoding="utf-8")
    config = compose([*corpus, *given])
    assert with_sizes(config, task_of(config)).task.bleu_tokenizer == expected  # type: ignore[attr-defined]


def test_without_any_length_there_is_a_sentence(corpus: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"training\.max_steps=null: needs training.epochs"):
        compose([*corpus, "training.max_steps=null"])


def test_sizes_that_contradict_what_was_given_are_refused(corpus: list[str]) -> None:
    config = compose([*corpus, "model.bridge=copy", "model.decoder.units=512"])
    with pytest.raises(ConfigError, match=r"model\.bridge=copy"):
        with_sizes(config, task_of(config))


def test_a_run_writes_what_was_decided_and_goes_on_with_it(
    corpus: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.tasks.translation.task.epochs_and_least", lambda counts: (1, 3))
    options = [*corpus, f"run_dir={tmp_path / 'run'}", "model.encoder.units=8", "model.decoder.units=8"]
    options += ["training.progress=false", "training.plots=false"]
    with stand_ins_in_place():
        run = train(compose(options))
        first = load(run)
        assert (
            "auto:" in (run / "config.yaml").read_text() and "${auto" not in (run / "config.yaml").read_text()
        )
        assert first.training.epochs is None
        assert 3 <= first.training.max_steps < 100
        # More data would have decided otherwise; the run keeps what it has.
        with (tmp_path / "train.tsv").open("a", encoding="utf-8") as file:
            file.writelines(f"word{n} word{n + 1}\tword{n}\n" for n in range(2000))
    again = compose(options)
    assert with_sizes(again, task_of(again)).model.embedding.size != first.model.embedding.size
    assert to_yaml(as_decided(again, first)) == to_yaml(first)


def test_epochs_given_on_resumption_are_not_cut_short_by_what_was_decided(
    corpus: list[str], tmp_path: Path
) -> None:
    config = compose(corpus)
    saved = with_length(with_sizes(config, task_of(config)), 10)
    assert as_decided(compose([*corpus, "training.epochs=900"]), saved).training.max_steps is None
    (tmp_path / "config.yaml").write_text(to_yaml(saved))
    assert load(tmp_path).training.max_steps == 1500
    longer = load(tmp_path, ["training.epochs=900"]).training
    assert (longer.epochs, longer.max_steps) == (900, None)
    assert load(tmp_path, ["optimizer=adam"]).optimizer.learning_rate == value_of(
        saved, "optimizer.learning_rate"
    )


def test_a_run_of_another_task_has_nothing_to_go_on_with(corpus: list[str]) -> None:
    speech = compose(["task=speech"])
    assert as_decided(speech, compose(corpus)) == speech
