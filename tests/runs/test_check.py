"""What is said about data before a long run."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.compose import compose
from seq2seq.datasets.batches.plan import BatchPlan
from seq2seq.errors import UserError
from seq2seq.runs.check import report

PAIRS = {
    "train": [("a b", "c d"), ("b a a", "d c c"), ("", "c"), ("a a a a a a a a", "c")],
    "val": [("a b", "c d"), ("a x", "d")],
}


def overrides(folder: Path) -> list[str]:
    """Files of pairs, and words for tokens, so that every number can be counted by hand."""
    for split, pairs in PAIRS.items():
        for side, name in enumerate(("source", "target")):
            (folder / f"{split}.{name}").write_text("".join(pair[side] + "\n" for pair in pairs))
    files = [f"data.{split}.{side}={split}.{side}" for split in PAIRS for side in ("source", "target")]
    return [
        "data=parallel_text",
        f"data.root={folder}",
        *files,
        "data.tokenizer.kind=word",
        "data.max_source_length=5",
        "data.batch={type: examples, size: 1}",
        "model.embedding.size=4",
        "model.encoder.units=4",
        "model.decoder.units=4",
        "model.decoder.attention.layer_size=4",
    ]


def test_counts_lengths_coverage_and_what_looks_wrong(tmp_path: Path) -> None:
    lines = list(report(compose(overrides(tmp_path))))
    before = sorted(path.name for path in tmp_path.iterdir())
    assert before == ["train.source", "train.target", "val.source", "val.target"]  # it left nothing behind
    text = "\n".join(lines)
    assert (
        "train        4 pairs read, 2 used; left out: 1 empty, 1 longer than data.max_source_length=5" in text
    )
    assert "  source     5 tokens; a line has 2 (median), 3 (95 %), 3 (most); 0.00% unknown" in text
    assert "val          2 pairs read, 2 used" in text
    assert "  source     4 tokens; a line has 2 (median), 2 (95 %), 2 (most); 25.00% unknown" in text
    assert "an epoch     2 steps of data.batch.size=1 examples" in text
    assert [line for line in lines if line.startswith("note: ")] == [
        f"note: 1 of 4 lines of data.train's source are empty, such as {tmp_path}/train.source, line 3: remove these"
        " examples, or find what belongs there.",
        f"note: 1 of 2 pairs of data.val are in data.train as well, such as {tmp_path}/val.source, line 1: remove them"
        " from data.train, or what is measured is what was learnt by heart.",
        "note: data.max_source_length=5 leaves out 1 of 4 training examples (25%), which are longer.",
        "note: 25.0% of data.val's source tokens are unknown: a larger data.tokenizer.vocabulary_size, or kind"
        " unigram or bpe, would read more of the text.",
        "note: data.test names no file; nothing will be measured on it.",
        "note: data.val: BLEU counts up to four words in a row, and none of 2 references has four"
        " (task.bleu_tokenizer=13a): chrF tells models of such short lines apart and picks the best checkpoint.",
    ]


def test_the_time_of_a_step_is_told_where_every_batch_needs_a_graph(tmp_path: Path) -> None:
    """An epoch of one batch, whose graph is made for it; and a shape for each batch."""
    for more in (["data.batch.size=9"], ["masking=static"]):
        config = compose([*overrides(tmp_path), *more, "training.max_minutes=0.01"])
        assert any("tokens/s)" in line for line in report(config))


def test_what_training_would_refuse_is_refused(tmp_path: Path) -> None:
    config = compose(overrides(tmp_path))
    (tmp_path / "val.target").unlink()
    with pytest.raises(UserError, match=r"val\.target"):
        list(report(config))


def test_what_a_metric_cannot_tell_is_no_matter_where_another_one_was_chosen(tmp_path: Path) -> None:
    lines = list(report(compose([*overrides(tmp_path), "task.metric=chrf"]), steps=False))
    assert any(line.startswith("note: ") for line in lines)
    assert not any("task.metric" in line for line in lines)


def test_steps_tell_what_training_costs(tmp_path: Path) -> None:
    config = compose([*overrides(tmp_path), "training.epochs=3"])
    (line,) = (line for line in report(config) if line.startswith("a step  "))
    numbers = re.fullmatch(
        r"a step       (\S+) s here \(([\d,]+) tokens/s\); 6 steps take (\S+) s, validations aside, and (\S+) GB of"
        r" memory",
        line,
    )
    assert numbers is not None, line
    step, tokens, whole, memory = (float(number.replace(",", "")) for number in numbers.groups())
    assert whole == pytest.approx(6 * step, rel=0.1)  # two digits of each
    assert 4 < step * tokens < 6.5  # of pairs with 4 and 6 tokens
    assert 0.1 < memory < 1e-6 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + 0.1  # of this process
    assert not any(line.startswith("a step  ") for line in report(config, steps=False))


def test_what_was_seen_before_a_refusal_is_told(tmp_path: Path) -> None:
    config = compose([*overrides(tmp_path), "data.max_target_length=0", "data.max_source_length=1"])
    lines = report(config, steps=False)
    assert next(lines).startswith("note: 1 of 4 lines of data.train's source are empty")
    with pytest.raises(UserError, match=r"None of the pairs of data\.train is left"):
        list(lines)


def test_the_largest_batch_is_that_with_most_positions() -> None:
    plan = BatchPlan(np.arange(5), np.array([[0, 3], [3, 5]]))
    assert plan.largest(np.array([2, 2, 2, 1, 4])) == 1
    assert plan.largest(np.array([3, 2, 2, 1, 4])) == 0
