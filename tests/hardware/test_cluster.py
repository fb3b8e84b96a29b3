"""Who the workers are, by TF_CONFIG, Slurm and Kubernetes, and what is said of those that do not answer."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.hardware.cluster import find_cluster, wait_for_workers

WORKERS = {"worker": ["a:1", "b:2"]}


def set_tf_config(monkeypatch: pytest.MonkeyPatch, cluster: Any, task: Any) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))


@pytest.mark.parametrize(
    ("cluster", "task", "addresses", "place"),
    [
        (WORKERS, {"type": "worker", "index": 1}, ("a:1", "b:2"), 1),
        ({**WORKERS, "chief": ["c:3"]}, {"type": "chief", "index": 0}, ("c:3", "a:1", "b:2"), 0),
        ({**WORKERS, "chief": ["c:3"]}, {"type": "worker", "index": 1}, ("c:3", "a:1", "b:2"), 2),
    ],
)
def test_tf_config(
    monkeypatch: pytest.MonkeyPatch, cluster: Any, task: Any, addresses: tuple[str, ...], place: int
) -> None:
    set_tf_config(monkeypatch, cluster, task)
    found = find_cluster("tf_config")
    assert (found.addresses, found.place) == (addresses, place)


@pytest.mark.parametrize(
    ("cluster", "task", "problem"),
    [
        ({}, {}, "cluster.worker names no address"),
        ({"worker": "a:1", "ps": ["b:2"]}, {}, "cluster.ps has no part in training"),
        ({"worker": ["a"]}, {}, "cluster.worker holds 'a', which is not host:port"),
        (WORKERS, {"type": "evaluator", "index": 0}, "task.type is 'evaluator', and the cluster has worker"),
        (WORKERS, {"type": "worker", "index": 2}, "task.index is 2, and there are 2 of type worker"),
        (WORKERS, None, "task.type is None"),
        (WORKERS, {"type": ["worker"], "index": 0}, r"task.type is \['worker'\]"),
        (WORKERS, {"type": "worker", "index": True}, "task.index is True"),
        (WORKERS, {"type": "worker", "index": "0"}, "task.index is '0'"),
        (WORKERS, {"type": "worker", "index": -1}, "task.index is -1"),
        ({"worker": "a:1"}, {"type": "worker", "index": 0}, "cluster.worker is no list of addresses"),
        ({"worker": {"0": "a:1"}}, {}, "cluster.worker is no list of addresses"),
        ({"worker": [":1"]}, {}, "cluster.worker holds ':1', which is not host:port"),
        ({"worker": ["a:0"]}, {}, "cluster.worker holds 'a:0', which is not host:port"),
        ({"worker": ["a:65536"]}, {}, "cluster.worker holds 'a:65536', which is not host:port"),
        ({"worker": ["a:²"]}, {}, "cluster.worker holds 'a:²', which is not host:port"),
        ({"worker": [7]}, {}, "cluster.worker holds 7, which is not host:port"),
        ({**WORKERS, "chief": ["c:3", "d:4"]}, {}, "cluster.chief has 2 addresses, and there is one chief"),
        ([], {}, "cluster.worker names no address"),
        (None, {}, "cluster.worker names no address"),
    ],
)
def test_a_wrong_tf_config(monkeypatch: pytest.MonkeyPatch, cluster: Any, task: Any, problem: str) -> None:
    set_tf_config(monkeypatch, cluster, task)
    with pytest.raises(UserError, match=f"^TF_CONFIG: {problem}"):
        find_cluster("tf_config")


def test_tf_config_that_is_missing_or_not_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match="TF_CONFIG is not set; it is like"):
        find_cluster("tf_config")
    for text in ('{"cluster', "[" * 100_000):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(UserError, match="TF_CONFIG is not valid JSON"):
            find_cluster("tf_config")
    for text in ("[]", "null", "7", '"worker"'):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(UserError, match=r"TF_CONFIG: cluster\.worker names no address"):
            find_cluster("tf_config")


SLURM = {"PROCID": "1", "STEP_NUM_TASKS": "2", "STEP_NODELIST": "node[3-4]", "STEP_TASKS_PER_NODE": "1(x2)"}


def set_slurm(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)


def test_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    set_slurm(monkeypatch, SLURM)
    found = find_cluster("slurm")
    assert (found.addresses, found.place) == (("node3:8888", "node4:8888"), 1)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"PROCID": "7"}, "SLURM_PROCID=7 is none of the step's tasks"),
        ({"PROCID": "-1"}, "SLURM_PROCID=-1 is none of the step's tasks"),
        ({"PROCID": "first"}, "invalid literal for int"),
        ({"STEP_NUM_TASKS": "many"}, "invalid literal for int"),
        ({"STEP_NUM_TASKS": "3"}, "Requested 3 tasks but only 2 were assigned"),
        ({"STEP_NODELIST": "node[[3]"}, "Invalid hostlist format"),
        ({"STEP_NODELIST": ""}, "max"),
        ({"STEP_TASKS_PER_NODE": "one"}, "Invalid tasks-per-node list format"),
    ],
)
def test_a_wrong_slurm_step(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], problem: str) -> None:
    set_slurm(monkeypatch, {**SLURM, **variables})
    with pytest.raises(UserError, match=f"^hardware.cluster=slurm: .*{problem}.*; start training by srun"):
        find_cluster("slurm")


def test_outside_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(UserError, match=r"hardware.cluster=slurm: .*SLURM_PROCID.* start training by srun"):
        find_cluster("slurm")


class Pods:
    """In place of Kubernetes' resolver."""

    addresses: list[str]

    def cluster_spec(self) -> tf.train.ClusterSpec:
        return tf.train.ClusterSpec({"worker": self.addresses})


def test_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.distribute.cluster_resolver, "KubernetesClusterResolver", Pods)
    own = [(None, None, None, "", ("10.0.0.7", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: own)
    Pods.addresses = ["10.0.0.5:8470", "10.0.0.7:8470"]
    assert find_cluster("kubernetes").place == 1
    Pods.addresses = ["10.0.0.5:8470"]
    with pytest.raises(
        UserError, match=r"none of the pods' addresses \(10.0.0.5\) is this pod's \(10.0.0.7\)"
    ):
        find_cluster("kubernetes")


def test_kubernetes_needs_its_package() -> None:
    with pytest.raises(UserError, match="needs the package kubernetes; pip install kubernetes"):
        find_cluster("kubernetes")


# --- roll call ---


@pytest.fixture
def addresses() -> list[str]:
    sockets = [socket.socket() for _ in range(3)]
    for each in sockets:
        each.bind(("localhost", 0))
    found = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


def test_all_wait_for_the_last(addresses: list[str]) -> None:
    present: list[int] = []

    def answer(place: int) -> None:
        wait_for_workers(addresses, place, timeout=30)
        present.append(place)

    early = [threading.Thread(target=answer, args=(place,)) for place in (0, 1)]
    for thread in early:
        thread.start()
    early[0].join(0.5)
    assert present == []
    # The last one stays, as TensorFlow's server does, until the others have reached it.
    with socket.create_server(("localhost", int(addresses[2].rpartition(":")[2]))):
        for thread in early:
            thread.join(10)
    assert sorted(present) == [0, 1]


def test_those_who_do_not_answer_are_named(addresses: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        wait_for_workers(addresses, 1, timeout=0.3)
    assert f"{addresses[0]}, {addresses[2]} did not answer worker 1 within hardware.timeout=0.3" in str(
        caught.value
    )


def test_an_address_that_is_taken(addresses: list[str]) -> None:
    port = int(addresses[0].rpartition(":")[2])
    said = pytest.raises(UserError, match=f"The address of this worker, {addresses[0]}, cannot be used")
    with socket.create_server(("", port)), said:
        wait_for_workers(addresses, 0, timeout=1)
