"""Writing a SavedModel and reading what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from seq2seq.files import plain_path, writing
from seq2seq.serving.serving_module import ServingModule


def save_module(module: ServingModule, folder: Path) -> None:
    """Writes a SavedModel.

    Raises:
      UserError: the folder cannot be written.
    """
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with writing("The export", folder), plain_path(folder) as plain:
        tf.saved_model.save(module, str(plain), signatures=module.functions, options=options)


def read_saved_model(folder: Path) -> saved_model_pb2.SavedModel:
    """The graph of an export."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved


def ops_not_core(saved: saved_model_pb2.SavedModel) -> list[str]:
    """The ops of a SavedModel that are not TensorFlow's own."""
    graph = saved.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    ops = {node.op for node in graph.node}
    ops |= {node.op for function in graph.library.function for node in function.node_def}
    return sorted(op for op in ops - functions if not hasattr(tf.raw_ops, op))


def described_signatures(saved: saved_model_pb2.SavedModel, about: Callable[..., str]) -> dict[str, Any]:
    """Inputs and outputs of every signature; ``about``: see :meth:`ServingModule.about`."""
    described: dict[str, Any] = {}
    for name, signature in sorted(saved.meta_graphs[0].signature_def.items()):
        if name.startswith("__"):
            continue
        described[name] = {"inputs": {}, "outputs": {}}
        for way, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
            for key, info in sorted(tensors.items()):
                described[name][way][key] = {
                    "dtype": tf.as_dtype(info.dtype).name,
                    "shape": [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim],
                    "about": about(key, output=way == "outputs"),
                }
        for key, default in signature.defaults.items():
            described[name]["inputs"][key]["default"] = tf.make_ndarray(default).item()
    return described
