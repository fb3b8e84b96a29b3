"""`model.decoder.attention`: where the decoder looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Choice, Group, not_negative, option, positive, rate
from seq2seq.config.ranges import shown


class AttentionKind(Choice):
    luong = "luong"
    bahdanau = "bahdanau"
    luong_monotonic = "luong_monotonic"
    bahdanau_monotonic = "bahdanau_monotonic"
    location = "location", "looks where it looked before, too (arXiv:1506.07503)"


class Activation(Choice):
    tanh = "tanh"
    linear = "linear"


@dataclass
class AttentionConfig(Group):
    """Where the decoder looks."""

    kind: AttentionKind = option(AttentionKind.luong, "how a place of the source is scored")
    units: int = not_negative(0, "depth of the keys; 0 takes the decoder's units, which Luong's need")
    scaled: bool = option(
        True, "Luong: a learnt scale of the scores; Bahdanau, location: weight normalisation"
    )
    location_filters: int = positive(10, "location: of the convolution over the alignments before")
    location_width: int = positive(201, "location: positions that each filter covers, an odd number")
    smoothing: bool = option(
        False, "location: normalised sigmoids in place of a softmax, for wider alignments"
    )
    window: int = not_negative(0, "location: only so many positions to each side of the last median; 0: all")
    layer_size: int = positive(256, "of the attention vector, made of context and cell output")
    layer_activation: Activation = option(Activation.tanh, "of the attention vector")
    dropout: float = rate(0.0, "on the attention vector, which the vocabulary projection reads")

    def problems(self, config: Any) -> Iterator[str]:
        model = config.model
        query_depth = model.cell.num_proj or model.decoder.units
        if self.kind in ("luong", "luong_monotonic") and self.units not in (0, query_depth):
            yield (
                f"model.decoder.attention.units={self.units}: Luong's scores need keys as deep as the"
                f" decoder's output, {query_depth} (or 0)"
            )
        if self.kind == "location":
            if self.location_width % 2 == 0:
                yield (
                    f"model.decoder.attention.location_width={self.location_width}: must be odd, to see as far to"
                    " both sides"
                )
            return
        for name, value in (("smoothing", self.smoothing), ("window", self.window)):
            if value:
                yield (
                    f"model.decoder.attention.{name}={shown(value)}: only kind=location has it,"
                    f" not kind={self.kind}"
                )
