"""A format of data: a dataclass with its reader, and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.tables import DATA_FORMATS
from seq2seq.errors import ConfigError, UserError
from seq2seq.tasks.readers import required_reader
from tests.contracts.extension.toys import added, taken_through
from tests.runs.tiny import LINES, write_corpus


@pytest.mark.slow
def test_a_format_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"{line} ## {line.upper()}\n" for line in LINES)
    (tmp_path / "pairs").write_text(lines, encoding="utf-8")
    splits = [f"data.{split}=pairs" for split in ("train", "val", "test")]
    others = [
        option
        for option in write_corpus(tmp_path)
        if not option.endswith(("parallel_text", "=source", "=target"))
    ]
    added("Reader", DATA_FORMATS, "separated", monkeypatch)
    way = taken_through(
        [*others, "data=separated", *splits, "data.separator='##'"],
        tmp_path,
        LINES,
        ["export.tokenizer=none"],
    )
    evaluation = way.run.evaluate("test")
    assert evaluation.references == [line.upper() for line in LINES]
    assert evaluation.sources == LINES
    assert way.exported.manifest["verification"]["calls"]["translate_tokens"] > 0

    (tmp_path / "pairs").write_text("a | b\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"pairs, line 1: there is no ##\.$"):
        list(required_reader(way.run.config.data, "train").pairs())  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"data=seperated: no such choice; did you mean separated\?"):
        compose(["data=seperated"])
