"""Devices, threads, precision and processes: the only place that touches them, before anything is computed."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq.config.groups.hardware import STRATEGIES, Device, HardwareConfig, Precision, ThreadsConfig
from seq2seq.errors import UserError, WorkerLostError

logger = logging.getLogger(__name__)

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")

_ISA_WITHOUT_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")
"""Values of oneDNN's ``ONEDNN_MAX_CPU_ISA``."""

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

    def broadcast_from_chief(self, value: Any = None) -> Any:
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

    def all_gather(self, value: int) -> list[int]:
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
    def detect_lost_workers(self) -> Iterator[None]:
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
        with self.detect_lost_workers():
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

        return tf.function(of_worker, autograph=False)


def cpu_features() -> list[str]:
    """Those of ``CPU_FEATURES`` that this processor has; empty where the system does not tell."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "").split()
    return [feature for feature in CPU_FEATURES if feature in flags]


def bfloat16_obstacle() -> str | None:
    """Why this CPU does not multiply bfloat16 itself, or None where it does.

    TensorFlow ends the whole process where oneDNN is to multiply bfloat16 and may not.
    """
    if not {"avx512_bf16", "amx_bf16"} & set(cpu_features()):
        return "this CPU has no bfloat16 arithmetic (AVX512-BF16 or AMX)"
    for variable in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        if os.environ.get(variable, "").upper() in _ISA_WITHOUT_BFLOAT16:
            return f"{variable}={os.environ[variable]} rules out bfloat16 arithmetic"
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() in ("0", "false"):
        return "TF_ENABLE_ONEDNN_OPTS=0 rules out bfloat16 arithmetic"
    return None


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
    _set_threads(config.threads)
    _show_devices(config)
    use_gpu = uses_gpu()
    if training:
        _split_device(config, use_gpu)
    if use_gpu and not config.logical_devices:
        _let_memory_grow()
    precision = _set_precision(config, use_gpu)
    strategy = STRATEGIES[config.strategy if training else "one"]
    hardware: Hardware = strategy.target(config)
    return replace(
        hardware,
        description=f"{hardware.description}, {precision}",
        float16=precision is Precision.float16,
    )


# --- what can be chosen only before TensorFlow is at work, each by itself ---


def _set_threads(threads: ThreadsConfig) -> None:
    api = tf.config.threading
    for kind, number, set_number, get_number in (
        ("intra", threads.intra, api.set_intra_op_parallelism_threads, api.get_intra_op_parallelism_threads),
        ("inter", threads.inter, api.set_inter_op_parallelism_threads, api.get_inter_op_parallelism_threads),
    ):
        try:
            set_number(number)
        except RuntimeError:  # also where it says the same as TensorFlow's own choice
            if get_number() != number:
                raise _too_late(f"hardware.threads.{kind}={number}", str(get_number())) from None


def _show_devices(config: HardwareConfig) -> None:
    """Hides GPUs or shows them; of those that a program has chosen itself the others stay hidden."""
    gpus = tf.config.list_physical_devices("GPU")
    if config.device is Device.gpu and not gpus:
        raise UserError("hardware=gpu: TensorFlow finds no GPU here; choose hardware=cpu or hardware=auto.")
    shown = tf.config.get_visible_devices("GPU")
    to_show = [] if config.device is Device.cpu else shown or gpus
    try:
        tf.config.set_visible_devices(to_show[:1] if config.logical_devices else to_show, "GPU")
    except RuntimeError:
        begun = f"{len(shown)} GPU{'s' * (len(shown) > 1)}" if shown else "the CPU alone"
        if config.device is not Device.auto or config.logical_devices:
            changed = "logical_devices" if shown and to_show else "device"
            raise _too_late(f"hardware.{changed}={getattr(config, changed)}", begun) from None
        logger.warning("This process has begun with %s, which hardware.device=auto cannot change.", begun)


def _split_device(config: HardwareConfig, use_gpu: bool) -> None:
    """Makes the first device pass for several."""
    count = config.logical_devices
    device = tf.config.get_visible_devices("GPU" if use_gpu else "CPU")[0]
    parts = tf.config.get_logical_device_configuration(device) or []
    if not count and (len(parts) < 2 or "logical_devices" not in STRATEGIES[config.strategy].takes):
        return
    memory = config.logical_memory if use_gpu else None
    asked = [tf.config.LogicalDeviceConfiguration(memory_limit=memory) for _ in range(count or 1)]
    try:
        tf.config.set_logical_device_configuration(device, asked)
    except RuntimeError:
        size = f" of {parts[0].memory_limit} MiB" if use_gpu and parts else ""
        raise _too_late(f"hardware.logical_devices={count}", f"{len(parts) or 1}{size}") from None


def _let_memory_grow() -> None:
    for gpu in tf.config.get_visible_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError):
            logger.warning(
                "%s: TensorFlow, at work already in this process, keeps all of its memory.", gpu.name
            )


def _too_late(setting: str, begun: str) -> UserError:
    return UserError(
        f"{setting} cannot be had any more: TensorFlow, at work already in this process, has begun with {begun};"
        " start it in a process of its own."
    )


def _set_precision(config: HardwareConfig, use_gpu: bool) -> Precision:
    """The precision that products are computed in."""
    precision = config.precision
    if precision is Precision.bfloat16 and use_gpu:
        raise UserError("hardware.precision=bfloat16 is for CPUs; a GPU takes float16 or float32.")
    if precision is Precision.float16 and not use_gpu:
        raise UserError("hardware.precision=float16 is for GPUs; a CPU takes bfloat16 or float32.")
    if precision is Precision.bfloat16 and (obstacle := bfloat16_obstacle()):
        logger.warning("%s: computing in float32.", obstacle[0].upper() + obstacle[1:])
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
