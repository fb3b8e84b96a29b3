"""How much memory training takes, in MiB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seq2seq.hardware.devices import Hardware, device_memory


def memory_record(hardware: Hardware) -> dict[str, Any]:
    """Of this process, and where there are several replicas, of all workers and of this one's GPUs."""
    memory: dict[str, Any] = {"memory": resident_memory()}
    if hardware.workers > 1:
        memory["memory_of_workers"] = hardware.all_gather(round(memory["memory"]))
    if hardware.replicas > 1:
        memory["replicas"] = hardware.replicas
    if devices := device_memory():
        memory["memory_of_devices"] = devices
    return memory


def resident_memory() -> float:
    """Of this process, now; 0 where the system does not say."""
    return _status("VmRSS:")


def peak_memory() -> float:
    """Of this process, at most so far; 0 where the system does not say."""
    return _status("VmHWM:")


def _status(name: str) -> float:
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    return 0.0
