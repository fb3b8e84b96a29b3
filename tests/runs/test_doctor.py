"""`seq2seq doctor` on machines where something is missing or broken: a sentence about each, and no traceback."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Callable
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
import tensorflow as tf

from seq2seq.runs.doctor import PACKAGES, examine
from tests.addons import tfa

NAMES = [
    "seq2seq", "python", *PACKAGES, "cores", "processor", "gpu", "hardware=auto", "hardware=mirrored",
    "hardware=multi_worker", "hardware=tpu", "masking=strict", "masking=cudnn", "precision",
]  # fmt: skip

Spoil = Callable[[pytest.MonkeyPatch], Any]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SLURM_", "TF_CONFIG", "CUDA_"))]:
        monkeypatch.delenv(name)


def test_a_sound_machine() -> None:
    findings = dict(examine())
    assert list(findings) == NAMES
    assert findings["tensorflow"].startswith(tf.__version__)
    assert findings["tensorflow-addons"] == ("not installed" if tfa is None else "0.23.0")
    assert findings["cores"] == str(len(os.sched_getaffinity(0)))
    assert findings["hardware=multi_worker"] == "neither TF_CONFIG nor a Slurm step is set"
    assert "bfloat16" in findings["precision"]
    assert not [finding for finding in findings.values() if "could not be found out" in finding]


def env(**variables: str) -> Spoil:
    return lambda patch: [patch.setenv(name, value) for name, value in variables.items()]


def tf_config(cluster: Any, task: Any) -> Spoil:
    return env(TF_CONFIG=json.dumps({"cluster": cluster, "task": task}))


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def cpuinfo(content: bytes | OSError) -> Spoil:
    """What /proc/cpuinfo holds, or why it cannot be read."""
    read_text = pathlib.Path.read_text

    def read(path: pathlib.Path, *args: Any, **options: Any) -> str:
        if str(path) != "/proc/cpuinfo":
            return read_text(path, *args, **options)
        if isinstance(content, OSError):
            raise content
        return content.decode(*args, **options)

    return lambda patch: patch.setattr(pathlib.Path, "read_text", read)


def packages(version: Callable[[str], Any]) -> Spoil:
    return lambda patch: patch.setattr(metadata, "version", version)


def without(module: str) -> Spoil:
    """A module that cannot be imported any more."""
    return lambda patch: patch.setitem(sys.modules, module, None)


def gpus(details: Callable[..., Any]) -> Spoil:
    card = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")

    def spoil(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(tf.config, "list_physical_devices", lambda *_: [card])
        patch.setattr(tf.config.experimental, "get_device_details", details)

    return spoil


WORKERS = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}
STEP = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NODELIST": "n1",
        "SLURM_STEP_TASKS_PER_NODE": "1"}  # fmt: skip
UNKNOWN_FEATURES = {"processor": "its features are not known here"}


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (cpuinfo(FileNotFoundError(2, "No such file or directory")), UNKNOWN_FEATURES),
        (cpuinfo(PermissionError(13, "Permission denied")), UNKNOWN_FEATURES),
        (cpuinfo(b""), UNKNOWN_FEATURES),
        (cpuinfo(b"flags"), UNKNOWN_FEATURES),
        (cpuinfo(b"\xff\xfe\nflags\t: fma avx2 \xff"), {"processor": "avx2 fma"}),
        (lambda patch: patch.delattr(os, "sched_getaffinity"), {"cores": str(os.cpu_count())}),
        (
            lambda patch: [patch.delattr(os, "sched_getaffinity"), patch.setattr(os, "cpu_count", lambda: None)],
            {"cores": "their number is not known here"},
        ),
        (
            lambda patch: patch.setattr(os, "sched_getaffinity", raising(OSError(1, "Operation not permitted"))),
            {"cores": "could not be found out (PermissionError: [Errno 1] Operation not permitted)"},
        ),
        (
            packages(raising(metadata.PackageNotFoundError("any"))),
            dict.fromkeys(PACKAGES, "not installed"),
        ),
        (
            packages(lambda name: None),
            dict.fromkeys(PACKAGES, "installed, but what it says of itself has no version"),
        ),
        (
            packages(raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))),
            {"numpy": "could not be found out (UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0:"
             " invalid start byte)"},
        ),
        (
            without("tensorflow"),
            {"gpu": "could not be found out (ModuleNotFoundError: import of tensorflow halted; None in sys.modules)"},
        ),
        (
            lambda patch: patch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow")),
            {"gpu": "could not be found out (AttributeError: module 'tensorflow' has no attribute 'config')"},
        ),
        (
            gpus(raising(tf.errors.InternalError(None, None, "no driver\nmore"))),
            {"gpu": "/physical_device:GPU:0 (no details: InternalError: no driver)",
             "hardware=auto": "runs on the GPU"},
        ),
        (gpus(lambda gpu: {}), {"gpu": "/physical_device:GPU:0"}),
        (gpus(lambda gpu: {"device_name": "card"}), {"gpu": "card", "hardware=mirrored": "1 GPU"}),
        (
            lambda patch: patch.setattr(tf.config, "list_physical_devices", raising(RuntimeError())),
            {"gpu": "could not be found out (RuntimeError)"},
        ),
        (
            env(CUDA_VISIBLE_DEVICES="no, such -7"),
            {"gpu": "none that TensorFlow can use (CUDA_VISIBLE_DEVICES='no, such -7')"},
        ),
        (
            env(TF_CONFIG=""),
            {"hardware=multi_worker": "hardware.cluster=tf_config: TF_CONFIG is not set; it is like …"},
        ),
        (
            env(TF_CONFIG="{"),
            {"hardware=multi_worker": "TF_CONFIG is not valid JSON (Expecting property name enclosed in double quotes:"
             " line 1 column 2 (char 1)); it is like …"},
        ),
        (
            env(TF_CONFIG="[" * 100_000),
            {"hardware=multi_worker": "TF_CONFIG is not valid JSON (maximum recursion depth exceeded while decoding a"
             " JSON array from a unicode string); it is like …"},
        ),
        *(
            (env(TF_CONFIG=text), {"hardware=multi_worker": "TF_CONFIG: cluster.worker names no address; it is like …"})
            for text in ("[]", "null", "7", '{"cluster": 7}', '{"cluster": {"worker": []}}')
        ),
        (
            tf_config(WORKERS, FIRST),
            {"hardware=multi_worker": "hardware.cluster=tf_config: worker 0 of a:1, b:2"},
        ),
        (
            tf_config(WORKERS, {"type": "worker", "index": 2}),
            {"hardware=multi_worker": "TF_CONFIG: task.index is 2, and there are 2 of type worker, counted from 0; it"
             " is like …"},
        ),
        (
            tf_config(WORKERS, {"type": {}, "index": 0}),
            {"hardware=multi_worker": "TF_CONFIG: task.type is {}, and the cluster has worker; it is like …"},
        ),
        (env(**STEP), {"hardware=multi_worker": "hardware.cluster=slurm: worker 0 of n1:8888"}),
        (
            env(SLURM_PROCID="0"),
            {"hardware=multi_worker": "hardware.cluster=slurm: SLURM_STEP_NUM_TASKS not found in environment. Not"
             " running inside a SLURM step?; start training by srun, one task for each worker."},
        ),
        (
            env(**{**STEP, "SLURM_PROCID": "5"}),
            {"hardware=multi_worker": "hardware.cluster=slurm: SLURM_PROCID=5 is none of the step's tasks; start"
             " training by srun, one task for each worker."},
        ),
        (
            env(**{**STEP, "SLURM_PROCID": ""}),
            {"hardware=multi_worker": "hardware.cluster=slurm: invalid literal for int() with base 10: ''; start"
             " training by srun, one task for each worker."},
        ),
    ],
)  # fmt: skip
def test_a_machine_where_something_is_amiss(
    spoil: Spoil, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        spoil(patch)
        findings = dict(examine())
    assert list(findings) == NAMES
    example = findings["hardware=multi_worker"].partition("; it is like ")[2]
    for name, finding in expected.items():
        assert findings[name].replace(example or "…", "…") == finding
