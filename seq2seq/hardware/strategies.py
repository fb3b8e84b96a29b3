"""How many devices train, by the names of `hardware.strategy`: functions from the configuration to a `Hardware`.

What they describe lacks the precision, which `configure` adds, as it has chosen the devices that TensorFlow shows.
"""

from __future__ import annotations

from functools import cache, lru_cache

import tensorflow as tf

from seq2seq.config.groups.hardware import HardwareConfig
from seq2seq.errors import UserError
from seq2seq.hardware.cluster import Cluster, find_cluster, wait_for_workers
from seq2seq.hardware.devices import Hardware, uses_gpu


def one_device(config: HardwareConfig) -> Hardware:
    return Hardware(description=_kind())


def automatic(config: HardwareConfig) -> Hardware:
    """All GPUs where there are several."""
    return (mirrored if len(tf.config.get_visible_devices("GPU")) > 1 else one_device)(config)


def mirrored(config: HardwareConfig) -> Hardware:
    """All devices of this machine.

    Raises:
        UserError: TensorFlow cannot use them.
    """
    devices = _logical_devices(config, _kind())
    return Hardware(_mirror(devices), f"{len(devices)} {_kind()}{'s' * (len(devices) > 1)}")


def multi_worker(config: HardwareConfig) -> Hardware:
    """Those of all workers, which meet here.

    Raises:
        UserError: it is not described who they are, or one does not come in time.
    """
    strategy, cluster = _join(str(config.cluster), config.timeout)
    workers = len(cluster.addresses)
    each = strategy.num_replicas_in_sync // workers
    description = f"{each} {_kind()} of worker {cluster.place}, {workers} workers in all"
    return Hardware(strategy, description, workers, cluster.place)


def _kind() -> str:
    return "GPU" if uses_gpu() else "CPU"


def _logical_devices(config: HardwareConfig, name: str) -> tuple[str, ...]:
    try:
        return tuple(device.name for device in tf.config.list_logical_devices(name))
    except (tf.errors.OpError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        memory = f" of hardware.logical_memory={config.logical_memory} MiB" if config.logical_devices else ""
        raise UserError(f"hardware: TensorFlow cannot use the {name}s{memory} ({reason}).") from error


@cache
def _mirror(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One for all jobs of a process: the reductions of a second one would be taken for those of the first."""
    return tf.distribute.MirroredStrategy(devices)


@lru_cache(maxsize=1)
def _join(kind: str, timeout: float) -> tuple[tf.distribute.Strategy, Cluster]:
    """Meets the other workers, which a process can do only once."""
    cluster = find_cluster(kind)
    wait_for_workers(cluster.addresses, cluster.place, timeout)
    return tf.distribute.MultiWorkerMirroredStrategy(cluster.resolver), cluster
