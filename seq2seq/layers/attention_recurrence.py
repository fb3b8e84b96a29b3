"""An LSTM with Luong attention and input feeding over a whole known target, as one recurrence.

It computes what a loop over ``tfa.seq2seq.AttentionWrapper`` computes, with the same weights. The gradient is written
by hand: the backward loop keeps only what is recurrent and stores the gradients of the pre-activations; after it, one
product each gives the gradients of the kernels, and one batched product each those of keys and values.
"""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from seq2seq.layers.lstm_cell import lstm_gates, lstm_gates_gradient
from seq2seq.layers.recurrence import arrays, at_step, shifted, transposed_product
from seq2seq.state import LSTMState


def attention_lstm_over_time(
    projected: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    attention_kernel: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    memory_mask: tf.Tensor,
    initial_state: LSTMState,
    initial_attention: tf.Tensor,
    *,
    tanh: bool,
    recurrent_mask: tf.Tensor | None = None,
    output_mask: tf.Tensor | None = None,
    attention_mask: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a target whose inputs are all known (Luong et al. 2015, global attention, "general" score).

    Args:
      projected: ``[T, B, 4 * units]``, embedded inputs times their part of the cell's kernel, plus the bias.
      recurrent_kernel: ``[A + units, 4 * units]``: the rows for the fed attention, then those for ``h``.
      attention_kernel: ``[units + D, A]``, from cell output and context to attention.
      keys: ``[B, S, units]``, scaled. values: ``[B, S, D]``. memory_mask: ``[B, S]`` bool.
      initial_state: ``[B, units]`` each. initial_attention: ``[B, A]``.
      tanh: whether the attention layer ends in a tanh.
      recurrent_mask, output_mask, attention_mask: dropout on ``h`` where the recurrent kernel sees it, on ``h`` as the
        cell's output, ``[T or 1, B, units]``, and on the attention, ``[T or 1, B, A]``; None: no dropout.

    Returns:
      attentions ``[T, B, A]`` and alignments ``[T, B, S]`` (through which no gradient flows back).
    """
    size, units = attention_kernel.shape[1], keys.shape[-1]

    @tf.custom_gradient
    def run(
        projected: tf.Tensor,
        kernel: tf.Tensor,
        attention_kernel: tf.Tensor,
        keys: tf.Tensor,
        values: tf.Tensor,
        h0: tf.Tensor,
        c0: tf.Tensor,
        a0: tf.Tensor,
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
        time = tf.shape(projected)[0]

        def step(t, h, c, a, *saved):  # type: ignore[no-untyped-def]
            z = projected[t] + tf.matmul(tf.concat([a, h * at_step(recurrent_mask, t)], 1), kernel)
            i, f, g, o, c, h = lstm_gates(z, c)
            query = h * at_step(output_mask, t)
            score = tf.linalg.matvec(keys, query)  # [B, S]
            alignment = tf.nn.softmax(tf.where(memory_mask, score, score.dtype.min))
            context = tf.linalg.matvec(values, alignment, transpose_a=True)  # [B, D]
            raw = tf.matmul(tf.concat([query, context], 1), attention_kernel)  # [B, A]
            raw = tf.tanh(raw) if tanh else raw
            a = raw * at_step(attention_mask, t)
            kept = (i, f, g, o, c, h, alignment, context, raw)
            return t + 1, h, c, a, *(array.write(t, x) for array, x in zip(saved, kept))

        loop = tf.while_loop(
            lambda t, *_: t < time, step, (0, h0, c0, a0, *arrays(time, 9)), parallel_iterations=1
        )
        i, f, g, o, c, h, alignment, context, raw = (array.stack() for array in loop[4:])  # [T, B, ...]
        h.set_shape([None, None, units])
        context.set_shape([None, None, values.shape[-1]])
        raw.set_shape([None, None, size])
        queries = h if output_mask is None else h * output_mask
        attention = raw if attention_mask is None else raw * attention_mask

        def gradient(da_out: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            c_before = shifted(c0, c)

            def back(t, dh, dc, da, *saved):  # type: ignore[no-untyped-def]
                draw = (da + da_out[t]) * at_step(attention_mask, t)
                draw = draw * (1.0 - raw[t] * raw[t]) if tanh else draw  # [B, A]
                dquery, dcontext = tf.split(
                    tf.matmul(draw, attention_kernel, transpose_b=True), [units, values.shape[-1]], axis=1
                )
                dalignment = tf.linalg.matvec(values, dcontext)
                dscore = alignment[t] * (
                    dalignment - tf.reduce_sum(alignment[t] * dalignment, axis=1, keepdims=True)
                )  # [B, S]
                dquery += tf.linalg.matvec(keys, dscore, transpose_a=True)
                dh += dquery * at_step(output_mask, t)
                dz, dc = lstm_gates_gradient(dh, dc, i[t], f[t], g[t], o[t], c_before[t], c[t])
                da, dh = tf.split(tf.matmul(dz, kernel, transpose_b=True), [size, units], axis=1)
                dh = dh * at_step(recurrent_mask, t)
                kept = (dz, draw, dcontext, dscore)
                return t - 1, dh, dc, da, *(array.write(t, x) for array, x in zip(saved, kept))

            start = (time - 1, tf.zeros_like(h0), tf.zeros_like(c0), tf.zeros_like(a0), *arrays(time, 4))
            _, dh0, dc0, da0, *saved = tf.while_loop(lambda t, *_: t >= 0, back, start, parallel_iterations=1)
            dz, draw, dcontext, dscore = (array.stack() for array in saved)
            dz.set_shape([None, None, 4 * units])
            draw.set_shape([None, None, size])
            h_seen = shifted(h0, h) if recurrent_mask is None else shifted(h0, h) * recurrent_mask
            return (
                dz,
                transposed_product(tf.concat([shifted(a0, attention), h_seen], 2), dz),
                transposed_product(tf.concat([queries, context], 2), draw),
                tf.einsum("tbs,tbk->bsk", dscore, queries),
                tf.einsum("tbs,tbd->bsd", alignment, dcontext),
                dh0,
                dc0,
                da0,
            )

        return (attention, tf.stop_gradient(alignment)), gradient

    return run(
        projected,
        recurrent_kernel,
        attention_kernel,
        keys,
        values,
        initial_state.h,
        initial_state.c,
        initial_attention,
    )
