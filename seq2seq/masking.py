"""The masking policies: what happens to padding."""

from __future__ import annotations

import enum

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError


class MaskingPolicy(str, enum.Enum):
    """How the layers treat what lies past a sequence's length.

    ``strict``: as ``tf.compat.v1.nn.dynamic_rnn`` with lengths: outputs are zero past each length, the final state is
    the state at the last real step, and attention sees real positions only.
    ``cudnn``: as strict, for the fused kernels of a GPU: every batch is checked before its step for what they cannot
    take, an empty row, and for plain cells Keras' layer runs in place of our loop.
    ``static``: as strict, in batches of a few fixed shapes, for XLA.
    ``none``: padding is data, except in the loss.
    """

    STRICT = "strict"
    CUDNN = "cudnn"
    STATIC = "static"
    NONE = "none"

    @classmethod
    def _missing_(cls, value: object) -> None:
        names = ", ".join(policy.value for policy in cls)
        raise UserError(f"{value!r} is no masking policy; there are {names}.")

    def visible_length(self, length: tf.Tensor, time: tf.Tensor | int) -> tf.Tensor:
        """The length that the layers get to see.

        Args:
          length: ``[B]`` int32, the real lengths.
          time: the number of steps of the padded tensor.

        Returns:
          ``[B]`` int32: ``time`` for every row under ``none``, else ``length``.
        """
        if self is MaskingPolicy.NONE:
            return tf.fill(tf.shape(length), time)
        return length


def check_lengths(
    length: np.ndarray,
    time: int | None,
    *,
    smallest: int = 1,
    example_ids: np.ndarray | None = None,
    name: str = "length",
) -> None:
    """Refuses lengths that a padded tensor cannot have.

    Args:
      length: ``[B]`` integers. time: steps of the padded tensor; None: unknown.
      smallest: the least that is allowed. example_ids: ``[B]``, to name examples by; without it, rows are named.
      name: of the field.

    Raises:
      UserError: the first length below ``smallest`` or beyond ``time``.
    """
    length = np.asarray(length)
    wrong = (length < smallest) | (length > (np.iinfo(np.int64).max if time is None else time))
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    who = f"row {row}" if example_ids is None else f"example {int(example_ids[row])}"
    most = "" if time is None else f" to {time}, the steps of its tensor"
    raise UserError(f"{name} of {who} is {int(length[row])}; it must be from {smallest}{most}.")


def length_of(mask: np.ndarray, *, example_ids: np.ndarray | None = None, name: str = "mask") -> np.ndarray:
    """The lengths ``[B]`` int32 of a mask ``[B, T]`` (True on real positions) whose padding is on the right.

    Raises:
      UserError: a row is real again after padding (or padded on the left), which no length can say and no fused kernel
        can take.
    """
    mask = np.asarray(mask, bool)
    length = mask.sum(axis=1).astype(np.int32)
    wrong = np.any(mask != (np.arange(mask.shape[1]) < length[:, None]), axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        who = f"row {row}" if example_ids is None else f"example {int(example_ids[row])}"
        step = int(np.argmin(mask[row]))
        raise UserError(
            f"{name} of {who} is padded at step {step} and real after it; padding must be on the right."
        )
    return length
