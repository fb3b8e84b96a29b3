"""Log-mel features beside a plain NumPy computation, frame by frame, and what padding must not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.audio.features import FeatureOptions, LogMel
from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.randomness import draw_key, drawing

LENGTHS = [4000, 1, 399, 400, 559, 560, 7777, 0]


def mel(hertz: float) -> float:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def plain_features(waveform: np.ndarray, options: FeatureOptions) -> np.ndarray:
    """[T, M] float64 of one waveform, before normalisation."""
    audio = waveform.astype(np.float64)
    audio = np.concatenate([audio[:1], audio[1:] - options.pre_emphasis * audio[:-1]])
    window = round(options.sample_rate * options.window_ms / 1000)
    hop = round(options.sample_rate * options.hop_ms / 1000)
    size = next(2**n for n in range(20) if 2**n >= window)
    if 0 < len(audio) < window:
        audio = np.pad(audio, (0, window - len(audio)))
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    upper = options.upper_hz or options.sample_rate / 2
    edges = np.linspace(mel(options.lower_hz), mel(upper), options.mel_bins + 2)
    frequencies = mel(np.arange(size // 2 + 1) * options.sample_rate / size)
    rows = []
    for start in range(0, len(audio) - window + 1, hop):
        power = np.abs(np.fft.rfft(audio[start : start + window] * taper, size)) ** 2
        energies = []
        for left, middle, right in zip(edges, edges[1:], edges[2:]):
            rise = (frequencies - left) / (middle - left)
            fall = (right - frequencies) / (right - middle)
            weights = np.clip(np.minimum(rise, fall), 0, None)
            weights[0] = 0.0  # no bin hears a constant
            energies.append(weights @ power)
        rows.append(np.log(np.maximum(energies, 1e-8)))
    return np.array(rows).reshape(-1, options.mel_bins)


def waveforms(lengths: list[int] = LENGTHS) -> list[np.ndarray]:
    generator = np.random.default_rng(1)
    times = (np.arange(n) / 16000 for n in lengths)
    chirps = [np.sin(generator.uniform(2e3, 2e4) * t * (1 + 3 * t)) * np.cos(40 * t) ** 2 for t in times]
    return [(0.3 * c + 0.02 * generator.standard_normal(len(c))).astype(np.float32) for c in chirps]


def batch(recordings: list[np.ndarray], width: int = 0, rest: float = 0.0) -> tuple[tf.Tensor, tf.Tensor]:
    padded = np.full([len(recordings), max(width, *map(len, recordings))], rest, np.float32)
    for row, audio in zip(padded, recordings):
        row[: len(audio)] = audio
    return tf.constant(padded), tf.constant([len(audio) for audio in recordings], tf.int32)


OPTIONS = [
    FeatureOptions(normalization="none"),
    FeatureOptions(
        sample_rate=8000,
        window_ms=32,
        hop_ms=8,
        mel_bins=23,
        lower_hz=64,
        upper_hz=3800,
        pre_emphasis=0.0,
        normalization="none",
    ),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_equal_to_a_plain_computation(options: FeatureOptions) -> None:
    recordings = waveforms()
    features, length = LogMel(options)(*batch(recordings))
    assert features.dtype == tf.float32
    for row, count, audio in zip(features.numpy(), length.numpy(), recordings):
        expected = plain_features(audio, options)
        assert count == len(expected)
        np.testing.assert_allclose(row[:count], expected, rtol=1e-4, atol=1e-4)
        assert not row[count:].any()


def test_number_of_frames() -> None:
    features, length = LogMel(FeatureOptions())(*batch(waveforms()))
    assert length.numpy().tolist() == [23, 1, 1, 1, 1, 2, 47, 0]
    assert features.shape == [len(LENGTHS), 47, 80]


def test_normalised_by_utterance() -> None:
    options = FeatureOptions()
    recordings = waveforms()
    features, length = LogMel(options)(*batch(recordings))
    for row, count, audio in zip(features.numpy(), length.numpy(), recordings):
        if count > 1:
            expected = plain_features(audio, options)
            expected = (expected - expected.mean(0)) / np.sqrt(expected.var(0) + 1e-3)
            np.testing.assert_allclose(row[:count], expected, rtol=0, atol=1e-3)
        else:
            assert not row.any()  # one frame is its own mean


@pytest.mark.parametrize("normalization", ["none", "utterance", "corpus"])
def test_padding_and_batch_mates_change_nothing(normalization: str) -> None:
    layer = LogMel(FeatureOptions(normalization=normalization))
    recordings = waveforms()
    together, length = layer(*batch(recordings, width=9000, rest=0.7))
    for row, count, audio in zip(together.numpy(), length.numpy(), recordings):
        if len(audio):
            alone, alone_length = layer(*batch([audio]))
            assert alone_length.numpy().tolist() == [count]
            # Where two frames hardly differ, division by their deviation magnifies the rounding.
            atol = 1e-4 if normalization == "utterance" else 5e-6
            np.testing.assert_allclose(row[:count], alone[0].numpy(), rtol=1e-5, atol=atol)
        assert not row[count:].any()


def test_normalised_by_corpus() -> None:
    options = FeatureOptions(normalization="corpus")
    layer = LogMel(options)
    recordings = waveforms()
    assert layer.trainable_variables == []
    sums = layer.sums(*batch(recordings[:3])) + layer.sums(*batch(recordings[3:], rest=0.5))
    layer.set_statistics(sums.numpy())
    every = np.concatenate([plain_features(audio, options) for audio in recordings])
    assert sums.numpy()[0].tolist() == [len(every)] * 80
    np.testing.assert_allclose(layer.mean.numpy(), every.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.deviation.numpy(), np.sqrt(every.var(0) + 1e-3), rtol=1e-3)
    features, _ = layer(*batch(recordings))
    expected = (plain_features(recordings[-2], options) - every.mean(0)) / np.sqrt(every.var(0) + 1e-3)
    np.testing.assert_allclose(features[-2].numpy(), expected, rtol=0, atol=1e-3)


def test_silence_is_finite() -> None:
    options = FeatureOptions(normalization="none")
    features, _ = LogMel(options)(*batch([np.zeros(800, np.float32)]))
    np.testing.assert_allclose(features.numpy(), np.log(1e-8), rtol=1e-6)
    assert not LogMel(FeatureOptions())(*batch([np.zeros(800, np.float32)]))[0].numpy().any()


def dithered(layer: LogMel, audio: tuple, step: int) -> np.ndarray:
    with drawing(draw_key(1, step)):
        return layer(*audio, training=True)[0].numpy()


def test_dither_is_drawn_in_training_and_can_be_repeated() -> None:
    layer = LogMel(FeatureOptions(dither=1e-3, normalization="none"))
    silence = batch([np.zeros(16000, np.float32)])
    np.testing.assert_allclose(layer(*silence)[0].numpy(), np.log(1e-8), rtol=1e-6)
    first, second, again = (dithered(layer, silence, step) for step in (0, 1, 0))
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(again, first)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    expected = np.exp(plain_features(noise, layer.options)).mean(0)  # [M], of the same strength
    np.testing.assert_allclose(np.exp(first[0]).mean(0)[40:], expected[40:], rtol=0.5)


def test_in_a_saved_model_and_compiled(tmp_path: Path) -> None:
    layer = LogMel(FeatureOptions())
    module = tf.Module()
    module.layer = layer
    signature = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]
    module.features = tf.function(lambda audio, length: layer(audio, length), input_signature=signature)
    tf.saved_model.save(module, str(tmp_path))
    inputs = batch(waveforms())
    expected = layer(*inputs)
    compiled = tf.function(layer.__call__, jit_compile=True)
    for found in (tf.saved_model.load(str(tmp_path)).features(*inputs), compiled(*inputs)):
        np.testing.assert_allclose(found[0].numpy(), expected[0].numpy(), rtol=0, atol=1e-3)
        np.testing.assert_array_equal(found[1].numpy(), expected[1].numpy())


def test_float32_under_a_policy_of_mixed_precision() -> None:
    recordings = batch(waveforms())
    expected, _ = LogMel(FeatureOptions())(*recordings)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        features, _ = LogMel(FeatureOptions())(*recordings)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(features.numpy(), expected.numpy())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower_hz": 4000.0, "upper_hz": 3000.0}, "lower_hz=4000 must be below upper_hz=3000"),
        ({"upper_hz": 8001.0}, "and that at most 8000, half of sample_rate=16000."),
        ({"hop_ms": 0.01}, "must be at least 2 samples and 1 at sample_rate=16000."),
        ({"normalization": "batch"}, "normalization=batch must be one of none, utterance, corpus."),
        ({"mel_bins": 200}, "mel_bins=200 are too many for window_ms=25 at sample_rate=16000: bin "),
    ],
)
def test_options_that_make_no_features(options: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        LogMel(FeatureOptions(**options))
    assert message in str(caught.value)
