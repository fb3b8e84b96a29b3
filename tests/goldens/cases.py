"""A case or more for each layer: built small, filled by a formula, and called."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import partial
from pathlib import Path
from typing import Any, Callable

import numpy as np
import tensorflow as tf

import seq2seq.decoders
import seq2seq.encoders
import seq2seq.layers
import seq2seq.models
from seq2seq.config.groups.attention import ATTENTIONS
from seq2seq.decoders.attention_decoder import AttentionDecoder, AttentionOptions
from seq2seq.encoders.acoustic import AcousticEncoder
from seq2seq.encoders.convolutional_front import ConvolutionalFront
from seq2seq.encoders.recurrent import RecurrentEncoder
from seq2seq.keras2 import keras
from seq2seq.layers.attention.location import LocationAttention
from seq2seq.layers.bridge import Bridge
from seq2seq.layers.dropout import Dropout
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.lstm_cell import CellOptions, LSTMCell
from seq2seq.layers.output_projection import OutputProjection
from seq2seq.layers.recurrence import LSTM
from seq2seq.layers.stacked_cell import StackedCell
from seq2seq.randomness import draw_key, drawing
from seq2seq.state import LSTMState
from seq2seq.tasks.classification.model import ClassificationModel
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.translation.model import TranslationModel
from tests.contracts.variants import build, build_classifier, build_lm
from tests.tiny_speech import tiny_model

FILE = Path(__file__).with_name("goldens.npz")
PACKAGES = (seq2seq.layers, seq2seq.encoders, seq2seq.decoders, seq2seq.models)
B, T, D, UNITS = 3, 4, 2, 3
LENGTH = [4, 1, 3]
EVERYTHING = CellOptions(use_peepholes=True, num_proj=2, cell_clip=0.5, proj_clip=0.4, layer_norm=True)
KEY = draw_key(5, tf.constant(0))
IDS = [[4, 5, 6, 7], [8, 0, 0, 0], [9, 10, 11, 0]]

Case = Callable[[], Any]
CASES: dict[str, tuple[type, Case]] = {}
"""By name, the layer's class and what gives a nest of tensors."""


def layer_classes() -> set[type]:
    """Every layer that the packages define."""
    found = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(member, keras.layers.Layer) and member.__module__ == module.name:
                    found.add(member)
    return found


def computed() -> dict[str, np.ndarray]:
    """By case and place in its nest, what the layers give now."""
    return {
        f"{name}/{k}": value.numpy()
        for name, (_, case) in CASES.items()
        for k, value in enumerate(tf.nest.flatten(case()))
    }


def stored() -> dict[str, np.ndarray]:
    with np.load(FILE) as goldens:
        return dict(goldens)


def case(name: str, layer: type) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        CASES[name] = (layer, function)
        return function

    return add


def values(*shape: int, start: float = 0.0) -> tf.Tensor:
    """Numbers in (-1, 1) that do not repeat."""
    return tf.constant(np.cos(start + 0.7 * np.arange(np.prod(shape))).reshape(shape), tf.float32)


def filled(layer: keras.layers.Layer) -> Any:
    """The layer, its weights in (-0.6, 0.6), each beginning elsewhere; what starts from ones is around them."""
    for k, weight in enumerate(layer.trainable_variables):
        centre = 1.0 if "gamma" in weight.name else 0.0
        weight.assign(centre + 0.6 * values(*weight.shape, start=k + 1.0))
    return layer


def state(units: int = UNITS, output_size: int = UNITS, start: float = 0.0) -> LSTMState:
    return LSTMState(h=values(B, output_size, start=start + 2.0), c=values(B, units, start=start + 3.0))


@case("bridge, dense", Bridge)
def bridge() -> Any:
    sizes = LSTMState(h=2, c=3)
    layer = Bridge("dense", encoder_sizes=[sizes, sizes], decoder_sizes=[LSTMState(h=4, c=2)])
    given = (state(3, 2), state(3, 2, start=1.0))
    layer(given)
    return filled(layer)(given)


@case("bridge, copy", Bridge)
def copying_bridge() -> Any:
    sizes = LSTMState(h=3, c=3)
    return Bridge("copy", encoder_sizes=[sizes] * 2, decoder_sizes=[sizes] * 3)((state(), state(start=1.0)))


@case("dropout", Dropout)
def dropout() -> Any:
    layer = Dropout(0.4)
    with drawing(KEY):
        return layer(values(B, T, D), training=True)


@case("dropout, variational", Dropout)
def variational_dropout() -> Any:
    layer = Dropout(0.4, variational=True)
    with drawing(KEY):
        return layer(values(B, T, D), training=True)


@case("dropout of whole vectors", Dropout)
def word_dropout() -> Any:
    layer = Dropout(0.4, whole=True)
    with drawing(KEY):
        return layer(values(B, T, D), training=True)


@case("embedding, scaled", Embedding)
def embedding() -> Any:
    return filled(Embedding(12, D, scale=True))(tf.constant(IDS))


@case("output projection", OutputProjection)
def output_projection() -> Any:
    layer = filled(OutputProjection(7, D))
    return layer(values(B, D)), layer.token_losses(values(B, D), tf.constant([1, 6, 0]), 0.1)


@case("output projection with a shared table", OutputProjection)
def shared_projection() -> Any:
    layer = OutputProjection(7, D, shared=Embedding(7, 3))
    layer(values(B, D))
    return filled(layer)(values(B, D))


@case("cell", LSTMCell)
def cell() -> Any:
    layer = LSTMCell(UNITS)
    layer.build([None, D])
    return filled(layer)(values(B, D), state())


@case("cell with every option", LSTMCell)
def full_cell() -> Any:
    layer = LSTMCell(UNITS, EVERYTHING)
    layer.build([None, D])
    return filled(layer)(values(B, D), state(UNITS, 2))


@case("stacked cells, residual", StackedCell)
def stacked_cell() -> Any:
    layer = StackedCell([LSTMCell(UNITS), LSTMCell(UNITS, CellOptions(use_peepholes=True))], residual=True)
    layer.build(tf.TensorShape([None, D]))
    masks = [values(B, UNITS), None]
    return filled(layer)(values(B, D), (state(), state(start=1.0)), masks, masks[::-1])


@case("lstm", LSTM)
def lstm() -> Any:
    layer = LSTM(UNITS)
    layer.build([None, None, D])
    return filled(layer)(values(B, T, D), LENGTH, state())


@case("lstm with every option, reverse, recurrent dropout", LSTM)
def full_lstm() -> Any:
    layer = LSTM(UNITS, options=EVERYTHING, reverse=True, recurrent_dropout=0.3)
    layer.build([None, None, D])
    with drawing(KEY):
        return filled(layer)(values(B, T, D), LENGTH, state(UNITS, 2), training=True)


@case("encoder, bidirectional, residual", RecurrentEncoder)
def encoder() -> Any:
    layer = RecurrentEncoder(layers=3, units=UNITS, residual=True)
    layer(values(B, T, D), LENGTH)
    return filled(layer)(values(B, T, D), LENGTH)


@case("encoder, forward, with states", RecurrentEncoder)
def forward_encoder() -> Any:
    layer = RecurrentEncoder(layers=2, units=UNITS, cell=EVERYTHING, bidirectional=False)
    layer(values(B, T, D), LENGTH)
    return filled(layer)(values(B, T, D), LENGTH, (state(UNITS, 2), state(UNITS, 2, start=1.0)))


@case("encoder, pyramidal, with projections", RecurrentEncoder)
def pyramidal_encoder() -> Any:
    layer = RecurrentEncoder(layers=2, units=UNITS, reductions=[2, 1], projection=2)
    layer(values(B, T, D), LENGTH)
    return filled(layer)(values(B, T, D), LENGTH)


@case("encoder, normalized", RecurrentEncoder)
def normalized_encoder() -> Any:
    layer = RecurrentEncoder(layers=2, units=UNITS, layer_norm=True)
    layer(values(B, T, D), LENGTH)
    return filled(layer)(values(B, T, D), LENGTH)


def front_case(kind: str, **options: Any) -> None:
    @case(f"front, {kind}", ConvolutionalFront)
    def front() -> Any:
        layer = ConvolutionalFront(kind, bins=5, size=3, **options)
        layer(values(B, 7, 5), tf.constant([7, 2, 5]))
        return filled(layer)(values(B, 7, 5), tf.constant([7, 2, 5]))


front_case("vgg", channels=[2, 3], layer_norm=True)
front_case("strided", channels=[2, 3])
front_case("none")


@case("acoustic encoder", AcousticEncoder)
def acoustic_encoder() -> Any:
    layer = AcousticEncoder(
        front=ConvolutionalFront("strided", bins=5, size=3, channels=[2]),
        recurrent=RecurrentEncoder(layers=1, units=UNITS),
    )
    layer(values(B, 7, 5), tf.constant([7, 2, 5]))
    return filled(layer)(values(B, 7, 5), tf.constant([7, 2, 5]))


def decoder_case(name: str, input_feeding: bool = True, **attention: Any) -> None:
    @case(name, AttentionDecoder)
    def decoder() -> Any:
        layer = AttentionDecoder(
            layers=1,
            units=UNITS,
            input_depth=D,
            memory_depth=2,
            input_feeding=input_feeding,
            attention=AttentionOptions(size=4, **attention),
        )
        memory = filled(layer).prepare(values(B, 5, 2), tf.constant([5, 2, 1]))
        return layer(values(B, T, D), (state(),), memory)


LOCATION = dict(location_filters=2, location_width=3)

decoder_case("decoder")
decoder_case("decoder, no feeding", input_feeding=False)
for kind in ("bahdanau", "luong_monotonic", "bahdanau_monotonic"):
    decoder_case(f"decoder, {kind}", mechanism=ATTENTIONS[kind].target)
decoder_case("decoder, location", mechanism=partial(LocationAttention, **LOCATION))


def attention_case(name: str, kind: str, **options: Any) -> None:
    @case(name, ATTENTIONS[kind].target)
    def attention() -> Any:
        layer = ATTENTIONS[kind].target(
            units=UNITS, scaled=True, memory_depth=2, query_depth=UNITS, **options
        )
        memory = filled(layer).prepare(values(B, 5, 2), tf.constant([5, 2, 1]))
        alignments = layer.step(values(B, UNITS), layer.initial_alignments(memory), memory)
        return alignments, layer.step(values(B, UNITS, start=1.0), alignments, memory)


for kind in ("luong", "bahdanau", "luong_monotonic", "bahdanau_monotonic"):
    attention_case(f"attention, {kind}", kind)


attention_case("attention, location", "location", **LOCATION)


@case("attention, none", ATTENTIONS["none"].target)
def no_attention() -> Any:
    """What there is of a source: which positions are real."""
    layer = ATTENTIONS["none"].target(units=UNITS, scaled=True, memory_depth=2, query_depth=UNITS)
    return tf.cast(layer.prepare(values(B, 5, 2), tf.constant([5, 2, 1])).mask, tf.float32)


@case("translation model", TranslationModel)
def translation_model() -> Any:
    model = filled(build("two residual layers each, all tied"))
    return model(tf.constant(IDS), tf.constant(LENGTH), tf.constant(IDS))


@case("translation model with every option of the cell", TranslationModel)
def full_translation_model() -> Any:
    model = filled(build("every option of the cell, copied state"))
    return model(tf.constant(IDS), tf.constant(LENGTH), tf.constant(IDS))


@case("speech model", SpeechModel)
def speech_model() -> Any:
    return filled(tiny_model())(
        values(B, 2000), tf.constant([2000, 700, 1500]), tf.constant([[1, 4], [1, 5], [1, 6]])
    )


@case("classification model", ClassificationModel)
def classification_model() -> Any:
    return filled(build_classifier("mean of two layers, a hidden layer"))(
        tf.constant(IDS), tf.constant(LENGTH)
    )


@case("language model", LanguageModel)
def language_model() -> Any:
    return filled(build_lm("two residual layers, normalised, tied by an adapter"))(
        tf.constant(IDS), tf.constant(LENGTH)
    )
