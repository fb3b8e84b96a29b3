"""What a client may get wrong: one InvalidArgumentError that names the input."""

from __future__ import annotations

import tensorflow as tf


def check(condition: tf.Tensor, message: str, value: tf.Tensor) -> tf.Operation:
    """Raises InvalidArgumentError with message and value unless ``condition`` holds everywhere."""
    return tf.debugging.Assert(tf.reduce_all(condition), [message, value])


def checked_size(
    values: tf.Tensor, name: str, *, max_rows: int, max_columns: int | None = None, columns: str = "columns"
) -> tf.Tensor:
    """Values ``[B, …]`` or ``[B, T, …]`` of at most so many rows and columns, which nothing is computed of before.

    Args:
      columns: what they are.
    """
    rows = tf.shape(values)[0]
    checks = [check(rows <= max_rows, f"{name}: must be at most {max_rows} rows, not", rows)]
    if max_columns is not None:
        width = tf.shape(values)[1]
        checks.append(
            check(width <= max_columns, f"{name}: must be at most {max_columns} {columns} long, not", width)
        )
    with tf.control_dependencies(checks):
        return tf.identity(values)


def checked_rows(values: tf.Tensor, name: str, rows: tf.Tensor) -> tf.Tensor:
    """Values ``[B, …]`` of so many rows."""
    given = tf.shape(values)[0]
    with tf.control_dependencies([check(given == rows, f"{name}: must be a row of each text, not", given)]):
        return tf.identity(values)


def checked_text(text: tf.Tensor, name: str, *, max_rows: int, max_bytes: int) -> tf.Tensor:
    """Texts ``[B]`` of at most so many rows and bytes each."""
    text = checked_size(text, name, max_rows=max_rows)
    size = tf.reduce_max(tf.strings.length(text))  # of no text, the least integer
    within = check(size <= max_bytes, f"{name}: must be at most {max_bytes} bytes each, not", size)
    with tf.control_dependencies([within]):
        return tf.identity(text)


def checked_hypotheses(
    values: tf.Tensor, name: str, beam_width: int | tf.Tensor, max_hypotheses: int
) -> tf.Tensor:
    """Values ``[B, …]`` that are searched with a beam, of which memory takes B times its width."""
    hypotheses = tf.shape(values)[0] * beam_width
    few = check(
        hypotheses <= max_hypotheses,
        f"{name}: rows × beam_width must be at most {max_hypotheses}, not",
        hypotheses,
    )
    with tf.control_dependencies([few]):
        return tf.identity(values)


def checked_lengths(lengths: tf.Tensor, values: tf.Tensor, name: str, of: str) -> tf.Tensor:
    """Lengths ``[B]``, which must be those of rows of ``values`` ``[B, T, …]``."""
    rows, columns = tf.shape(values)[0], tf.shape(values)[1]
    same = check(tf.size(lengths) == rows, f"{name}: must be as many as {of} has rows, not", tf.size(lengths))
    with tf.control_dependencies([same]):
        lengths = tf.identity(lengths)
    wrong = tf.boolean_mask(lengths, (lengths < 0) | (lengths > columns))
    within = check(tf.size(wrong) == 0, f"{name}: must be from 0 to the columns of {of}, not", wrong)
    with tf.control_dependencies([within]):
        return tf.identity(lengths)


def checked_ids(
    ids: tf.Tensor, lengths: tf.Tensor, name: str, *, vocabulary_size: int, pad_id: int
) -> tf.Tensor:
    """Ids ``[B, T]``, which must be of the vocabulary up to their lengths; whatever is past them becomes padding."""
    real = tf.sequence_mask(lengths, tf.shape(ids)[1])
    ids = tf.where(real, ids, pad_id)
    wrong = tf.boolean_mask(ids, (ids < 0) | (ids >= vocabulary_size))
    within = check(tf.size(wrong) == 0, f"{name}: must be from 0 to {vocabulary_size - 1}, not", wrong)
    with tf.control_dependencies([within]):
        return tf.identity(ids)


def checked_numbers(values: tf.Tensor, lengths: tf.Tensor, name: str) -> tf.Tensor:
    """``[B, T]`` or ``[B, T, M]`` floats, which must be finite up to their lengths; whatever is past them becomes 0."""
    real = tf.sequence_mask(lengths, tf.shape(values)[1])
    real = real[..., tf.newaxis] if values.shape.rank == 3 else real
    values = tf.where(real, values, 0.0)
    rows = tf.reduce_all(tf.math.is_finite(values), axis=list(range(1, values.shape.rank)))
    finite = check(
        rows, f"{name}: must be finite numbers, which are missing from rows", tf.where(~rows)[:, 0]
    )
    with tf.control_dependencies([finite]):
        return tf.identity(values)


def checked_options(
    beam_width: tf.Tensor,
    length_penalty: tf.Tensor,
    max_length: tf.Tensor,
    *,
    max_beam_width: int,
    max_tokens: int,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The inputs of a search, scalars."""
    good_penalty = tf.math.is_finite(length_penalty) & (length_penalty >= 0.0)
    checks = [
        check(
            (beam_width >= 1) & (beam_width <= max_beam_width),
            f"beam_width: must be from 1 to {max_beam_width}, not",
            beam_width,
        ),
        check(good_penalty, "length_penalty: must be a number from 0, not", length_penalty),
        check(
            (max_length >= 0) & (max_length <= max_tokens),
            f"max_length: must be from 0 to {max_tokens}, not",
            max_length,
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(beam_width), tf.identity(length_penalty), tf.identity(max_length)
