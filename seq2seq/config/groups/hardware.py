"""`hardware`: what computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Choice, Group, choice_of, group, number, option, positive
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.config.ranges import shown
from seq2seq.config.tables import Part, Parts


class Device(Choice):
    auto = "auto", "a GPU where there is one, else the CPU"
    cpu = "cpu"
    gpu = "gpu"
    tpu = "tpu"


class Cluster(Choice):
    tf_config = "tf_config", "the variable TF_CONFIG"
    slurm = "slurm", "a worker for each task of a Slurm step"
    kubernetes = "kubernetes", "a worker for each pod with the label job-name=tensorflow"


class Precision(Choice):
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


def _xla_problems(hardware: HardwareConfig, config: Any) -> Iterator[str]:
    if hardware.xla:
        yield "hardware.xla=true: is for one device; write hardware=cpu or hardware=gpu"


#: `hardware.strategy`: a function from a `HardwareConfig` to a `Hardware`.
STRATEGIES = Parts(
    auto=Part("seq2seq.hardware.strategies:automatic", "mirrored where there are several GPUs"),
    one=Part("seq2seq.hardware.strategies:one_device", "one device"),
    mirrored=Part(
        "seq2seq.hardware.strategies:mirrored",
        "all devices of this machine",
        takes=("logical_devices",),
        problems=_xla_problems,
    ),
    multi_worker=Part(
        "seq2seq.hardware.strategies:multi_worker",
        "the devices of several machines, or processes",
        problems=_xla_problems,
    ),
)


@dataclass
class ThreadsConfig(Group):
    """Threads of the CPU; 0 leaves their number to TensorFlow."""

    intra: int = number(0, "within one operation", at_least=0, at_most=4096)
    inter: int = number(0, "between operations", at_least=0, at_most=4096)


@dataclass
class HardwareConfig(Group):
    """What computes."""

    device: Device = option(Device.auto, "what computes")
    strategy: str = choice_of(STRATEGIES, "auto", "how many devices train; a batch is split over them")
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
        device, precision = self.device, self.precision
        yield from STRATEGIES[self.strategy].problems(self, config)
        static = config.masking.policy is MaskingPolicy.static
        if device is Device.gpu and precision is Precision.bfloat16:
            yield "hardware.precision=bfloat16: is for CPUs; hardware.device=gpu takes float16 or float32"
        if device is Device.cpu and precision is Precision.float16:
            yield "hardware.precision=float16: is for GPUs; hardware.device=cpu takes bfloat16 or float32"
        if device is Device.tpu:
            if precision is not Precision.float32:
                yield f"hardware.precision={precision}: a TPU multiplies in bfloat16 by itself; leave it at float32"
            if self.strategy != "auto":
                yield f"hardware.strategy={self.strategy}: hardware.device=tpu has its own; leave it at auto"
            if not static:
                yield f"hardware.device=tpu: needs masking=static, not masking={config.masking.policy}"
            yield from _xla_problems(self, config)
        for key, value, others in STRATEGIES.misplaced(self.strategy, self):
            yield f"hardware.{key}={shown(value)}: only hardware={others} has them"
        if self.xla and not static:
            yield f"hardware.xla=true: needs masking=static, not masking={config.masking.policy}"
