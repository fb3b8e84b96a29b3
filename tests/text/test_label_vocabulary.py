"""Labels: sorted by name, kept and read again, unknown ones refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.errors import UserError
from seq2seq.text.label_vocabulary import LabelVocabulary
from seq2seq.text.load import load_tokenizer


def test_ids_follow_names_and_come_back() -> None:
    labels = LabelVocabulary(["pos", "neg", " very  good ", "pos"])
    assert labels.labels == ["neg", "pos", "very good"]
    assert labels.encode(["very good", "neg"]) == [[2], [0]]
    assert labels.decode([[2], [0]]) == ["very good", "neg"]
    assert labels.sample(["pos"], alpha=0.1, nbest=-1, seed=3) == [[1]]
    assert "pos " in labels and "other" not in labels
    with pytest.raises(UserError, match="There is no label 'other'"):
        labels.encode(["pos", "other"])


def test_kept_and_loaded(tmp_path: Path) -> None:
    labels = LabelVocabulary(["é", "a b", "</s>"])
    labels.save(tmp_path, "labels")
    loaded = load_tokenizer(tmp_path, "labels", [LabelVocabulary])
    assert loaded.fingerprint == labels.fingerprint != LabelVocabulary(["é", "a"]).fingerprint
    (tmp_path / "labels.txt").write_text("a\n")
    with pytest.raises(UserError, match="is damaged"):
        load_tokenizer(tmp_path, "labels", [LabelVocabulary])
