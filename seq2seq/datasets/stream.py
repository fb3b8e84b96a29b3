"""Batches for TensorFlow, made while it computes."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from seq2seq.datasets.batch import Batch
from seq2seq.datasets.batch_maker import BatchMaker
from seq2seq.datasets.batch_plan import BatchPlan

SIGNATURE = Batch(
    example_ids=tf.TensorSpec([None], tf.int64),
    source_ids=tf.TensorSpec([None, None], tf.int32),
    source_length=tf.TensorSpec([None], tf.int32),
    target_inputs=tf.TensorSpec([None, None], tf.int32),
    target_outputs=tf.TensorSpec([None, None], tf.int32),
    target_length=tf.TensorSpec([None], tf.int32),
)


def stream(
    maker: BatchMaker, plan: BatchPlan, *, seed: int = 0, epoch: int = 0, skip: int = 0, prefetch: int = 4
) -> tf.data.Dataset:
    """The batches of a plan as a dataset of `Batch`.

    Batch number i is the same whatever is skipped, so that an interrupted epoch can go on where it stopped.

    Args:
        maker: makes them.
        plan: says which.
        seed, epoch: decide the subword sampling, together with the number of the batch.
        skip: the first batches left out.
        prefetch: batches made ahead, so that Python works during the step.
    """

    def generate() -> Iterator[Batch]:
        for number in range(skip, len(plan)):
            yield maker(plan[number], (seed, epoch, number))

    return tf.data.Dataset.from_generator(generate, output_signature=SIGNATURE).prefetch(prefetch)
