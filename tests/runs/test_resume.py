"""What a run that goes on must find as it was: one sentence for data that changed, and one for what the rate does."""

from __future__ import annotations

import copy
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.root import TrainConfig
from seq2seq.errors import ConfigError, UserError
from seq2seq.runs.resume import (
    continued_schedule,
    first_schedule,
    refuse_another_run,
    refuse_other_data,
    refuse_other_tokenizers,
    resume_command,
)
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.text import Normalizer, WordTokenizer
from seq2seq.training.build import build_schedule
from seq2seq.training.checkpoints.store import CheckpointStore

# --- data ---

DATA = {
    "tokenizers": ["t", "t"],
    "train": {"examples": 1600, "unit": "pairs", "digest": "a"},
    "val": {"examples": 20, "unit": "pairs", "digest": "b"},
    "plan": {"batches": 10, "digest": "c"},
}


def changed(*paths: tuple[Any, ...]) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy(DATA)
    for *folders, key, value in paths:
        inner = data[folders[0]] if folders else data
        inner[key] = value
    return data


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (
            changed(("train", "examples", 20), ("train", "digest", "x"), ("plan", "digest", "x")),
            "train: 20 pairs, the run was trained on 1,600",
        ),
        (
            changed(("train", "examples", 3200), ("val", "digest", "x")),
            "train: 3,200 pairs, the run was trained on 1,600; val: the content of its 20 pairs has changed",
        ),
        (changed(("train", "digest", "x")), "train: the content of its 1,600 pairs has changed"),
        (changed(("val", "examples", 21)), "val: 21 pairs, the run was validated on 20"),
    ],
)
def test_other_data_is_one_sentence(now: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError) as refused:
        refuse_other_data(DATA, now, Path("runs/mine"))
    assert str(refused.value) == (
        f"runs/mine: the data is not what this run was trained on ({what}). Put it back to go on, or start anew with"
        " another run_dir."
    )


def test_other_tokenizers_are_refused(tmp_path: Path) -> None:
    def tokenizers(*symbols: str) -> Tokenizers:
        return Tokenizers(*(WordTokenizer(list(text), Normalizer()) for text in symbols))

    store = CheckpointStore(tmp_path / "checkpoints")
    refuse_other_tokenizers(tokenizers("ab", "cd"), store, tmp_path)  # nothing is trained yet
    recorded = {"tokenizers": [tokenizer.fingerprint for tokenizer in tokenizers("ab", "cd")]}
    for step, state in enumerate([{}, {"data": recorded}, {}]):
        store.save(step=step, model=tf.Module(), training={"model": tf.Module()}, state=state)
    refuse_other_tokenizers(tokenizers("ab", "cd"), store, tmp_path)
    for other in (("ba", "cd"), ("ab", "cde"), ("cd", "ab")):
        with pytest.raises(
            UserError, match="tokenizer does not hold the tokenizer that this run was trained with"
        ):
            refuse_other_tokenizers(tokenizers(*other), store, tmp_path)


def test_the_same_data_passes_silently(caplog: pytest.LogCaptureFixture) -> None:
    refuse_other_data(DATA, changed(), Path("runs/mine"))
    assert caplog.messages == []


def test_a_checkpoint_that_does_not_say_its_data_is_believed_with_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refuse_other_data(None, DATA, Path("runs/mine"))
    assert caplog.messages == [
        "runs/mine was trained by an earlier version, which did not record its data: it goes on with what is there now."
    ]


def test_another_plan_of_the_same_data_is_said(caplog: pytest.LogCaptureFixture) -> None:
    refuse_other_data(DATA, changed(("plan", "digest", "x")), Path("runs/mine"))
    assert caplog.messages == [
        "This version plans other batches from the same data: the run goes on, not bit for bit as it would have."
    ]


# --- learning rate: epochs of 100 steps, a rate of 1 without a warm-up ---

COSINE = [
    "optimizer=adam",
    "optimizer.learning_rate=1",
    "optimizer.schedule.warmup_steps=0",
    "training.epochs=9",
]
TOTAL, MINIMUM = "optimizer.schedule.total_steps", "optimizer.schedule.minimum"
LONGER, CONSTANT = "training.epochs=18", "optimizer.schedule.name=constant"
FURTHER = (
    "The run goes on to step {}, and the cosine of its learning rate ends at step {}: from there on the rate stays at"
    " {}."
)
SHORTER = "The run ends at step {}, and the cosine of its learning rate has {} steps: the last rate is {}."
ANEW = " optimizer.schedule.total_steps={} lays it out over the whole run (the rate of step {} is then {}, not {})"


def config(*overrides: str) -> TrainConfig:
    return compose([*COSINE, *overrides])


def rate(config: TrainConfig, schedule: Any, step: int) -> float:
    optimizer = copy.deepcopy(config.optimizer)
    optimizer.schedule = schedule
    return float(build_schedule(optimizer, schedule.total_steps)(step))


@pytest.mark.parametrize(
    ("first", "now", "recorded", "step", "total", "minimum", "words"),
    [
        # nothing changed: not a word
        ([], [], {"total_steps": 900, "minimum": 0.0}, 300, 900, 0.0, []),
        ([], [], {}, 300, 900, 0.0, []),  # of an earlier version
        (["training.max_steps=450"], ["training.max_steps=450"], {}, 300, 450, 0.0, []),
        ([f"{TOTAL}=500"], [f"{TOTAL}=500"], {}, 300, 500, 0.0, []),
        # further: the schedule keeps its length, and what could be had instead is said
        ([], [LONGER], {}, 900, 900, 0.0, [
            FURTHER.format(1800, 900, "0, so that nothing more is learnt") + ANEW.format(1800, 901, 0.499, 0)
            + "; optimizer.schedule.minimum=0.05 goes on at a twentieth of the full rate."
        ]),
        ([f"{MINIMUM}=0.1"], [f"{MINIMUM}=0.1", LONGER], {}, 300, 900, 0.1, [
            FURTHER.format(1800, 900, 0.1) + ANEW.format(1800, 301, 0.939, 0.774) + ".",
        ]),
        # further, with a choice
        ([], [LONGER, f"{TOTAL}=1800"], {"total_steps": 900, "minimum": 0.0}, 900, 1800, 0.0, [
            f"The learning rate of step 901 is 0.499, not 0: {TOTAL}=1800 (was 900).",
        ]),
        ([], [LONGER, f"{MINIMUM}=0.05"], {}, 900, 900, 0.05, [
            f"The learning rate of step 901 is 0.05, not 0: {MINIMUM}=0.05 (was 0.0).",
            FURTHER.format(1800, 900, 0.05) + ANEW.format(1800, 901, 0.524, 0.05) + ".",
        ]),
        ([], [LONGER], {"total_steps": 1800, "minimum": 0.0}, 1000, 1800, 0.0, []),  # it is the run's now
        # shorter
        ([], ["training.epochs=6"], {}, 300, 900, 0.0, [
            SHORTER.format(600, 900, 0.25) + ANEW.format(600, 301, 0.497, 0.748) + ".",
        ]),
        # over already: nothing is learnt, whatever the schedule
        ([], ["training.epochs=2"], {}, 300, 900, 0.0, []),
        # other schedules have no length
        ([CONSTANT], [CONSTANT, LONGER], {}, 900, 900, 0.0, []),
    ],
)  # fmt: skip
def test_the_schedule_is_the_runs(
    first: list[str],
    now: list[str],
    recorded: dict[str, Any],
    step: int,
    total: int,
    minimum: float,
    words: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    saved = config(*first)
    schedule = continued_schedule(config(*now), saved, recorded, steps_per_epoch=100, step=step)
    assert (schedule.total_steps, schedule.minimum) == (total, minimum)
    assert caplog.messages == words


@pytest.mark.parametrize("epochs", [3, 9, 18])
def test_epochs_do_not_change_the_rate_of_a_step(epochs: int) -> None:
    saved = config()
    unbroken = first_schedule(saved, 100)
    schedule = continued_schedule(
        config(f"training.epochs={epochs}"), saved, {}, steps_per_epoch=100, step=250
    )
    for step in (251, 600, 900):
        assert rate(saved, schedule, step) == rate(saved, unbroken, step)


# --- configuration ---


def test_what_makes_another_run_is_named() -> None:
    now = config("training.epochs=3", "optimizer.schedule.total_steps=7", "model.encoder.units=3", "seed=2")
    with pytest.raises(ConfigError) as refused:
        refuse_another_run(config(), now, Path("runs/mine"))
    ending = ": runs/mine holds a run of another value; give another run_dir"
    assert refused.value.problems == [f"model.encoder.units=3 (was 256){ending}", f"seed=2 (was 1){ending}"]


@pytest.mark.parametrize(
    ("program", "command"), [("train.py", "python train.py"), ("/usr/bin/seq2seq", "seq2seq train")]
)
def test_the_command_to_go_on_with_says_what_was_changed(
    program: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert resume_command(Path("a run"), config(), config()) == f"{command} 'run_dir=a run'"
    now = config("training.epochs=18", "training.max_steps=1000", "optimizer.schedule.total_steps=1000")
    assert resume_command(Path("runs/mine"), config(), now) == (
        f"{command} run_dir=runs/mine optimizer.schedule.total_steps=1000 training.epochs=18 training.max_steps=1000"
    )
