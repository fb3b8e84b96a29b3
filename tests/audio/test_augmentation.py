"""What augmentation may change, and how often; what it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.audio.augmentation import SpecAugment, add_noise, change_gain, change_speed
from seq2seq.randomness import draw_key, drawing

B, T, M = 200, 60, 16
LENGTH = tf.constant(([60, 30, 11, 1, 0] * B)[:B], tf.int32)


@pytest.fixture(autouse=True)
def _seed() -> None:
    tf.random.set_seed(0)


def features() -> tf.Tensor:
    """[B, T, M], no two alike, none at its bin's mean, zero past the length."""
    values = np.random.default_rng(0).uniform(1, 2, [B, T, M]).astype(np.float32)
    return tf.constant(values) * tf.sequence_mask(LENGTH, T, tf.float32)[:, :, None]


def runs(changed: np.ndarray) -> int:
    """How many stretches of neighbours are changed, of [N] bool."""
    return int(np.count_nonzero(np.diff(np.concatenate([[False], changed]).astype(int)) == 1))


def test_nothing_outside_training_or_without_masks() -> None:
    inputs = features()
    layer = SpecAugment(frequency_masks=2, time_masks=2, time_warp=5)
    np.testing.assert_array_equal(layer(inputs, LENGTH), inputs)
    np.testing.assert_array_equal(SpecAugment()(inputs, LENGTH, training=True), inputs)


def test_frequency_masks() -> None:
    inputs = features()
    layer = SpecAugment(frequency_masks=2, frequency_width=4)
    changed = (layer(inputs, LENGTH, training=True) != inputs).numpy()
    widths = []
    for row, length in zip(changed, LENGTH.numpy()):
        assert not row[length:].any()
        if length > 1:  # a single frame is its own mean
            bins = row[:length].all(axis=0)
            np.testing.assert_array_equal(row[:length], np.broadcast_to(bins, [length, M]))
            assert runs(bins) <= 2
            widths.append(bins.sum())
    assert set(range(8)) <= set(widths) <= set(range(9))
    hits = changed[:, 0].mean(axis=0)
    assert hits.min() > 0.02  # every bin is reached, at the edges too


def test_a_schedule_widens_what_is_masked() -> None:
    inputs = features()
    layer = SpecAugment(
        frequency_masks=2, frequency_width=4, time_masks=1, time_width=10, max_mask_ratio=1.0, time_warp=8
    )
    np.testing.assert_allclose(layer(inputs, LENGTH, training=True, share=0.0), inputs, atol=1e-4)
    layer.time_warp = 0
    masked = (layer(inputs, LENGTH, training=True, share=tf.constant(0.5)) != inputs).numpy()[LENGTH == T]
    bins, frames = masked.all(axis=1).sum(axis=1), masked.all(axis=2).sum(axis=1)
    assert (bins.max(), frames.max()) == (4, 5)  # two masks of two bins, one of five frames


def test_time_masks_are_no_longer_than_a_share_of_the_length() -> None:
    inputs = features()
    layer = SpecAugment(time_masks=1, time_width=10, max_mask_ratio=0.3)
    masked = layer(inputs, LENGTH, training=True)
    changed = (masked != inputs).numpy()
    widths: dict[int, set[int]] = {}
    for row, length in zip(changed, LENGTH.numpy()):
        assert not row[length:].any()
        frames = row.all(axis=1)
        np.testing.assert_array_equal(row, np.broadcast_to(frames[:, None], [T, M]))
        assert runs(frames) <= 1
        widths.setdefault(int(length), set()).add(int(frames.sum()))
    assert widths == {60: set(range(11)), 30: set(range(10)), 11: set(range(4)), 1: {0}, 0: {0}}


def test_what_is_masked_becomes_the_mean_of_the_real_frames() -> None:
    inputs = features()
    masked = SpecAugment(time_masks=1, time_width=10, frequency_masks=1)(
        inputs, LENGTH, training=True
    ).numpy()
    changed = masked != inputs.numpy()
    for row, old, new, length in zip(changed, inputs.numpy(), masked, LENGTH.numpy()):
        if length:
            mean = np.broadcast_to(old[:length].mean(axis=0), [T, M])
            np.testing.assert_allclose(new[row], mean[row], rtol=1e-5)


def test_time_warp() -> None:
    """A bin that counts the frames shows where each frame came from."""
    ramp = tf.tile(tf.range(T, dtype=tf.float32)[None, :, None], [B, 1, M])
    inputs = ramp * tf.sequence_mask(LENGTH, T, tf.float32)[:, :, None]
    warped = SpecAugment(time_warp=8)(inputs, LENGTH, training=True).numpy()
    moved = []
    for row, length in zip(warped, LENGTH.numpy()):
        source = row[:length, 0]
        assert not row[length:].any()
        np.testing.assert_array_equal(row[:, 1:], row[:, :-1])
        if length > 1:
            np.testing.assert_allclose([source[0], source[-1]], [0, length - 1], atol=1e-4)
            steps = np.diff(source)
            assert steps.min() >= -1e-5
            bends = np.flatnonzero(np.abs(np.diff(steps)) > 1e-3)
            assert len(bends) <= 2  # two straight parts, and the step that lies across their border
            assert np.abs(source - np.arange(length)).max() <= 8
            moved.append(np.abs(source - np.arange(length)).max())
    assert np.median(moved) > 1


@pytest.mark.parametrize("options", [{"time_warp": 8}, {"time_masks": 2}, {"frequency_masks": 2}])
def test_draws_do_not_depend_on_padding(options: dict[str, int]) -> None:
    layer = SpecAugment(**options)
    with drawing(draw_key(1, 0)):
        short = layer(features(), LENGTH, training=True)
    with drawing(draw_key(1, 0)):
        padded = layer(tf.pad(features(), [[0, 0], [0, 17], [0, 0]]), LENGTH, training=True)
    assert not padded[:, T:].numpy().any()
    np.testing.assert_allclose(padded[:, :T], short, rtol=1e-5, atol=1e-5)
    assert np.abs(short.numpy() - layer(features(), LENGTH, training=True).numpy()).max() > 0.1


def test_compiled() -> None:
    """XLA draws other numbers; what they are used for is the same."""
    inputs = features()
    layer = SpecAugment(frequency_masks=1, time_masks=1, time_width=10, time_warp=0)
    compiled = tf.function(lambda x, n: layer(x, n, training=True), jit_compile=True)(inputs, LENGTH)
    mean = (
        tf.reduce_sum(inputs, axis=1, keepdims=True)
        / tf.maximum(tf.cast(LENGTH, tf.float32), 1)[:, None, None]
    )
    changed = (compiled != inputs).numpy()
    np.testing.assert_allclose(compiled, np.where(changed, mean, inputs), rtol=1e-5)
    assert changed.any(axis=(1, 2))[LENGTH > 30].mean() > 0.8
    warp = SpecAugment(time_warp=8)
    warped = tf.function(lambda x, n: warp(x, n, training=True), jit_compile=True)(inputs, LENGTH).numpy()
    np.testing.assert_allclose(warped[:, 0], inputs[:, 0], rtol=1e-5)
    assert np.abs(warped - inputs).max() > 0.1


def tone(hertz: float, samples: int = 16000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(samples) / 16000)).astype(np.float32)


def test_speed_changes_length_and_pitch() -> None:
    generator = np.random.default_rng(0)
    for factor, samples in ((0.9, 17778), (1.1, 14545)):
        changed = change_speed(tone(500), [factor], generator)
        assert changed.dtype == np.float32
        assert changed.shape == (samples,)
        np.testing.assert_allclose(changed[500:-500], tone(500 * factor, samples)[500:-500], atol=2e-3)
    np.testing.assert_array_equal(change_speed(tone(500), [1.0], generator), tone(500))
    lengths = {len(change_speed(tone(500), [0.9, 1.0, 1.1], generator)) for _ in range(30)}
    assert lengths == {17778, 16000, 14545}
    assert len(change_speed(tone(500, 1), [3.0], generator)) == 1


def test_noise_has_the_ratio_asked_for() -> None:
    noisy = add_noise(tone(500), (10.0, 10.0), np.random.default_rng(0))
    assert noisy.dtype == np.float32
    noise = (noisy - tone(500)).astype(np.float64)
    ratio = 10 * np.log10(np.mean(tone(500) ** 2) / np.mean(noise**2))
    assert abs(ratio - 10) < 0.1
    spectrum = np.abs(np.fft.rfft(noise)).reshape(1, -1)[:, :8000].reshape(8, -1).mean(axis=1)
    np.testing.assert_allclose(spectrum, spectrum.mean(), rtol=0.1)  # white
    assert not add_noise(np.zeros(9, np.float32), (0.0, 5.0), np.random.default_rng(0)).any()
    assert len(add_noise(np.zeros(0, np.float32), (0.0, 5.0), np.random.default_rng(0))) == 0


def test_gain_is_within_its_bounds() -> None:
    generator = np.random.default_rng(0)
    gains = []
    for _ in range(200):
        changed = change_gain(tone(500), 6.0, generator)
        assert changed.dtype == np.float32
        gain = changed[8] / tone(500)[8]
        np.testing.assert_allclose(changed, gain * tone(500), atol=1e-6)
        gains.append(20 * np.log10(gain))
    assert -6.01 <= min(gains) < -5
    assert 5 < max(gains) <= 6.01


def test_the_same_generator_gives_the_same_sound() -> None:
    def all_of_them(seed: int) -> np.ndarray:
        generator = np.random.default_rng(seed)
        audio = change_speed(tone(500), [0.9, 1.0, 1.1], generator)
        return change_gain(add_noise(audio, (10.0, 30.0), generator), 3.0, generator)

    np.testing.assert_array_equal(all_of_them(5), all_of_them(5))
    assert all_of_them(5)[:100].tolist() != all_of_them(6)[:100].tolist()
