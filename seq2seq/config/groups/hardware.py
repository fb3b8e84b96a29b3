"""`hardware`: what computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Choice, Group, group, number, option, positive
from seq2seq.config.groups.masking import MaskingPolicy


class Device(Choice):
    auto = "auto", "a GPU where there is one, else the CPU"
    cpu = "cpu"
    gpu = "gpu"
    tpu = "tpu"


class Strategy(Choice):
    auto = "auto", "mirrored where there are several GPUs"
    one = "one", "one device"
    mirrored = "mirrored", "all devices of this machine"
    multi_worker = "multi_worker", "the devices of several machines, or processes"


class Cluster(Choice):
    tf_config = "tf_config", "the variable TF_CONFIG"
    slurm = "slurm", "a worker for each task of a Slurm step"
    kubernetes = "kubernetes", "a worker for each pod with the label job-name=tensorflow"


class Precision(Choice):
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


@dataclass
class ThreadsConfig(Group):
    """Threads of the CPU; 0 leaves their number to TensorFlow."""

    intra: int = number(0, "within one operation", at_least=0, at_most=4096)
    inter: int = number(0, "between operations", at_least=0, at_most=4096)


@dataclass
class HardwareConfig(Group):
    """What computes."""

    device: Device = option(Device.auto, "what computes")
    strategy: Strategy = option(Strategy.auto, "how many devices train; a batch is split over them")
    logical_devices: int = number(
        0, "mirrored: makes one CPU or GPU pass for so many; 0: off", at_least=0, at_most=256
    )
    logical_memory: int = positive(1024, "MiB of a GPU that each of them gets")
    cluster: Cluster = option(Cluster.tf_config, "multi_worker: where it is described who the workers are")
    timeout: float = positive(
        300.0, "multi_worker: seconds to wait at the start for workers that do not answer"
    )
    tpu: Optional[str] = option(None, "name or address of the TPU, or local")
    precision: Precision = option(
        Precision.float32, "of matrix products: bfloat16 is for CPUs, float16 for GPUs"
    )
    xla: bool = option(False, "compile the training step; with masking=static, on one device")
    threads: ThreadsConfig = group(ThreadsConfig)

    def problems(self, config: Any) -> Iterator[str]:
        device, strategy, precision = self.device, self.strategy, self.precision
        static = config.masking.policy is MaskingPolicy.static
        if device is Device.gpu and precision is Precision.bfloat16:
            yield "hardware.precision=bfloat16: is for CPUs; hardware.device=gpu takes float16 or float32"
        if device is Device.cpu and precision is Precision.float16:
            yield "hardware.precision=float16: is for GPUs; hardware.device=cpu takes bfloat16 or float32"
        if device is Device.tpu:
            if precision is not Precision.float32:
                yield f"hardware.precision={precision}: a TPU multiplies in bfloat16 by itself; leave it at float32"
            if strategy is not Strategy.auto:
                yield f"hardware.strategy={strategy}: hardware.device=tpu has its own; leave it at auto"
            if not static:
                yield f"hardware.device=tpu: needs masking=static, not masking={config.masking.policy}"
        if self.logical_devices and strategy is not Strategy.mirrored:
            yield f"hardware.logical_devices={self.logical_devices}: only hardware=mirrored has them"
        if self.xla and not static:
            yield f"hardware.xla=true: needs masking=static, not masking={config.masking.policy}"
        if self.xla and (strategy not in (Strategy.auto, Strategy.one) or device is Device.tpu):
            yield "hardware.xla=true: is for one device; write hardware=cpu or hardware=gpu"
