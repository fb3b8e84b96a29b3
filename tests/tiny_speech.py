"""A speech model small enough for tests, made as a run makes it."""

from __future__ import annotations

from seq2seq.config.compose import compose
from seq2seq.config.groups.speech import SpeechModelConfig
from seq2seq.config.root import TrainConfig
from seq2seq.keras2 import keras
from seq2seq.tasks.speech.model import SpeechModel, build_speech_model
from seq2seq.text import CharacterTokenizer, Normalizer

RATE = 4000
TOKENIZER = CharacterTokenizer(list("abcd "), Normalizer())
SIZES = [
    "task=speech",
    f"model.features.sample_rate={RATE}",
    "model.features.mel_bins=8",
    "model.spec_augment.frequency_masks=0",
    "model.spec_augment.time_masks=0",
    "model.embedding.size=4",
    "model.embedding.dropout=0",
    "model.encoder.front_channels=[2,2]",
    "model.encoder.front_size=6",
    "model.encoder.layers=1",
    "model.encoder.units=3",
    "model.encoder.projection=4",
    "model.encoder.dropout=0",
    "model.encoder.output_dropout=0",
    "model.decoder.units=5",
    "model.decoder.attention.layer_size=5",
    "model.decoder.attention.location_filters=2",
    "model.decoder.attention.location_width=5",
    "model.decoder.attention.dropout=0",
]
"""Nothing is random: neither dropout nor SpecAugment."""


def tiny_config(*overrides: str) -> TrainConfig:
    return compose([*SIZES, *overrides])


def tiny_model(*overrides: str) -> SpeechModel:
    config = tiny_config(*overrides)
    assert isinstance(config.model, SpeechModelConfig)
    keras.utils.set_random_seed(7)
    return build_speech_model(config.model, config.masking, vocabulary_size=TOKENIZER.vocabulary_size)
