"""What `seq2seq doctor` looks at, in whatever state it finds it: nothing that is missing or broken ends it.

So TensorFlow, and all that needs it, is imported only where a finding needs it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import seq2seq
from seq2seq.errors import UserError

PACKAGES = (
    "tensorflow",
    "tensorflow-addons",
    "keras",
    "tf-keras",
    "sentencepiece",
    "hydra-core",
    "sacrebleu",
    "numpy",
)


def examine() -> Iterator[tuple[str, str]]:
    """Pairs of a name and what was found; of what fails, the reason."""
    yield "seq2seq", seq2seq.__version__
    yield "python", _found(lambda: f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        yield package, _found(_version, package)
    for name, find in (
        ("cores", _cores),
        ("processor", _processor),
        ("gpu", _gpus),
        ("hardware=auto", _auto),
        ("hardware=mirrored", _mirrored),
        ("hardware=multi_worker", _workers),
    ):
        yield name, _found(find)
    yield "hardware=tpu", "has never been run on a TPU; what it needs, masking=static, compiles with XLA here"
    for policy in ("strict", "cudnn"):
        yield f"masking={policy}", _found(_kernel, policy)
    yield "precision", _found(_precision)


def _found(find: Callable[..., str], *arguments: Any) -> str:
    try:
        return find(*arguments)
    except UserError as error:
        return str(error)
    except Exception as error:  # this is the command for when nothing else works
        return f"could not be found out ({_reason(error)})"


def _reason(error: Exception) -> str:
    first_line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


def _version(package: str) -> str:
    try:
        return metadata.version(package) or "installed, but what it says of itself has no version"
    except metadata.PackageNotFoundError:
        return "not installed"


def _cores() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return str(usable or "their number is not known here")


def _processor() -> str:
    from seq2seq.hardware.devices import cpu_features

    return " ".join(cpu_features()) or "its features are not known here"


def _gpu_list() -> list[Any]:
    import tensorflow as tf

    return list(tf.config.list_physical_devices("GPU"))


def _gpus() -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = ", ".join(map(_gpu_name, _gpu_list())) or "none that TensorFlow can use"
    return names if hidden is None else f"{names} (CUDA_VISIBLE_DEVICES={hidden!r})"


def _gpu_name(gpu: Any) -> str:
    import tensorflow as tf

    try:
        details = tf.config.experimental.get_device_details(gpu)
    except Exception as error:  # of a driver that answers in part
        return f"{gpu.name} (no details: {_reason(error)})"
    return str(details.get("device_name", gpu.name))


def _auto() -> str:
    gpus = len(_gpu_list())
    return f"runs on {f'all {gpus} GPUs, mirrored' if gpus > 1 else 'the GPU' if gpus else 'the CPU'}"


def _mirrored() -> str:
    gpus = len(_gpu_list())
    return (
        f"{gpus} GPU{'s' * (gpus > 1)}"
        if gpus
        else "without GPUs hardware.logical_devices=2 tries it on the CPU"
    )


def _workers() -> str:
    """What the environment says of other processes."""
    from seq2seq.hardware.cluster import find_cluster

    for kind, variable in (("tf_config", "TF_CONFIG"), ("slurm", "SLURM_PROCID")):
        if variable in os.environ:
            cluster = find_cluster(kind)
            return f"hardware.cluster={kind}: worker {cluster.place} of {', '.join(cluster.addresses)}"
    return "neither TF_CONFIG nor a Slurm step is set"


def _kernel(policy: str) -> str:
    from seq2seq.layers.lstm_cell import CellOptions
    from seq2seq.layers.recurrence import choose_kernel
    from seq2seq.masking import MaskingPolicy

    return choose_kernel(MaskingPolicy(policy), CellOptions(), 0.0, gpu=bool(_gpu_list())).reason


def _precision() -> str:
    from seq2seq.hardware.devices import bfloat16_obstacle

    if _gpu_list():
        return "float32; hardware.precision=float16 for GPUs with tensor cores"
    obstacle = bfloat16_obstacle()
    if obstacle is None:
        return "float32; hardware.precision=bfloat16 is faster on this processor"
    return f"float32, whatever hardware.precision says: {obstacle}"
