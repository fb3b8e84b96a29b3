"""`model.decoder.attention`: where the decoder looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import Choice, Group, choice_of, not_negative, option, options_of, positive, rate
from seq2seq.config.ranges import shown
from seq2seq.config.tables import Part, Parts


def _query_problems(attention: AttentionConfig, config: Any) -> Iterator[str]:
    query_depth = config.model.cell.num_proj or config.model.decoder.units
    if attention.units not in (0, query_depth):
        yield (
            f"model.decoder.attention.units={attention.units}: Luong's scores need keys as deep as the"
            f" decoder's output, {query_depth} (or 0)"
        )


def _width_problems(attention: AttentionConfig, config: Any) -> Iterator[str]:
    if attention.location_width % 2 == 0:
        yield (
            f"model.decoder.attention.location_width={attention.location_width}: must be odd, to see as far to"
            " both sides"
        )


def _nowhere_problems(attention: AttentionConfig, config: Any) -> Iterator[str]:
    if penalty := config.search.coverage_penalty:
        yield f"search.coverage_penalty={penalty:g}: is of attention; model.decoder.attention.kind=none has none"
    if config.model.bridge == "zero":
        yield "model.bridge=zero: with model.decoder.attention.kind=none the decoder would know nothing of the source"


#: `kind`: an `AttentionMechanism`.
ATTENTIONS = Parts(
    luong=Part("seq2seq.layers.attention.luong:LuongAttention", problems=_query_problems),
    bahdanau="seq2seq.layers.attention.bahdanau:BahdanauAttention",
    luong_monotonic=Part(
        "seq2seq.layers.attention.monotonic:LuongMonotonicAttention", problems=_query_problems
    ),
    bahdanau_monotonic="seq2seq.layers.attention.monotonic:BahdanauMonotonicAttention",
    none=Part(
        "seq2seq.layers.attention.no_attention:NoAttention",
        "the decoder knows the source by its first state alone (arXiv:1409.3215)",
        problems=_nowhere_problems,
    ),
    location=Part(
        "seq2seq.layers.attention.location:LocationAttention",
        "looks where it looked before, too (arXiv:1506.07503)",
        takes=("location_filters", "location_width", "smoothing", "window"),
        problems=_width_problems,
    ),
)


class Activation(Choice):
    tanh = "tanh"
    linear = "linear"


@dataclass
class AttentionConfig(Group):
    """Where the decoder looks."""

    kind: str = choice_of(ATTENTIONS, "luong", "how a place of the source is scored")
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
    options: Any = options_of("the kind")

    @property
    def attends(self) -> bool:
        """Whether there are alignments."""
        return self.kind != "none"

    def problems(self, config: Any) -> Iterator[str]:
        yield from ATTENTIONS[self.kind].problems(self, config)
        for key, value, others in ATTENTIONS.misplaced(self.kind, self):
            yield (
                f"model.decoder.attention.{key}={shown(value)}: only kind={others} has it, not kind={self.kind}"
            )
