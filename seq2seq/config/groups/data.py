"""`data`: what the formats of all tasks share."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Optional

from seq2seq.config.fields import Choice, Group, choice_of, group, not_negative, option, positive
from seq2seq.config.groups.tokenizer import TokenizerConfig
from seq2seq.config.tables import DATA_FORMATS


class BatchType(Choice):
    tokens = "tokens", "size counts the padded tokens of source and target"
    examples = "examples", "size counts examples"


@dataclass
class BatchConfig(Group):
    """How examples are put together."""

    type: BatchType = option(BatchType.tokens, "what size counts")
    size: int = positive(4096, "of a training batch")
    size_eval: int = not_negative(0, "the same for validation loss and scoring; 0 takes size")
    window: int = positive(50, "batches' worth of shuffled examples that are sorted by length together")


@dataclass
class DataConfig(Group):
    """What all formats share."""

    #: What makes its reader, `module:function`, of these keys and the files of a split.
    reader: ClassVar[str]
    #: Whether an example is one text, which what is read and what is written have in common.
    one_sided: ClassVar[bool] = False

    format: str = choice_of(DATA_FORMATS, "parallel_text", "set by the choice of data=")
    root: Optional[str] = option(
        None, "folder that relative paths of files start from; without it, the current one"
    )
    max_source_length: int = not_negative(
        100, "tokens; longer training examples are left out and counted; 0: no limit"
    )
    max_target_length: int = not_negative(100, "the same of the target")
    tokenizer: TokenizerConfig = group(TokenizerConfig)
    batch: BatchConfig = group(BatchConfig)
    index_dir: Optional[str] = option(
        None, "where indices of tokenised data are kept; without it, inside the run"
    )

    def problems(self, config: Any) -> Iterator[str]:
        if type(self) is not DATA_FORMATS.get(self.format):
            yield f"data.format={self.format}: set by the choice of data=; write data={self.format}"


def required_splits(data: Any, *, can_be_split: bool = True) -> Iterator[str]:
    """A sentence for `train` and `val`, where no file is given for them.

    Args:
      data: the group.
      can_be_split: whether `seq2seq split` takes this format.
    """
    if data.train is None:
        yield "data.train: not given; a path or a list of paths"
    if data.val is None:
        hint = f"; {split_hint(data, data.train)}" if can_be_split and data.train is not None else ""
        yield f"data.val: not given; a path or a list of paths{hint}"


def split_hint(data: DataConfig, *files: Any) -> str:
    """How validation data is had of the files that are there for training."""
    paths = [str(Path(data.root or ".", file)) if isinstance(file, str) else "FILE" for file in files]
    named = shlex.join(paths)
    return f"`seq2seq split {named}` holds out val and test of training data"
