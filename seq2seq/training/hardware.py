"""Devices, threads and precision: the only place that touches them, before anything is computed."""

from __future__ import annotations

import logging
from pathlib import Path

import tensorflow as tf

from seq2seq.config.schema import HardwareConfig
from seq2seq.errors import UserError

logger = logging.getLogger(__name__)

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")

_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


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


def configure(config: HardwareConfig) -> str:
    """Makes TensorFlow use what the configuration asks for; may be called again, as a sweep does.

    Returns:
      what runs, in words.

    Raises:
      UserError: a GPU is asked for and there is none, or another number of threads than what TensorFlow,
        already at work in this process, was started with.
    """
    gpus = tf.config.list_physical_devices("GPU")
    device = str(config.device)
    if device == "gpu" and not gpus:
        raise UserError("hardware=gpu: TensorFlow finds no GPU here; choose hardware=cpu or hardware=auto.")
    use_gpu = bool(gpus) and device != "cpu"
    try:
        tf.config.threading.set_intra_op_parallelism_threads(config.threads.intra)
        tf.config.threading.set_inter_op_parallelism_threads(config.threads.inter)
        if use_gpu:
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
        elif gpus:
            tf.config.set_visible_devices([], "GPU")
    except RuntimeError:  # TensorFlow is at work already
        running = (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        )
        if running != (config.threads.intra, config.threads.inter):
            raise UserError(
                f"hardware.threads={config.threads.intra},{config.threads.inter} cannot be set any more: this process "
                f"has begun with {running[0]},{running[1]}."
            ) from None
    bfloat16 = str(config.precision) == "bfloat16"
    if bfloat16 and use_gpu:
        raise UserError("hardware.precision=bfloat16 is for CPUs; choose float32 with hardware=gpu.")
    if bfloat16 and not has_fast_bfloat16():
        logger.warning("This CPU has no bfloat16 arithmetic (AVX512-BF16 or AMX): computing in float32.")
        bfloat16 = False
    tf.config.optimizer.set_experimental_options({_BFLOAT16: bfloat16})
    return f"{'GPU' if use_gpu else 'CPU'}, {'bfloat16' if bfloat16 else 'float32'}"
