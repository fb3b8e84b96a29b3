"""A target without spaces, whose BLEU is 0 as long as 13a splits it: the model that is kept is the one that chrF finds
best, not the first."""

from __future__ import annotations

import itertools
import json
import logging
import random
from pathlib import Path

import pytest

from seq2seq.training.reports.metrics_log import read_metrics
from tests.e2e.commands import seq2seq

SUBJECTS = {"i": "我", "you": "你", "he": "他", "she": "她", "we": "我们", "they": "他们"}
VERBS = {"buy": "买", "eat": "吃", "like": "喜欢", "see": "看见", "want": "想要"}
OBJECTS = {"apples": "苹果", "books": "书", "bread": "面包", "cats": "猫", "fish": "鱼", "tea": "茶"}


def corpus(folder: Path) -> list[str]:
    """All 180 sentences, 20 of them to validate on; returns overrides that name them."""
    triples = list(itertools.product(SUBJECTS.items(), VERBS.items(), OBJECTS.items()))
    random.Random(0).shuffle(triples)
    for split, part in (("train", triples[:160]), ("val", triples[160:])):
        for side, (name, between, end) in enumerate((("en", " ", " ."), ("zh", "", "。"))):
            lines = (between.join(words[side] for words in triple) + end + "\n" for triple in part)
            (folder / f"{split}.{name}").write_text("".join(lines), encoding="utf-8")
    sides = (("source", "en"), ("target", "zh"))
    files = [f"data.{split}.{side}={split}.{name}" for split in ("train", "val") for side, name in sides]
    return ["data=parallel_text", f"data.root={folder}", *files]


@pytest.mark.slow
def test_chrf_picks_the_model_where_bleu_cannot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = tmp_path / "run"
    options = [
        "data.tokenizer.kind=character",
        "data.batch.type=examples",
        "data.batch.size=8",
        "task.bleu_tokenizer=13a",
    ]
    assert seq2seq("train", *corpus(tmp_path), *options, "training.epochs=15", f"run_dir={run}") == 0
    warnings = {record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING}
    note = "data.val: The references are Chinese, which task.bleu_tokenizer=13a does not split; write"
    assert f"{note} task.bleu_tokenizer=zh." in warnings

    validations = [record for record in read_metrics(run / "metrics.jsonl") if "val_loss" in record]
    assert {record["val_bleu"] for record in validations} == {0.0}
    best = max(validations, key=lambda record: (round(record["val_chrf"], 2), -record["val_loss"]))
    summary = json.loads((run / "summary.json").read_text())
    assert summary["best_step"] == best["step"] > validations[0]["step"]
    assert summary["val"]["chrf"] == pytest.approx(best["val_chrf"]) == pytest.approx(100.0)
    references = (tmp_path / "val.zh").read_text(encoding="utf-8")
    assert (run / "predictions" / "val.txt").read_text(encoding="utf-8") == references

    # As the warning says, BLEU tells them apart once it splits their characters.
    assert seq2seq("evaluate", run, "--split", "val", "task.bleu_tokenizer=zh") == 0
