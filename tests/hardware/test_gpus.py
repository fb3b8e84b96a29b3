"""What is chosen among GPUs, on a stand-in for TensorFlow's devices that has its rules: nobody has GPUs in a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import tensorflow as tf

from seq2seq.config.groups.hardware import Device, HardwareConfig, ThreadsConfig
from seq2seq.errors import UserError
from seq2seq.hardware import devices, strategies
from seq2seq.hardware.devices import configure

AUTO = HardwareConfig(device=Device.auto)
CPU = HardwareConfig(device=Device.cpu, strategy="one")
GPU = HardwareConfig(device=Device.gpu, strategy="one")
MIRRORED = HardwareConfig(strategy="mirrored")


class FakeDevice(NamedTuple):
    name: str
    device_type: str


class Machine:
    """One CPU and some GPUs; nothing of it can be changed once it computes."""

    def __init__(self, gpus: int) -> None:
        self.cpu = FakeDevice("/physical_device:CPU:0", "CPU")
        self.gpus = [FakeDevice(f"/physical_device:GPU:{n}", "GPU") for n in range(gpus)]
        self.visible = list(self.gpus)
        self.parts: dict[FakeDevice, list[Any]] = {}
        self.growth: set[FakeDevice] = set()
        self.threads: dict[str, int | None] = {"intra": None, "inter": None}
        self.computes = False

    def change(self, differs: bool) -> None:
        if differs and self.computes:
            raise RuntimeError("cannot be modified after being initialized")

    def physical(self, kind: str) -> list[FakeDevice]:
        return list(self.gpus) if kind == "GPU" else [self.cpu]

    def get_visible(self, kind: str) -> list[FakeDevice]:
        return list(self.visible) if kind == "GPU" else [self.cpu]

    def set_visible(self, devices: list[FakeDevice], kind: str) -> None:
        assert kind == "GPU"
        self.change(self.visible != devices)
        self.visible = list(devices)

    def split(self, device: FakeDevice, parts: list[Any]) -> None:
        for part in parts:
            if (part.memory_limit is None) is (device.device_type == "GPU"):
                raise ValueError("a memory limit is for GPUs, and each needs one")
        self.change(self.parts.get(device) != parts)
        self.parts[device] = parts

    def grow(self, device: FakeDevice, enable: bool) -> None:
        if device in self.parts:
            raise ValueError("Cannot set memory growth on device when virtual devices configured")
        self.change(device not in self.growth)
        self.growth.add(device)

    def set_threads(self, kind: str, number: int) -> None:
        self.change(self.threads[kind] != number)
        self.threads[kind] = number

    def logical(self, kind: str) -> list[FakeDevice]:
        self.computes = True
        count = sum(len(self.parts.get(device, [device])) for device in self.get_visible(kind))
        return [FakeDevice(f"/device:{kind}:{n}", kind) for n in range(count)]


def machine(gpus: int, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(gpus)
    for name, function in {
        "list_physical_devices": made.physical,
        "get_visible_devices": made.get_visible,
        "set_visible_devices": made.set_visible,
        "list_logical_devices": made.logical,
        "get_logical_device_configuration": made.parts.get,
        "set_logical_device_configuration": made.split,
        "experimental.set_memory_growth": made.grow,
        "threading.set_intra_op_parallelism_threads": lambda number: made.set_threads("intra", number),
        "threading.set_inter_op_parallelism_threads": lambda number: made.set_threads("inter", number),
        "threading.get_intra_op_parallelism_threads": lambda: made.threads["intra"] or 0,
        "threading.get_inter_op_parallelism_threads": lambda: made.threads["inter"] or 0,
    }.items():
        *modules, last = name.split(".")
        place = tf.config
        for module in modules:
            place = getattr(place, module)
        monkeypatch.setattr(place, last, function)
    monkeypatch.setattr(strategies, "_mirror", lambda names: tf.distribute.get_strategy())
    return made


@pytest.mark.parametrize(
    ("gpus", "config", "description", "visible", "parts"),
    [
        (0, AUTO, "CPU, float32", 0, None),
        (1, AUTO, "GPU, float32", 1, None),
        (2, AUTO, "2 GPUs, float32", 2, None),
        (2, CPU, "CPU, float32", 0, None),
        (1, GPU, "GPU, float32", 1, None),
        (1, MIRRORED, "1 GPU, float32", 1, None),
        (0, replace(MIRRORED, logical_devices=2), "2 CPUs, float32", 0, None),
        (2, replace(MIRRORED, logical_devices=3, logical_memory=512), "3 GPUs, float32", 1, 512),
    ],
)  # fmt: skip
def test_what_computes_is_what_is_said(
    gpus: int,
    config: HardwareConfig,
    description: str,
    visible: int,
    parts: int | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = machine(gpus, monkeypatch)
    for _ in range(2):  # a second job of the same kind changes nothing
        assert configure(config).description == description
        assert len(made.visible) == visible
        assert devices.uses_gpu() is bool(visible)
        made.computes = True
    assert made.growth == (set() if config.logical_devices else set(made.visible))
    if config.logical_devices:
        ((device, limits),) = made.parts.items()
        assert device == (made.gpus or [made.cpu])[0]
        assert [limit.memory_limit for limit in limits] == [parts] * config.logical_devices
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (GPU, CPU, "hardware.device=cpu cannot be had any more: .* has begun with 2 GPUs; start it in a process"),
        (CPU, GPU, "hardware.device=gpu cannot be had any more: .* has begun with the CPU alone"),
        (AUTO, replace(MIRRORED, logical_devices=2), "hardware.logical_devices=2 .* has begun with 2 GPUs"),
        (
            replace(MIRRORED, logical_devices=2),
            replace(MIRRORED, logical_devices=4),
            "hardware.logical_devices=4 .* has begun with 2 of 1024 MiB",
        ),
        (replace(MIRRORED, logical_devices=2), MIRRORED, "hardware.logical_devices=0 .* has begun with 2 of 1024 MiB"),
        (
            replace(CPU, strategy="mirrored", logical_devices=2),
            replace(CPU, strategy="mirrored", logical_devices=3),
            "hardware.logical_devices=3 .* has begun with 2;",
        ),
        (GPU, replace(GPU, threads=ThreadsConfig(intra=4)), "hardware.threads.intra=4 .* has begun with 0"),
        (GPU, replace(GPU, threads=ThreadsConfig(inter=4)), "hardware.threads.inter=4 .* has begun with 0"),
    ],
)  # fmt: skip
def test_what_a_later_job_cannot_change_is_named(
    first: HardwareConfig, second: HardwareConfig, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = machine(2, monkeypatch)
    configure(first)
    made.computes = True
    with pytest.raises(UserError, match=message):
        configure(second)


def test_before_anything_is_computed_all_of_it_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(2, monkeypatch)
    jobs = [CPU, GPU, replace(CPU, threads=ThreadsConfig(3, 4)), AUTO]
    assert [configure(job).description for job in jobs] == [
        "CPU, float32", "GPU, float32", "CPU, float32", "2 GPUs, float32",
    ]  # fmt: skip


def test_auto_takes_what_there_still_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = machine(1, monkeypatch)
    configure(CPU)
    made.computes = True
    assert configure(AUTO).description == "CPU, float32"
    assert "begun with the CPU alone, which hardware.device=auto cannot change" in caplog.text


def test_a_gpu_that_a_program_has_hidden_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    made = machine(2, monkeypatch)
    made.visible = made.gpus[1:]
    assert configure(AUTO).description == "GPU, float32"
    assert made.visible == made.gpus[1:]


def test_memory_that_cannot_grow_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = machine(1, monkeypatch)
    made.computes = True
    assert configure(GPU).description == "GPU, float32"
    assert "/physical_device:GPU:0: TensorFlow, at work already in this process, keeps all" in caplog.text


def test_what_a_process_began_with_by_itself_may_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = machine(0, monkeypatch)
    made.computes = True
    assert configure(CPU).description == "CPU, float32"


def test_prediction_leaves_devices_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made = machine(0, monkeypatch)
    made.computes = True
    assert configure(replace(MIRRORED, logical_devices=2), training=False).description == "CPU, float32"
