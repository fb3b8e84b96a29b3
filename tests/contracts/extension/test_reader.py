"""A format of data: a dataclass with its reader, and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError, UserError
from seq2seq.tasks.readers import required_reader
from tests.contracts.extension.whole_way import extension, go
from tests.runs.tiny import LINES


def test_a_format_goes_the_whole_way(tmp_path: Path) -> None:
    lines = "".join(f"{line} ## {line.upper()}\n" for line in LINES)
    (tmp_path / "pairs").write_text(lines, encoding="utf-8")
    splits = [f"data.{split}=pairs" for split in ("train", "val", "test")]
    with extension("Reader", tmp_path):
        way = go(tmp_path, "data=separated", *splits, "data.separator='##'", use=["export.tokenizer=none"])
        evaluation = way.run.evaluate("test")
        assert evaluation.references == [line.upper() for line in LINES]
        assert evaluation.sources == LINES
        assert way.exported.manifest["verification"]["calls"]["translate_tokens"] > 0

        (tmp_path / "pairs").write_text("a | b\n", encoding="utf-8")
        with pytest.raises(UserError, match=r"pairs, line 1: there is no ##\.$"):
            list(required_reader(way.run.config.data, "train").pairs())  # type: ignore[union-attr]
        with pytest.raises(ConfigError, match=r"data=seperated: no such choice; did you mean separated\?"):
            compose(["data=seperated"])
