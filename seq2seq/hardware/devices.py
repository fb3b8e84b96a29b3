"""Devices, threads, precision and processes: the only place that touches them, before anything is computed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq.config.schema import Device, HardwareConfig, Precision, Strategy
from seq2seq.errors import UserError, WorkerLostError
from seq2seq.hardware.cluster import Cluster, find_cluster, roll_call

logger = logging.getLogger(__name__)

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")

_BFLOAT16, _FLOAT16 = "auto_mixed_precision_onednn_bfloat16", "auto_mixed_precision"
_LONGEST_MESSAGE = 1 << 16  # bytes that workers can tell each other at once
_LOSS = re.compile(r"Collective ops is aborted by: (.*)")


@dataclass(frozen=True)
class Hardware:
    """What a run computes on: replicas of a model, each on a device, and the workers (processes) that have them."""

    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)
    description: str = "CPU, float32"
    workers: int = 1
    worker: int = 0
    """Which of them this process is."""
    float16: bool = False

    @property
    def chief(self) -> bool:
        """Whether this worker is the one that writes and validates."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        return self.strategy.num_replicas_in_sync

    @property
    def local_replicas(self) -> int:
        """Those of this worker."""
        return self.replicas // self.workers

    def scope(self) -> AbstractContextManager[Any]:
        """Variables belong to all replicas when they are made inside."""
        return self.strategy.scope()

    def from_chief(self, value: Any = None) -> Any:
        """What the chief gives, on every worker; all of them wait here for each other.

        Args:
            value: the chief's, plain JSON; of the others it does not matter.

        Raises:
            WorkerLostError: another worker is gone.
        """
        if self.workers == 1:
            return value
        text = json.dumps(value).encode("utf-8") if self.chief else b""
        if len(text) > _LONGEST_MESSAGE:
            raise ValueError(f"{len(text)} bytes are too many to tell other workers")
        padded = (
            list(text) + [ord(" ")] * (_LONGEST_MESSAGE - len(text)) if self.chief else [0] * _LONGEST_MESSAGE
        )
        return json.loads(bytes(self._sum(padded)).decode("utf-8"))

    def of_all_workers(self, value: int) -> list[int]:
        """The values that all workers give here, in their order.

        Raises:
            WorkerLostError: another worker is gone.
        """
        return (
            [value]
            if self.workers == 1
            else self._sum([value * (n == self.worker) for n in range(self.workers)])
        )

    @contextmanager
    def noticing_losses(self) -> Iterator[None]:
        """Turns what TensorFlow says when another worker is gone into one sentence."""
        try:
            yield
        except tf.errors.OpError as error:
            found = _LOSS.search(error.message or "")
            if self.workers == 1 or not (found or isinstance(error, tf.errors.UnavailableError)):
                raise
            reason = f" ({found.group(1)})" if found else ""
            raise WorkerLostError(
                f"Worker {self.worker} stops, because another one is gone{reason}. Start all of them again: training"
                " goes on from the last checkpoint."
            ) from error

    def _sum(self, values: list[int]) -> list[int]:
        """Element by element, over the workers."""
        with self.noticing_losses():
            return self._add_up(tf.constant(values, tf.int32)).numpy().tolist()

    @cached_property
    def _add_up(self) -> Callable[[tf.Tensor], tf.Tensor]:
        def of_replica(values: tf.Tensor) -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            first = (
                replica.replica_id_in_sync_group % self.local_replicas == 0
            )  # the others would count again
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, values, 0))

        def of_worker(values: tf.Tensor) -> tf.Tensor:
            sums = self.strategy.run(of_replica, args=(values,))
            return self.strategy.experimental_local_results(sums)[0]

        return tf.function(of_worker)


def cpu_features() -> list[str]:
    """Those of ``CPU_FEATURES`` that this processor has; empty where the system does not tell."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return []
    flags = next((line for line in info.read_text().splitlines() if line.startswith("flags")), "").split()
    return [feature for feature in CPU_FEATURES if feature in flags]


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    return bool({"avx512_bf16", "amx_bf16"} & set(cpu_features()))


def uses_gpu() -> bool:
    """Whether a GPU computes, once ``configure`` has been called."""
    return bool(tf.config.get_visible_devices("GPU"))


def device_memory() -> list[float]:
    """MiB that are taken on each GPU, at most so far."""
    devices = [
        device.name.replace("/physical_device:", "") for device in tf.config.get_visible_devices("GPU")
    ]
    return [round(tf.config.experimental.get_memory_info(name)["peak"] / 2**20, 1) for name in devices]


def configure(config: HardwareConfig, *, training: bool = True) -> Hardware:
    """Makes TensorFlow use what the configuration asks for; may be called again, as a sweep does.

    Args:
        config: what is asked for.
        training: if not, one device is enough, whatever the strategy: a model answers alike on any.

    Raises:
        UserError: what is asked for is not there, or cannot be had any more because TensorFlow, already at work in
            this process, was started with something else.
        WorkerLostError: another worker is gone.
    """
    if config.device is Device.tpu and training:
        return _tpu(config)
    use_gpu = _choose_devices(config)
    precision = _set_precision(config, use_gpu)
    name, float16 = "GPU" if use_gpu else "CPU", precision is Precision.float16
    if config.strategy is Strategy.multi_worker and training:
        strategy, cluster = _join(str(config.cluster), config.timeout)
        workers = len(cluster.addresses)
        each = strategy.num_replicas_in_sync // workers
        said = f"{each} {name} of worker {cluster.place}, {workers} workers in all, {precision}"
        return Hardware(strategy, said, workers, cluster.place, float16)
    several_gpus = use_gpu and len(tf.config.list_physical_devices("GPU")) > 1
    mirrored = config.strategy is Strategy.mirrored or (config.strategy is Strategy.auto and several_gpus)
    if mirrored and training:
        devices = tuple(device.name for device in tf.config.list_logical_devices(name))
        return Hardware(_mirror(devices), f"{len(devices)} {name}s, {precision}", float16=float16)
    return Hardware(description=f"{name}, {precision}", float16=float16)


def _choose_devices(config: HardwareConfig) -> bool:
    """Sets threads and devices; whether GPUs compute."""
    gpus = tf.config.list_physical_devices("GPU")
    if config.device is Device.gpu and not gpus:
        raise UserError("hardware=gpu: TensorFlow finds no GPU here; choose hardware=cpu or hardware=auto.")
    use_gpu = bool(gpus) and config.device is not Device.cpu
    threads = (config.threads.intra, config.threads.inter)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads[0])
        tf.config.threading.set_inter_op_parallelism_threads(threads[1])
        if use_gpu:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
        elif gpus:
            tf.config.set_visible_devices([], "GPU")
        if config.logical_devices:
            cut = (gpus if use_gpu else tf.config.list_physical_devices("CPU"))[0]
            parts = [tf.config.LogicalDeviceConfiguration() for _ in range(config.logical_devices)]
            tf.config.set_logical_device_configuration(cut, parts)
    except (RuntimeError, ValueError):  # TensorFlow is at work already
        running = (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        )
        if running != threads:
            raise UserError(
                f"hardware.threads={threads[0]},{threads[1]} cannot be set any more: this process has begun with"
                f" {running[0]},{running[1]}."
            ) from None
    there = len(tf.config.list_logical_devices("GPU" if use_gpu else "CPU")) if config.logical_devices else 0
    if there != config.logical_devices:
        raise UserError(
            f"hardware.logical_devices={config.logical_devices} cannot be had any more: this process has begun with"
            f" {there}."
        )
    return use_gpu


@cache
def _mirror(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One for all jobs of a process: the reductions of a second one would be taken for those of the first."""
    return tf.distribute.MirroredStrategy(devices)


@lru_cache(maxsize=1)
def _join(kind: str, timeout: float) -> tuple[tf.distribute.Strategy, Cluster]:
    """Meets the other workers, which a process can do only once."""
    cluster = find_cluster(kind)
    roll_call(cluster.addresses, cluster.place, timeout)
    return tf.distribute.MultiWorkerMirroredStrategy(cluster.resolver), cluster


def _set_precision(config: HardwareConfig, use_gpu: bool) -> Precision:
    """The precision that products are computed in."""
    precision = config.precision
    if precision is Precision.bfloat16 and use_gpu:
        raise UserError("hardware.precision=bfloat16 is for CPUs; a GPU takes float16 or float32.")
    if precision is Precision.float16 and not use_gpu:
        raise UserError("hardware.precision=float16 is for GPUs; a CPU takes bfloat16 or float32.")
    if precision is Precision.bfloat16 and not has_fast_bfloat16():
        logger.warning("This CPU has no bfloat16 arithmetic (AVX512-BF16 or AMX): computing in float32.")
        precision = Precision.float32
    options = {_BFLOAT16: precision is Precision.bfloat16, _FLOAT16: precision is Precision.float16}
    tf.config.optimizer.set_experimental_options(options)
    return precision


def _tpu(config: HardwareConfig) -> Hardware:
    name = config.tpu or ""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"hardware.tpu={name or 'null'}: TensorFlow reaches no TPU ({reason}); give its name or address, or 'local'"
            " on the machine that has it."
        ) from error
    strategy = tf.distribute.TPUStrategy(resolver)
    return Hardware(strategy, f"{strategy.num_replicas_in_sync} TPU cores")
