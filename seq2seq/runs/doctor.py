"""What `seq2seq doctor` looks at."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import metadata

import tensorflow as tf

import seq2seq
from seq2seq.errors import UserError
from seq2seq.hardware.cluster import find_cluster
from seq2seq.hardware.devices import cpu_features, has_fast_bfloat16
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.recurrence import choose_kernel
from seq2seq.masking import MaskingPolicy

PACKAGES = ("tensorflow", "tensorflow-addons", "keras", "sentencepiece", "hydra-core", "sacrebleu", "numpy")


def examine() -> Iterator[tuple[str, str]]:
    """Pairs of a name and what was found."""
    yield "seq2seq", seq2seq.__version__
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for package in PACKAGES:
        yield package, _version(package)

    gpus = tf.config.list_physical_devices("GPU")
    yield "cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    features = cpu_features()
    yield "processor", " ".join(features) or "its features are not known here"
    yield "gpu", ", ".join(_gpu_name(gpu) for gpu in gpus) or "none that TensorFlow can use"
    yield "hardware=auto", f"runs on {_auto(len(gpus))}"
    yield "hardware=mirrored", _mirrored(len(gpus))
    yield "hardware=multi_worker", _workers()
    yield "hardware=tpu", "has never been run on a TPU; what it needs, masking=static, compiles with XLA here"
    for policy in (MaskingPolicy.STRICT, MaskingPolicy.CUDNN):
        yield f"masking={policy.value}", choose_kernel(policy, CellOptions(), 0.0, gpu=bool(gpus)).reason
    yield "precision", _precision(bool(gpus))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _gpu_name(gpu: tf.config.PhysicalDevice) -> str:
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))


def _auto(gpus: int) -> str:
    return f"all {gpus} GPUs, mirrored" if gpus > 1 else "the GPU" if gpus else "the CPU"


def _mirrored(gpus: int) -> str:
    return f"{gpus} GPUs" if gpus else "without GPUs hardware.logical_devices=2 tries it on the CPU"


def _workers() -> str:
    """What the environment says of other processes."""
    if "TF_CONFIG" in os.environ:
        try:
            cluster = find_cluster("tf_config")
        except UserError as error:
            return str(error)
        return f"TF_CONFIG: worker {cluster.place} of {', '.join(cluster.addresses)}"
    if "SLURM_PROCID" in os.environ:
        return f"hardware.cluster=slurm: task {os.environ['SLURM_PROCID']} of a Slurm step"
    return "neither TF_CONFIG nor a Slurm step is set"


def _precision(gpu: bool) -> str:
    if gpu:
        return "float32; hardware.precision=float16 for GPUs with tensor cores"
    if has_fast_bfloat16():
        return "float32; hardware.precision=bfloat16 is faster on this processor"
    return "float32, whatever hardware.precision says: this processor has no bfloat16"
