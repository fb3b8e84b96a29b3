"""Batches for TensorFlow, made while it computes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.batches.pairs import Batch, Shape
from seq2seq.datasets.batches.plan import BatchPlan
from seq2seq.datasets.batches.static_shapes import StaticShapes
from seq2seq.datasets.batches.windows import WindowPlan

SIGNATURE = Batch(
    example_ids=tf.TensorSpec([None], tf.int64),
    source_ids=tf.TensorSpec([None, None], tf.int32),
    source_length=tf.TensorSpec([None], tf.int32),
    target_inputs=tf.TensorSpec([None, None], tf.int32),
    target_outputs=tf.TensorSpec([None, None], tf.int32),
    target_length=tf.TensorSpec([None], tf.int32),
)


class ReplicaSharding(NamedTuple):
    """What a process takes of each batch, which is dealt out to replicas in micro-batches: part
    `micro_batch * replicas + replica` has every `micro_batches * replicas`-th example, so that all parts are about as
    long and as large.
    """

    replicas: int = 1
    """Of all processes."""
    first: int = 0
    """Number of this process' first replica."""
    local: int = 1
    """Replicas of this process."""
    micro_batches: int = 1
    """That a replica takes one after the other."""

    def split(self, rows: np.ndarray) -> list[list[tuple[int, np.ndarray]]]:
        """For each micro-batch and each local replica, the number of its part and the rows in it, which may be none."""
        parts = self.micro_batches * self.replicas
        return [
            [(part, rows[part::parts]) for part in range(start + self.first, start + self.first + self.local)]
            for start in range(0, parts, self.replicas)
        ]


WHOLE = ReplicaSharding()


class Batches:
    """A dataset whose iterators raise what went wrong when a batch was made, as it was raised: TensorFlow would make an
    error of its own of it, with all of its traceback as the message, and print that as well.

    Args:
        dataset: the batches, which end before one that cannot be made.
        faults: what their maker raised, if it did.
    """

    def __init__(self, dataset: tf.data.Dataset, faults: list[Exception]) -> None:
        self.dataset = dataset
        self.element_spec = dataset.element_spec
        self._faults = faults

    def __iter__(self) -> Iterator[Any]:
        yield from self.dataset
        if self._faults:
            raise self._faults.pop()


class BatchStream:
    """Gives the batches of any epoch as a dataset.

    TensorFlow never forgets a generator that it was given, nor what that refers to. So it is given one only,
    which learns the epoch when it starts and does not keep this object alive: hold on to it while its
    datasets are read.

    Args:
        maker: makes the parts of batches, of rows and a seed (see `BatchMaker`).
        plan: the plan of an epoch; called from a thread of TensorFlow's.
        signature: what a part is, as `tf.TensorSpec`s.
        seed: decides what is drawn for a batch, together with the epoch and the number of the batch.
        prefetch: batches made ahead, so that Python works during the step.
        sharding: what is made of each batch.
        shapes: what batches are padded to, if they are; a part then has its share of the shape's rows.
    """

    def __init__(
        self,
        maker: Callable[..., Any],
        plan: Callable[[int], BatchPlan | WindowPlan],
        *,
        signature: Any = SIGNATURE,
        seed: int = 0,
        prefetch: int = 4,
        sharding: ReplicaSharding = WHOLE,
        shapes: StaticShapes | None = None,
    ) -> None:
        self.maker = maker
        self.plan = plan
        self.seed = seed
        self.prefetch = prefetch
        self.sharding = sharding
        self.shapes = shapes
        self._faults: list[Exception] = []
        signature = ((signature,) * sharding.local,) * sharding.micro_batches
        self._dataset = _dataset_function(weakref.ref(self), signature, self._faults)

    def __call__(self, epoch: int, skip: int = 0) -> Batches:
        """The batches of an epoch but the first `skip`, each as a tuple of micro-batches, which are tuples of parts.

        Batch number i is the same whatever is skipped: an interrupted epoch can go on where it stopped.
        """
        dataset = self._dataset(tf.constant(epoch, tf.int64), tf.constant(skip, tf.int64))
        return Batches(dataset.prefetch(self.prefetch).with_options(_without_autotuning()), self._faults)

    def batches(self, epoch: int, skip: int) -> Iterator[Any]:
        """The same as NumPy arrays, without TensorFlow."""
        plan = self.plan(epoch)
        for number in range(skip, len(plan)):
            shape = self._shape_of_parts(plan[number])
            yield tuple(
                tuple(
                    self.maker(rows, (self.seed, epoch, number, part), **shape) for part, rows in micro_batch
                )
                for micro_batch in self.sharding.split(plan[number])
            )

    def _shape_of_parts(self, rows: np.ndarray) -> dict[str, Shape]:
        """As an argument of the maker; none where shapes are not fixed."""
        if self.shapes is None:
            return {}
        whole = self.shapes.of(rows)
        return {
            "shape": whole._replace(
                rows=-(-whole.rows // (self.sharding.replicas * self.sharding.micro_batches))
            )
        }


def _without_autotuning() -> tf.data.Options:
    """TensorFlow's tuner has nothing to tune here, and when an iterator goes it waits for the tuner's sleep to end: a
    minute at worst, after every epoch."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _dataset_function(
    owner: weakref.ref[BatchStream], signature: Any, faults: list[Exception]
) -> Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]:
    def generate(epoch: np.int64, skip: np.int64) -> Iterator[Any]:
        stream = owner()
        if stream is None:
            raise ReferenceError("the BatchStream that made this dataset is gone")
        try:
            yield from stream.batches(int(epoch), int(skip))
        except Exception as error:
            faults.append(error)  # which `Batches` raises

    def dataset(epoch: tf.Tensor, skip: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.from_generator(generate, output_signature=signature, args=(epoch, skip))

    return tf.function(dataset, input_signature=[tf.TensorSpec([], tf.int64)] * 2, autograph=False)
