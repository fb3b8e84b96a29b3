"""What dropout drops."""

import numpy as np
import tensorflow as tf

from seq2seq.layers.dropout import Dropout

B, T, D = 4, 6, 50


def test_values_are_zero_or_scaled_and_fresh_each_call() -> None:
    layer = Dropout(0.25)
    first, second = (layer(tf.ones([B, T, D]), training=True).numpy() for _ in range(2))
    assert set(np.unique(first)) == {np.float32(0.0), np.float32(1.0) / np.float32(0.75)}
    assert 0.15 < (first == 0).mean() < 0.35
    assert (first != second).any()
    np.testing.assert_array_equal(layer(tf.ones([B, T, D]), training=False), np.ones([B, T, D]))


def test_variational_repeats_over_time_and_whole_over_units() -> None:
    variational = Dropout(0.5, variational=True)(tf.ones([B, T, D]), training=True).numpy()
    np.testing.assert_array_equal(variational, np.repeat(variational[:, :1], T, axis=1))
    whole = Dropout(0.5, whole=True)(tf.ones([B, T, D]), training=True).numpy()
    np.testing.assert_array_equal(whole, np.repeat(whole[:, :, :1], D, axis=2))
    assert (whole[:, :1] != whole).any()
