"""The processes of `hardware=multi_worker`: who they are, and whether they are there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.errors import UserError

_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
_MAX_TASKS = 1 << 16  # of a Slurm step on one node
_LAST_PORT = (1 << 16) - 1
_PAUSE = 0.2  # seconds between two tries to reach a worker


class Cluster(NamedTuple):
    """All workers, the chief first."""

    resolver: Any
    """A `tf.distribute.cluster_resolver.ClusterResolver` that knows its own task."""
    addresses: tuple[str, ...]
    """`host:port` of each."""
    place: int
    """Of this process among them, from 0."""


def find_cluster(kind: str) -> Cluster:
    """The cluster that the environment names.

    Args:
        kind: `tf_config`: the variable TF_CONFIG; `slurm`: the variables of a Slurm step, a worker for each of its
            tasks; `kubernetes`: the running pods with the label `job-name=tensorflow`, one worker in each.

    Raises:
        UserError: the environment names no cluster, or not this process' place in it.
    """
    resolver = {"tf_config": _tf_config, "slurm": _slurm, "kubernetes": _kubernetes}[kind]()
    jobs = resolver.cluster_spec().as_dict()
    addresses = [*jobs.get("chief", []), *jobs["worker"]]
    index = resolver.task_id + (len(jobs.get("chief", [])) if resolver.task_type == "worker" else 0)
    return Cluster(resolver, tuple(addresses), index)


def wait_for_workers(addresses: Sequence[str], index: int, timeout: float) -> None:
    """Waits until every other worker can be reached, and lets them reach this one meanwhile.

    TensorFlow's server, which takes this worker's port over, would wait without a word.

    Args:
        addresses: `host:port` of every worker.
        index: of this one.
        timeout: seconds.

    Raises:
        UserError: some worker did not answer in time, or this one's port is taken.
    """
    missing = [address for address in addresses if address != addresses[index]]
    port = _host_and_port(addresses[index])[1]
    deadline = time.monotonic() + timeout
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError as error:
            raise UserError(
                f"The address of this worker, {addresses[index]}, cannot be used: {error.strerror}; does another"
                " worker, or an earlier one that hangs, run on this machine?"
            ) from error
        listener.listen(len(addresses))
        while missing:
            missing = [address for address in missing if not _answers(address)]
            if missing and time.monotonic() > deadline:
                raise UserError(
                    f"{', '.join(missing)} did not answer worker {index} within hardware.timeout={timeout:g} seconds;"
                    " start all workers, and see that the hosts reach each other."
                )
            time.sleep(_PAUSE if missing else 0.0)


def _answers(address: str) -> bool:
    with suppress(OSError), socket.create_connection(_host_and_port(address), timeout=_PAUSE):
        return True
    return False


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


# --- where the cluster is described ---


def _tf_config() -> Any:
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise UserError(f"hardware.cluster=tf_config: TF_CONFIG is not set; it is like {_EXAMPLE}.")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"TF_CONFIG is not valid JSON ({error}); it is like {_EXAMPLE}.") from error
    problem = _problem_of(said)
    if problem:
        raise UserError(f"TF_CONFIG: {problem}; it is like {_EXAMPLE}.")
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _problem_of(said: Any) -> str:
    """What is wrong with the content of TF_CONFIG; empty where nothing is."""
    cluster = said.get("cluster") if isinstance(said, dict) else None
    if not isinstance(cluster, dict) or not cluster.get("worker"):
        return "cluster.worker names no address"
    others = [job for job in cluster if job not in ("chief", "worker")]
    if others:
        return f"cluster.{others[0]} has no part in training, only chief and worker have"
    for job, addresses in cluster.items():
        if not isinstance(addresses, list):
            return f"cluster.{job} is no list of addresses"
        for address in addresses:
            if not _is_address(address):
                return f"cluster.{job} holds {address!r}, which is not host:port"
    if len(cluster.get("chief", [])) > 1:
        return f"cluster.chief has {len(cluster['chief'])} addresses, and there is one chief"
    task = said.get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if kind not in list(cluster):
        return f"task.type is {kind!r}, and the cluster has {', '.join(cluster)}"
    if type(index) is not int or not 0 <= index < len(cluster[kind]):
        return f"task.index is {index!r}, and there are {len(cluster[kind])} of type {kind}, counted from 0"
    return ""


def _is_address(address: Any) -> bool:
    host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) <= _LAST_PORT


def _slurm() -> Any:
    # Without GPUs TensorFlow would fail to ask for them, and then to divide by them: it gets some, and leaves them.
    no_gpus = {"gpus_per_node": _MAX_TASKS, "gpus_per_task": 1, "auto_set_gpu": False}
    options = {} if shutil.which("nvidia-smi") else no_gpus
    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(**options)
        resolver.cluster_spec()  # finds its own task
        if resolver.task_id is None:
            raise ValueError(f"SLURM_PROCID={os.environ['SLURM_PROCID']} is none of the step's tasks")
    except Exception as error:  # whatever variables that nobody checks lead it to
        raise UserError(
            f"hardware.cluster=slurm: {error}; start training by srun, one task for each worker."
        ) from error
    return resolver


def _kubernetes() -> Any:
    try:
        resolver = tf.distribute.cluster_resolver.KubernetesClusterResolver()
        hosts = [_host_and_port(address)[0] for address in resolver.cluster_spec().as_dict()["worker"]]
    except ImportError as error:
        raise UserError(
            "hardware.cluster=kubernetes: needs the package kubernetes; pip install kubernetes."
        ) from error
    except Exception as error:  # whatever its client raises
        raise UserError(f"hardware.cluster=kubernetes: {error}") from error
    own = {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    mine = [index for index, host in enumerate(hosts) if host in own]
    if not mine:
        raise UserError(
            f"hardware.cluster=kubernetes: none of the pods' addresses ({', '.join(hosts)}) is this pod's"
            f" ({', '.join(sorted(own))})."
        )
    resolver.task_type, resolver.task_id = "worker", mine[0]
    return resolver
