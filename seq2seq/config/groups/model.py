"""`model`: sizes and parts of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import (
    Choice,
    Group,
    choice_of,
    group,
    not_negative,
    option,
    options_of,
    positive,
    rate,
)
from seq2seq.config.groups.attention import AttentionConfig
from seq2seq.config.tables import Part, Parts


class Tie(Choice):
    none = "none"
    source_target = "source_target", "one embedding for both languages"
    target_output = "target_output", "the output projection is the target embedding"
    all = "all", "both"


class Bridge(Choice):
    zero = "zero", "the decoder starts from zeros"
    copy = "copy", "it starts from the encoder's state"
    dense = "dense", "it starts from a learnt projection of that"


#: What an encoder can be given that is no key of its group.
ENCODER_SURROUNDINGS = ("input_depth", "cell", "kernel", "initializer_range", "memory_is_read")

_RECURRENT = (
    "layers",
    "units",
    "bidirectional",
    "residual",
    "layer_norm",
    "dropout",
    "output_dropout",
    "recurrent_dropout",
    "variational",
    "weight_dropout",
    *ENCODER_SURROUNDINGS[1:],
)

#: `model.encoder.kind`: an `Encoder`.
ENCODERS = Parts(
    recurrent=Part("seq2seq.encoders.recurrent:RecurrentEncoder", "stacked LSTM layers", takes=_RECURRENT),
    acoustic=Part(
        "seq2seq.encoders.acoustic:build_acoustic_encoder",
        "speech: convolutions, and LSTM layers over them that may shorten time",
        takes=(
            *_RECURRENT,
            "input_depth",
            "front",
            "front_channels",
            "front_size",
            "front_dropout",
            "projection",
            "reduce_after",
            "reduction",
        ),
    ),
)


@dataclass
class EmbeddingConfig(Group):
    """Vectors of tokens."""

    size: int = positive(256, "depth of a vector")
    tie: Tie = option(Tie.none, "which tables are one")
    scale: bool = option(True, "multiply by the square root of size; without it attention forms late")
    dropout: float = rate(0.0, "on embedded vectors")
    word_dropout: float = rate(0.0, "on whole words")


@dataclass
class EncoderConfig(Group):
    """What reads the source."""

    kind: str = choice_of(ENCODERS, "recurrent", "what it is made of")
    layers: int = positive(1, "recurrent layers")
    units: int = positive(256, "of each direction")
    bidirectional: bool = option(True, "read from both ends")
    residual: bool = option(False, "add a layer's inputs to its outputs, from the second layer on")
    layer_norm: bool = option(False, "of the first layer's inputs and each layer's outputs")
    dropout: float = rate(0.0, "on the inputs of each layer after the first")
    output_dropout: float = rate(0.0, "on the memory that the decoder attends to")
    recurrent_dropout: float = rate(0.0, "on h between steps")
    variational: bool = option(
        False, "recurrent_dropout: one mask for all steps of a sequence (arXiv:1512.05287)"
    )
    weight_dropout: float = rate(
        0.0, "on the recurrent kernels themselves, one mask for a batch (weight drop, arXiv:1708.02182)"
    )
    options: Any = options_of("the kind")

    def problems(self, config: Any) -> Iterator[str]:
        part = ENCODERS[self.kind]
        if any(not hasattr(self, key) for key in part.takes if key not in ENCODER_SURROUNDINGS):
            yield f"model.encoder.kind={self.kind}: needs keys that this model does not have"
            return
        yield from part.problems(self, config)


@dataclass
class DecoderConfig(Group):
    """The recurrent layers that write the target."""

    layers: int = positive(1, "recurrent layers")
    units: int = positive(512, "of each layer")
    residual: bool = option(False, "add a layer's inputs to its outputs, from the second layer on")
    dropout: float = rate(0.0, "on the inputs of each layer after the first")
    recurrent_dropout: float = rate(0.0, "on h between steps")
    variational: bool = option(False, "recurrent_dropout: one mask for all steps of a sequence")
    input_feeding: bool = option(
        True, "the attention vector is part of the next step's input (Luong et al. 2015); off with kind=none"
    )
    attention: AttentionConfig = group(AttentionConfig)


@dataclass
class CellConfig(Group):
    """Every LSTM cell of the model, in the names of TensorFlow 1's LSTMCell."""

    forget_bias: float = option(1.0, "what the bias of each forget gate starts from")
    use_peepholes: bool = option(False, "gates see the cell (Gers et al. 2002)")
    num_proj: int = not_negative(0, "size of h, projected from c's (arXiv:1402.1128); 0: the same size")
    cell_clip: float = not_negative(0.0, "c is kept within ±this; 0: off")
    proj_clip: float = not_negative(0.0, "a projected h is kept within ±this; 0: off")
    layer_norm: bool = option(False, "of both matrix products and of c (arXiv:1607.06450)")

    def problems(self, config: Any) -> Iterator[str]:
        if self.proj_clip and not self.num_proj:
            yield f"model.cell.proj_clip={self.proj_clip:g}: has nothing to clip without model.cell.num_proj"


@dataclass
class BaseModelConfig(Group):
    """What reads a sequence; what comes after it is the task's."""

    cell: CellConfig = group(CellConfig)
    embedding: EmbeddingConfig = group(EmbeddingConfig)
    encoder: EncoderConfig = group(EncoderConfig)
    initializer_range: float = not_negative(0.0, "weights start uniform in ±this; 0: Glorot")

    def settle(self) -> None:
        """Turns off what another choice leaves without a meaning, of a run that begins."""


@dataclass
class ModelConfig(BaseModelConfig):
    """Sizes and parts of an encoder-decoder."""

    bridge: Bridge = option(Bridge.dense, "what becomes of the encoder's final state")
    decoder: DecoderConfig = group(DecoderConfig)

    def problems(self, config: Any) -> Iterator[str]:
        yield from self.tie_problems(config)
        if self.bridge is not Bridge.copy or "bidirectional" not in ENCODERS[self.encoder.kind].takes:
            return  # other encoders say themselves how large their states are, and the bridge then whether that fits
        directions = 2 if self.encoder.bidirectional else 1
        width = self.encoder.units * directions
        if width != self.decoder.units:
            yield (
                f"model.bridge=copy: copies a state of {width} units (both directions side by side)"
                f" into a decoder of {self.decoder.units}; make them equal, or take model.bridge=dense"
            )
        elif self.cell.num_proj and directions == 2:
            yield (
                f"model.bridge=copy: two directions of model.cell.num_proj={self.cell.num_proj} side by side"
                " do not fit a decoder of one; take model.bridge=dense"
            )

    def settle(self) -> None:
        self.decoder.input_feeding &= self.decoder.attention.attends

    def tie_problems(self, config: Any) -> Iterator[str]:
        tie = self.embedding.tie
        if tie in (Tie.all, Tie.source_target) and not config.data.tokenizer.shared:
            yield f"model.embedding.tie={tie}: needs one vocabulary, data.tokenizer.shared=true"
