"""Every file that a crash can leave empty or damaged: what can be done without it is done, with a word; all else is
one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.saved import load
from seq2seq.errors import UserError
from seq2seq.runs.train import train
from seq2seq.runs.use import average, load_run
from tests.runs.conftest import METRICS

REFUSED = "refused"
BEST, CHOSEN = "step-00000001", "step-00000002"

# The file, which checkpoint is used then, and what is said.
TABLE = [
    ("config.yaml", REFUSED, ""),
    ("tokenizer/shared.json", REFUSED, "shared.json is not the description of a tokenizer"),
    ("tokenizer/shared.vocab", REFUSED, "shared.vocab is damaged"),
    ("summary.json", BEST, "summary.json is damaged"),
    ("metrics.jsonl", CHOSEN, ""),
    ("checkpoints/step-00000002/checkpoint.json", BEST, "is passed over"),
    ("checkpoints/step-00000002/weights.index", BEST, "is damaged"),
    ("checkpoints/step-00000002/weights.data-00000-of-00001", BEST, "is damaged"),
    ("checkpoints/step-00000002/training.index", CHOSEN, "passed over for another"),
    ("index/test-*/index.json", CHOSEN, ""),
    ("index/test-*/source_ids.bin", CHOSEN, ""),
    ("index/val-*/target_text_offsets.bin", CHOSEN, ""),
    ("predictions/test.txt", CHOSEN, ""),
    (".lock", CHOSEN, ""),
]


def damaged(content: bytes, damage: str) -> bytes:
    garbage = bytes(range(256)) * (len(content) // 256 + 1)
    return {
        "empty": b"",
        "cut in half": content[: len(content) // 2],
        "zeros": b"\0" * len(content),
        "garbage": garbage[: len(content)],
        "null": b"null",
        "{}": b"{}",
        "[]": b"[]",
    }[damage]


KINDS = ["empty", *(pytest.param(kind, marks=pytest.mark.slow) for kind in
         ("cut in half", "zeros", "garbage", "null", "{}", "[]"))]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("file", "used", "said"), TABLE, ids=[row[0] for row in TABLE])
def test_a_damaged_file(
    run: Path, file: str, used: str, said: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "summary.json").write_text(f'{{"checkpoint": "{CHOSEN}", "steps": 2}}')
    (path,) = run.glob(file)
    path.write_bytes(damaged(path.read_bytes(), kind))

    if used == REFUSED:
        for use in (lambda: load_run(run), lambda: train(load(run))):
            with pytest.raises(UserError) as caught:
                use()
            assert said in str(caught.value) or kind in ("{}", "[]", "null")
        return
    opened = load_run(run)
    assert opened.checkpoint == used
    assert opened.evaluate("test").metrics == METRICS
    train(load(run))
    again = load_run(run)
    assert again.checkpoint == BEST  # the run has come to its end again
    assert again.evaluate("val").metrics == METRICS
    assert said in caplog.text or kind != "empty"


def test_an_average_that_is_damaged_gives_way_to_the_best(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "summary.json").write_text('{"checkpoint": "average-2", "steps": 2}')
    weights = next(average(run, 2).glob("weights.data*"))
    assert load_run(run).checkpoint == "average-2"
    weights.write_bytes(b"")
    assert load_run(run).checkpoint == BEST
    assert "average-2 is damaged: weights.data-00000-of-00001 is not what was written" in caplog.text


def test_a_finished_run_that_has_gone_on_is_used_by_its_best_weights(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by the average of the first end, though nothing has removed the summary that names it."""
    (run / "summary.json").write_text('{"checkpoint": "average-2", "steps": 2, "test": {"bleu": 1.0}}')
    average(run, 2)
    config = load(run, ["training.max_steps=3"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seq2seq.runs.train._finish", lambda *_: None)  # it is killed before its second end
        train(config)
    opened = load_run(run)
    assert opened.checkpoint == BEST  # all are alike here, and the first of them is the best
    assert opened.folder.read_summary() == {}
    train(config)
    assert load_run(run).folder.read_summary()["steps"] == 3
