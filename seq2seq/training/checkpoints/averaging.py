"""The plain average of the weights of several checkpoints (Junczys-Dowmunt et al. 2016, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.files import plain_path
from seq2seq.training.checkpoints.store import (
    WEIGHTS,
    Checkpoint,
    CheckpointStore,
    checksums,
    new_checkpoint,
)


def average_last(store: CheckpointStore, last: int) -> Checkpoint:
    """Averages the newest `last` milestones of `store` into its checkpoint `average-<last>`.

    No model is needed. Everything that is not a floating-point tensor is the newest checkpoint's.

    Raises:
        UserError: if there are fewer than `last`, or one of them is damaged.
    """
    milestones = store.milestones()
    if not 1 <= last <= len(milestones):
        raise UserError(
            f"--last is {last}, and {store.directory} holds {len(milestones)} checkpoints to average;"
            " training.keep_checkpoints says how many a run keeps."
        )
    chosen = milestones[-last:]
    for checkpoint in chosen:
        damage = checkpoint.damage(WEIGHTS)
        if damage:
            raise UserError(f"The checkpoint {checkpoint.path} is damaged: {damage}.")
    path = store.directory / f"average-{last}"
    with new_checkpoint(path) as temporary:
        with plain_path(store.directory) as folder:
            prefixes = [str(folder / checkpoint.path.name / WEIGHTS) for checkpoint in chosen]
            _write_average(prefixes, str(folder / temporary.name / WEIGHTS))
        Checkpoint(
            path=temporary,
            step=chosen[-1].step,
            checksums=checksums(temporary),
            averaged_steps=tuple(checkpoint.step for checkpoint in chosen),
        ).write_manifest()
    return Checkpoint.read(path)


def _write_average(prefixes: Sequence[str], target: str) -> None:
    """Sums in float64, one tensor at a time, and copies the graph of objects that names the tensors."""
    readers = [tf.train.load_checkpoint(prefix) for prefix in prefixes]
    newest = readers[-1]
    names = sorted(newest.get_variable_to_shape_map())
    dtypes = newest.get_variable_to_dtype_map()
    tensors = []
    for name in names:
        if dtypes[name].is_floating:
            total = sum(reader.get_tensor(name).astype(np.float64) for reader in readers)
            tensors.append(tf.constant(total / len(readers), dtypes[name]))
        else:
            tensors.append(tf.constant(newest.get_tensor(name), dtypes[name]))
    tf.raw_ops.SaveV2(prefix=target, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)
