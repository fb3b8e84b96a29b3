"""Any step over time, with the gradients of its matrix products' kernels taken after the backward loop.

Automatic differentiation of a loop adds a weight-sized product and a weight-sized sum to every step, and keeps whatever
the step computed. Here a step says which products it makes. The forward loop stores its states and the results of the
products. The backward loop computes what lies between the products again, lets TensorFlow differentiate that, and
stores what went into each product and the gradient of what came out; after it, one product for all steps gives the
gradient of each kernel.
"""

from __future__ import annotations

from typing import Any, Callable

import tensorflow as tf

from seq2seq.layers.custom_gradients import custom_gradient, inference_only

Nest = Any
"""A TensorFlow nest of tensors."""

Product = Callable[[str, tf.Tensor], tf.Tensor]
"""``(name of the kernel, [B, D])`` → ``[B, E]``."""

Step = Callable[[Product, tf.Tensor, Nest, tf.Tensor, Nest], Nest]
"""``(product, t, state, inputs [B, D], shared)`` → the next state."""


def at_step(mask: tf.Tensor | None, t: tf.Tensor) -> tf.Tensor | float:
    """A time-major mask ``[T or 1, B, D]`` at step ``t``; 1 where there is none."""
    if mask is None:
        return 1.0
    return mask[tf.minimum(t, tf.shape(mask)[0] - 1)]


def shifted(first: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
    """``[T, B, D]``: what each step of ``sequence`` found, beginning with ``first`` ``[B, D]``."""
    return tf.concat([first[tf.newaxis], sequence[:-1]], axis=0)


def arrays(time: tf.Tensor, count: int, dtype: tf.DType = tf.float32) -> list[tf.TensorArray]:
    """``count`` arrays to collect one tensor a step in; what is written can be read any number of times."""
    return [tf.TensorArray(dtype, size=time, clear_after_read=False) for _ in range(count)]


def transposed_product(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """``[D, E]``, the sum over all steps and rows of ``left`` ``[T, B, D]`` times ``right`` ``[T, B, E]``."""
    rows, columns = tf.shape(left)[2], tf.shape(right)[2]  # arrays of steps may not know them before they run
    return tf.matmul(tf.reshape(left, [-1, rows]), tf.reshape(right, [-1, columns]), transpose_a=True)


def times(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """``[B, D]`` times ``[D, E]``, or each row times its own matrix, ``[B, D, E]``."""
    if kernel.shape.rank == 2:
        return tf.matmul(x, kernel)
    return tf.squeeze(tf.matmul(x[:, tf.newaxis], kernel), 1)  # twice as fast as a transposed matvec


def _by_x(dy: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    return tf.matmul(dy, kernel, transpose_b=True) if kernel.shape.rank == 2 else tf.linalg.matvec(kernel, dy)


def _by_kernel(x: tf.Tensor, dy: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """From all steps ``[T, B, D]`` and ``[T, B, E]``."""
    if kernel.shape.rank == 2:
        return transposed_product(x, dy)
    return tf.matmul(tf.transpose(x, [1, 0, 2]), tf.transpose(dy, [1, 0, 2]), transpose_a=True)  # [B, D, E]


def steps_over_time(
    step: Step, initial_state: Nest, inputs: tf.Tensor, shared: Nest, kernels: dict[str, tf.Tensor]
) -> Nest:
    """Runs a step over all times, time-major.

    Args:
      step: a pure function of its arguments, but for tensors that need no gradient (masks). It calls ``product`` once
        for each of the kernels.
      initial_state: ``[B, ...]`` each.
      inputs: ``[T, B, D]``.
      shared: what every step uses besides its products; its gradient is summed up in the loop.
      kernels: by name, ``[D, E]`` or, for each row its own, ``[B, D, E]``.

    Returns:
      the states after every step, ``[T, B, ...]`` each.
    """
    names = sorted(kernels)
    arguments = (initial_state, inputs, shared, kernels)

    @custom_gradient
    def run(*flat: tf.Tensor) -> tuple[list[tf.Tensor], Callable[..., list[tf.Tensor]]]:
        initial_state, inputs, shared, kernels = tf.nest.pack_sequence_as(arguments, flat)
        time = tf.shape(inputs)[0]
        parts = tf.nest.flatten(initial_state)

        def forward(t, state, *saved):  # type: ignore[no-untyped-def]
            products = {}

            def product(name: str, x: tf.Tensor) -> tf.Tensor:
                products[name] = times(x, kernels[name])
                return products[name]

            state = step(product, t, state, inputs[t], shared)
            values = [*tf.nest.flatten(state), *(products[name] for name in names)]
            return t + 1, state, *(array.write(t, x) for array, x in zip(saved, values))

        kept = len(parts) if inference_only() else len(parts) + len(names)
        start = (0, initial_state, *arrays(time, kept))
        _, _, *saved = tf.while_loop(lambda t, *_: t < time, forward, start, parallel_iterations=1)
        stacked = [array.stack() for array in saved]
        for sequence, part in zip(stacked, parts):
            sequence.set_shape([None, *part.shape])
        states, results = stacked[: len(parts)], dict(zip(names, stacked[len(parts) :]))

        def gradient(*dstates: tf.Tensor) -> list[tf.Tensor]:
            before = [shifted(part, sequence) for part, sequence in zip(parts, states)]

            def back(t, dstate, dshared, *saved):  # type: ignore[no-untyped-def]
                xs, ys = {}, {}

                def product(name: str, x: tf.Tensor) -> tf.Tensor:
                    @tf.custom_gradient
                    def known(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
                        y = tf.ensure_shape(results[name][t], [*x.shape[:1], kernels[name].shape[-1]])
                        return tf.identity(y), lambda dy: _by_x(dy, kernels[name])

                    xs[name], ys[name] = x, known(x)
                    return ys[name]

                state = tf.nest.pack_sequence_as(initial_state, [sequence[t] for sequence in before])
                sources = (tf.nest.flatten(state), inputs[t], tf.nest.flatten(shared))
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(sources)
                    following = tf.nest.flatten(step(product, t, state, sources[1], shared))
                dstate, dinputs, by_shared, dys = tape.gradient(
                    following,
                    (*sources, ys),
                    [inside + outside[t] for inside, outside in zip(dstate, dstates)],
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                dshared = [total + part for total, part in zip(dshared, by_shared)]
                values = [dinputs, *(xs[name] for name in names), *(dys[name] for name in names)]
                return t - 1, dstate, dshared, *(array.write(t, x) for array, x in zip(saved, values))

            zeros = [tf.zeros_like(x) for x in tf.nest.flatten((initial_state, shared))]
            saved = arrays(time, 1 + 2 * len(names))
            start = (time - 1, zeros[: len(parts)], zeros[len(parts) :], *saved)
            _, dstate, dshared, *saved = tf.while_loop(
                lambda t, *_: t >= 0, back, start, parallel_iterations=1
            )
            dinputs, *sequences = (array.stack() for array in saved)
            dkernels = []
            for name, x, dy in zip(names, sequences, sequences[len(names) :]):
                kernel = kernels[name]
                x.set_shape([None, None, kernel.shape[-2]])
                dy.set_shape([None, None, kernel.shape[-1]])
                dkernels.append(_by_kernel(x, dy, kernel))
            return [*dstate, dinputs, *dshared, *dkernels]

        return states, gradient

    return tf.nest.pack_sequence_as(initial_state, run(*tf.nest.flatten(arguments)))
