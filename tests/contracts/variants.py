"""Every model variant that ships, small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seq2seq.config.groups.attention import ATTENTIONS, AttentionConfig
from seq2seq.config.groups.classification import ClassificationModelConfig, HeadConfig, Pooling
from seq2seq.config.groups.language_model import LanguageModelConfig
from seq2seq.config.groups.masking import MaskingConfig, MaskingPolicy
from seq2seq.config.groups.model import (
    Bridge,
    CellConfig,
    DecoderConfig,
    EmbeddingConfig,
    EncoderConfig,
    ModelConfig,
    Tie,
)
from seq2seq.keras2 import keras
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.tasks.classification.model import ClassificationModel, build_classification_model
from seq2seq.tasks.language_model.model import LanguageModel, build_language_model
from seq2seq.tasks.translation.model import build_translation_model

VOCABULARY = 23
START, END, PAD = 2, 3, 0


def _model(
    *,
    cell: CellConfig | None = None,
    encoder: EncoderConfig | None = None,
    bridge: Bridge = Bridge.dense,
    tie: Tie = Tie.none,
    layers: int = 1,
    residual: bool = False,
    input_feeding: bool = True,
    kind: str = "luong",
    scaled: bool = True,
    smoothing: bool = False,
    window: int = 0,
) -> ModelConfig:
    return ModelConfig(
        cell=cell or CellConfig(),
        embedding=EmbeddingConfig(size=6, tie=tie, scale=tie is Tie.all),
        encoder=encoder or EncoderConfig(units=4),
        bridge=bridge,
        decoder=DecoderConfig(
            layers=layers,
            units=8,
            residual=residual,
            input_feeding=input_feeding,
            attention=AttentionConfig(
                kind=kind, scaled=scaled, layer_size=6, smoothing=smoothing, window=window
            ),
        ),
        initializer_range=0.5,
    )


CELLS = {
    "projection": CellConfig(num_proj=5),
    "peepholes": CellConfig(use_peepholes=True),
    "layer norm": CellConfig(layer_norm=True),
}

VARIANTS = {
    **{
        f"{kind}{'' if feeding else ', no feeding'}": _model(kind=kind, input_feeding=feeding)
        for kind in ATTENTIONS
        for feeding in (True, False)
    },
    "luong, unscaled": _model(scaled=False),
    "location, smooth window": _model(kind="location", scaled=False, smoothing=True, window=2),
    "forward encoder, copied state": _model(
        encoder=EncoderConfig(units=8, bidirectional=False), bridge=Bridge.copy, tie=Tie.target_output
    ),
    "two residual layers each, all tied": _model(
        encoder=EncoderConfig(layers=2, units=4, residual=True), layers=2, residual=True, tie=Tie.all
    ),
    "two layers, no feeding, zero bridge": _model(layers=2, input_feeding=False, bridge=Bridge.zero),
    "deeper decoder, copied state": _model(layers=3, bridge=Bridge.copy, tie=Tie.source_target),
    **{
        f"{name}{'' if feeding else ', no feeding'}": _model(cell=cell, input_feeding=feeding)
        for name, cell in CELLS.items()
        for feeding in (True, False)
    },
    "every option of the cell, copied state": _model(
        cell=CellConfig(use_peepholes=True, num_proj=5, cell_clip=0.5, proj_clip=0.4, layer_norm=True),
        encoder=EncoderConfig(units=8, bidirectional=False),
        bridge=Bridge.copy,
    ),
}


CLASSIFIERS = {
    "last": ClassificationModelConfig(pooling=Pooling.last),
    "max": ClassificationModelConfig(),
    "mean of two layers, a hidden layer": ClassificationModelConfig(
        encoder=EncoderConfig(layers=2, units=4, residual=True),
        pooling=Pooling.mean,
        head=HeadConfig(layers=1, units=5),
    ),
    "every option of the cell, last": ClassificationModelConfig(
        cell=CellConfig(use_peepholes=True, num_proj=3, cell_clip=0.5, proj_clip=0.4, layer_norm=True),
        encoder=EncoderConfig(units=4, bidirectional=False, layer_norm=True),
        pooling=Pooling.last,
    ),
}
LABELS = 3


def build_classifier(
    name: str, policy: MaskingPolicy = MaskingPolicy.strict, *, gpu: bool = False
) -> ClassificationModel:
    """As `build`."""
    keras.utils.set_random_seed(7)
    small = EncoderConfig(units=4)
    config = CLASSIFIERS[name]
    encoder = small if config.encoder == EncoderConfig() else config.encoder
    config = replace(config, embedding=EmbeddingConfig(size=6), encoder=encoder, initializer_range=0.5)
    return build_classification_model(
        config, MaskingConfig(policy), vocabulary_size=VOCABULARY, labels=LABELS, gpu=gpu
    )


def _language_model(
    tie: Tie = Tie.none, cell: CellConfig | None = None, **encoder: Any
) -> LanguageModelConfig:
    return LanguageModelConfig(
        cell=cell or CellConfig(),
        embedding=EmbeddingConfig(size=6, tie=tie),
        encoder=EncoderConfig(**{"units": 4, "bidirectional": False, **encoder}),
        initializer_range=0.5,
    )


LANGUAGE_MODELS = {
    "one layer": _language_model(),
    "two residual layers, normalised, tied by an adapter": _language_model(
        Tie.target_output, layers=2, residual=True, layer_norm=True
    ),
    "tied": _language_model(Tie.target_output, units=6),
    "every option of the cell": _language_model(
        cell=CellConfig(use_peepholes=True, num_proj=3, cell_clip=0.5, proj_clip=0.4, layer_norm=True)
    ),
}


def build_lm(name: str, policy: MaskingPolicy = MaskingPolicy.strict, *, gpu: bool = False) -> LanguageModel:
    """As `build`."""
    keras.utils.set_random_seed(7)
    return build_language_model(
        LANGUAGE_MODELS[name], MaskingConfig(policy), vocabulary_size=VOCABULARY, gpu=gpu
    )


def build(name: str, policy: MaskingPolicy = MaskingPolicy.strict, *, gpu: bool = False) -> EncoderDecoder:
    """With ``gpu``, the kernels that a GPU would choose; on a CPU, too, ``cudnn`` then runs Keras' layer."""
    keras.utils.set_random_seed(7)
    return build_translation_model(
        VARIANTS[name],
        MaskingConfig(policy),
        source_vocabulary_size=VOCABULARY,
        target_vocabulary_size=VOCABULARY,
        gpu=gpu,
    )
