"""A format of data: a dataclass with its reader, and a line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError, UserError
from seq2seq.tasks.readers import required_reader
from tests.contracts.extension.conftest import Extended
from tests.runs.tiny import LINES


@pytest.mark.slow
def test_a_format_goes_the_whole_way(extended: Extended, tmp_path: Path) -> None:
    way = extended.way
    pairs = list(required_reader(way.run.config.data, "train").pairs())  # type: ignore[union-attr]
    assert pairs == [(line, line.upper()) for line in LINES]
    assert way.run.evaluate("test").sources == LINES
    assert way.exported.manifest["verification"]["calls"]["translate_tokens"] > 0

    (tmp_path / "pairs").write_text("a | b\n", encoding="utf-8")
    data = replace(way.run.config.data, root=str(tmp_path))
    with pytest.raises(UserError, match=r"pairs, line 1: there is no ##\.$"):
        list(required_reader(data, "train").pairs())  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"data=seperated: no such choice; did you mean separated\?"):
        compose(["data=seperated"])
