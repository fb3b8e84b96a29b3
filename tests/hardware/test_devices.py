"""What is asked of the hardware and cannot be had, and what a program may ask for twice."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import tensorflow as tf

from seq2seq.config.groups.hardware import STRATEGIES, Device, HardwareConfig, Precision, ThreadsConfig
from seq2seq.errors import UserError, WorkerLostError
from seq2seq.hardware import devices as hardware
from seq2seq.hardware.devices import Hardware, configure

CPU = HardwareConfig(device=Device.cpu, strategy="one")


def test_one_cpu() -> None:
    for _ in range(2):
        found = configure(CPU)
        assert (found.description, found.replicas, found.local_replicas) == ("CPU, float32", 1, 1)
        assert found.chief and not found.float16
    assert found.broadcast_from_chief({"wer": 1.5}) == {"wer": 1.5}
    assert found.all_gather(7) == [7]


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": Device.gpu}, "TensorFlow finds no GPU here; choose hardware=cpu"),
        ({"precision": Precision.float16}, "float16 is for GPUs; a CPU takes bfloat16 or float32"),
        ({"device": Device.tpu, "tpu": "nowhere"}, "hardware.tpu=nowhere: TensorFlow reaches no TPU"),
        ({"strategy": "mirrored", "logical_devices": 64}, "logical_devices=64 cannot be had any more"),
        (
            {"threads": ThreadsConfig(intra=63)},
            "hardware.threads.intra=63 cannot be had any more: .* begun with 0",
        ),
        (
            {"threads": ThreadsConfig(inter=63)},
            "hardware.threads.inter=63 cannot be had any more: .* begun with 0",
        ),
    ],
)
def test_what_cannot_be_had(changes: dict, said: str) -> None:
    tf.zeros([]).numpy()  # TensorFlow is at work
    with pytest.raises(UserError, match=said):
        configure(replace(CPU, **changes))


def test_prediction_needs_no_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was trained by many can be used by one."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for strategy in STRATEGIES:
        assert configure(replace(CPU, strategy=strategy), training=False).replicas == 1
    assert configure(HardwareConfig(device=Device.tpu), training=False).replicas == 1


ONEDNN = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS")


def test_bfloat16_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hardware, "cpu_features", lambda: ["avx2", "avx512f"])
    assert configure(replace(CPU, precision=Precision.bfloat16)).description == "CPU, float32"
    assert "This CPU has no bfloat16 arithmetic" in caplog.text


@pytest.mark.parametrize(
    "setting",
    ["ONEDNN_MAX_CPU_ISA=AVX2", "DNNL_MAX_CPU_ISA=avx512_core", "TF_ENABLE_ONEDNN_OPTS=0"],
)
def test_bfloat16_where_it_is_ruled_out(
    setting: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """TensorFlow would end the process."""
    for name in ONEDNN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hardware, "cpu_features", lambda: ["avx512_bf16"])
    monkeypatch.setenv(*setting.split("="))
    assert configure(replace(CPU, precision=Precision.bfloat16)).description == "CPU, float32"
    assert f"{setting} rules out bfloat16 arithmetic: computing in float32." in caplog.text


def test_bfloat16_where_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ONEDNN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hardware, "cpu_features", lambda: ["avx512_bf16"])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert hardware.bfloat16_obstacle() is None


def test_only_the_loss_of_a_worker_is_called_so() -> None:
    aborted = tf.errors.InternalError(
        None, None, "Graph\n\nCollective ops is aborted by: Connection reset\nmore"
    )
    two = Hardware(workers=2, worker=1)
    with (
        pytest.raises(
            WorkerLostError, match=r"Worker 1 stops, because another one is gone \(Connection reset\)"
        ),
        two.detect_lost_workers(),
    ):
        raise aborted
    with pytest.raises(tf.errors.ResourceExhaustedError), two.detect_lost_workers():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")
    with pytest.raises(tf.errors.InternalError), Hardware().detect_lost_workers():
        raise aborted


def test_jobs_that_follow_each_other_mirror_over_the_same_replicas() -> None:
    """In a process of its own, whose devices are still to be chosen."""
    program = """
from seq2seq.config.groups.hardware import HardwareConfig
from seq2seq.hardware.devices import configure
config = HardwareConfig(strategy="mirrored", logical_devices=3)
first, second = configure(config), configure(config)
assert first.description == "3 CPUs, float32" and first.replicas == first.local_replicas == 3
assert first.strategy is second.strategy
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, env=None)
