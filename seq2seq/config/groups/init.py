"""`init`: what a new run takes from runs that were trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Group, not_negative, number, option

#: The keys that name runs. What two of them want to fill is filled by the first.
PARTS = ("embeddings", "encoder", "decoder", "everything")


@dataclass
class InitConfig(Group):
    """Weights that a new run begins with, each of RUN (its best checkpoint) or of RUN/checkpoints/NAME."""

    everything: Optional[str] = option(None, "all that fits; init=RUN is short for init.everything=RUN")
    encoder: Optional[str] = option(None, "the encoder, and the embedding that it reads")
    decoder: Optional[str] = option(None, "the decoder, the embedding that it reads, and the output")
    embeddings: Optional[str] = option(None, "the embeddings alone, piece by piece")
    freeze_steps: int = not_negative(0, "updates in which what was taken stays as it is")
    rate: float = number(
        1.0, "share of the learning rate that moves what was taken; 0: nothing does", at_least=0, at_most=1
    )

    def problems(self, config: Any) -> Iterator[str]:
        if sources(self):
            return
        for key, value, default in (("freeze_steps", self.freeze_steps, 0), ("rate", self.rate, 1.0)):
            if value != default:
                yield f"init.{key}={value:g}: is for what was taken from a run, and none is given; write init=RUN"


def sources(init: Any) -> dict[str, str]:
    """The runs by part, in the order of `PARTS`; of the dataclass or of what Hydra composed."""
    return {part: getattr(init, part) for part in PARTS if getattr(init, part)}
