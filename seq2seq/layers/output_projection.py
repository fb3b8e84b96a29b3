"""Scores of every entry of the vocabulary, and the cross entropy over them."""

from __future__ import annotations

from typing import Callable, NamedTuple

import tensorflow as tf

from seq2seq.keras2 import keras
from seq2seq.layers.embedding import Embedding
from seq2seq.layers.parts import Part, Stage, Table

CHUNK = 256
"""Positions whose logits are held at once: [256, V] float32 stays in the cache of a CPU for vocabularies of 10,000."""


class TokenLosses(NamedTuple):
    """Per token, ``[N]`` float32: the cross entropy, and what is minimised (smoothed)."""

    cross_entropy: tf.Tensor
    smoothed: tf.Tensor


class OutputProjection(keras.layers.Layer):
    """``logits = x · tableᵀ + bias``, with a table of its own or an embedding's (Press & Wolf 2017).

    Args:
      vocabulary_size: V.
      depth: of the inputs; where the shared table has another depth, a linear layer comes before it.
      shared: the embedding whose table to use.
    """

    def __init__(
        self, vocabulary_size: int, depth: int, *, shared: Embedding | None = None, name: str = "output"
    ) -> None:
        super().__init__(name=name)
        self.depth = depth
        self.shared = shared
        self.adapter = None
        if shared is None:
            self.own_table = self.add_weight("table", [vocabulary_size, depth], initializer="glorot_uniform")
        elif shared.size != depth:
            self.adapter = keras.layers.Dense(shared.size, use_bias=False, name="adapter")
        self.bias = self.add_weight("bias", [vocabulary_size], initializer="zeros")

    @property
    def table(self) -> tf.Variable:
        return self.own_table if self.shared is None else self.shared.table

    def _features(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs if self.adapter is None else self.adapter(inputs)

    def part(self) -> Part:
        """What another projection can take over."""
        adapter = (Stage("adapter", {"adapter": self.adapter}),) if self.adapter else ()
        tables = (Table("output", self.table, "target"), Table("output bias", self.bias, "target"))
        return Part(others=adapter, tables=tables)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Args: ``[N, depth]``. Returns: logits ``[N, V]`` float32."""
        return tf.matmul(self._features(inputs), self.table, transpose_b=True) + self.bias

    def token_losses(self, inputs: tf.Tensor, targets: tf.Tensor, label_smoothing: float) -> TokenLosses:
        """Cross entropy, and its label-smoothed form (Szegedy et al. 2016), in one pass over the logits.

        With ε spread evenly over the vocabulary the smoothed loss is
        ``(1-ε)(logZ - l_y) + ε(logZ - mean l) = xent + ε(l_y - mean l)``, and both ``l_y = x·E[y] + b[y]`` and
        ``mean l = x·mean(E) + mean(b)`` are cheap.

        Args:
          inputs: ``[N, depth]``, real positions only.
          targets: ``[N]`` int32.
          label_smoothing: ε in [0, 1).
        """
        features = self._features(inputs)
        logits = tf.matmul(features, self.table, transpose_b=True) + self.bias  # [N, V]
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        if label_smoothing == 0.0:
            return TokenLosses(cross_entropy, cross_entropy)
        chosen = tf.reduce_sum(features * tf.gather(self.table, targets), -1) + tf.gather(self.bias, targets)
        mean = tf.linalg.matvec(features, tf.reduce_mean(self.table, 0)) + tf.reduce_mean(self.bias)
        return TokenLosses(cross_entropy, cross_entropy + label_smoothing * (chosen - mean))

    def loss_sums(
        self, inputs: tf.Tensor, targets: tf.Tensor, label_smoothing: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The sums of ``token_losses``, for training: smoothed, and plain (through which no gradient flows).

        Logits are made, used and forgotten chunk by chunk, the gradient together with the loss, so that no ``[N, V]``
        travels to memory and back; on two CPU cores this takes half the time. Arguments as for ``token_losses``.
        """
        features = self._features(inputs)
        table, bias = tf.convert_to_tensor(self.table), tf.convert_to_tensor(self.bias)
        return _loss_sums(features, table, bias, targets, label_smoothing)


def _loss_sums(
    features: tf.Tensor, table: tf.Tensor, bias: tf.Tensor, targets: tf.Tensor, label_smoothing: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """``features`` ``[N, D]``, ``table`` ``[V, D]``, ``bias`` ``[V]``, ``targets`` ``[N]``; see ``loss_sums``.

    With p the softmax, the gradient by the logits is ``p - (1-ε) onehot(y) - ε/V``. Only p needs the loop; the other
    two terms reach features, table and bias as gathers, scatters and means.
    """
    vocabulary_size, depth = table.shape

    @tf.custom_gradient
    def run(
        features: tf.Tensor, table: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
        count = tf.shape(features)[0]
        covered = tf.maximum(count, 1)  # no position at all is one chunk, which holds nothing

        def chunk(start, log_z, dfeatures, dtable, dbias):  # type: ignore[no-untyped-def]
            part = features[start : start + CHUNK]
            logits = tf.matmul(part, table, transpose_b=True) + bias  # [CHUNK, V]
            p = tf.nn.softmax(logits)
            likeliest = tf.argmax(logits, -1, output_type=tf.int32)  # its p is no smaller than 1/V
            top, p_top = (tf.gather(x, likeliest, batch_dims=1) for x in (logits, p))
            number = start // CHUNK
            return (
                start + CHUNK,
                log_z.write(number, top - tf.math.log(p_top)),
                dfeatures.write(number, tf.matmul(p, table)),
                dtable + tf.matmul(p, part, transpose_a=True),
                dbias + tf.reduce_sum(p, 0),
            )

        chunks = (covered + CHUNK - 1) // CHUNK
        saved = [
            tf.TensorArray(tf.float32, size=chunks, infer_shape=False, element_shape=shape)
            for shape in ([None], [None, depth])
        ]
        loop = tf.while_loop(
            lambda start, *_: start < covered,
            chunk,
            (0, *saved, tf.zeros_like(table), tf.zeros_like(bias)),
            parallel_iterations=1,
        )
        log_z, dfeatures, dtable, dbias = loop[1].concat(), loop[2].concat(), loop[3], loop[4]

        wanted, mean = tf.gather(table, targets), tf.reduce_mean(table, 0)
        wanted_logits = tf.reduce_sum(features * wanted, -1) + tf.gather(bias, targets)
        mean_logits = tf.linalg.matvec(features, mean) + tf.reduce_mean(bias)
        cross_entropy = tf.reduce_sum(log_z - wanted_logits)
        smoothed = cross_entropy + label_smoothing * tf.reduce_sum(wanted_logits - mean_logits)

        def gradient(scale: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            hit, even = 1.0 - label_smoothing, label_smoothing / vocabulary_size
            rows = targets[:, tf.newaxis]
            by_features = dfeatures - hit * wanted - label_smoothing * mean
            by_table = tf.tensor_scatter_nd_sub(dtable, rows, hit * features) - even * tf.reduce_sum(
                features, 0
            )
            by_bias = tf.tensor_scatter_nd_sub(dbias, rows, tf.fill([count], hit)) - even * tf.cast(
                count, tf.float32
            )
            return scale * by_features, scale * by_table, scale * by_bias

        return (smoothed, cross_entropy), gradient

    smoothed, cross_entropy = run(features, table, bias)
    return smoothed, tf.stop_gradient(cross_entropy)
