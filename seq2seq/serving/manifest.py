"""`manifest.json`, which lies beside an exported graph and says what it is; imports no TensorFlow."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seq2seq.config.groups.export import ExportConfig
from seq2seq.errors import UserError
from seq2seq.files import is_plain
from seq2seq.text.tokenizer import Tokenizer

MANIFEST = "manifest.json"
FORMAT = 1
RUN_FOLDERS = ("checkpoints", "index", "tokenizer", "tensorboard", "plots", "predictions")


def refuse_existing(target: Path) -> None:
    """Makes sure that an export overwrites nothing.

    Raises:
      UserError: ``target`` is there already.
    """
    if target.exists() or target.is_symlink():
        raise UserError(f"{target}: exists already; an export is never overwritten, so give the next number")


def new_target(path: Path, run: Path) -> Path:
    """Where an export may go: ``path`` with ``~`` and ``..`` resolved.

    Raises:
      UserError: it is there already, cannot be made, or is where the run keeps its own files.
    """
    # Path.expanduser fails on an unknown user.
    target = Path(os.path.normpath(os.path.expanduser(path)))  # noqa: PTH111
    try:
        refuse_existing(target)
        above = next(parent for parent in target.absolute().parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            problem = "cannot be written to" if above.is_dir() else "is a file"
            raise UserError(f"{target}: cannot be made, because {above} {problem}; give another folder")
        inside = Path(os.path.relpath(os.path.realpath(target), os.path.realpath(run))).parts
    except OSError as error:
        raise UserError(f"{target}: cannot be made ({error.strerror}); give another folder") from error
    if inside and inside[0] in RUN_FOLDERS:
        raise UserError(
            f"{target}: {run / inside[0]} is the run's own; give a folder elsewhere, such as exported/1"
        )
    return target


def is_version(target: Path) -> bool:
    """Whether TensorFlow Serving takes the folder for a version."""
    return bool(re.fullmatch("[0-9]{1,18}", target.name))


def file_sizes(export: Path) -> dict[str, int]:
    """In bytes, of every file of an export."""
    files = (path for path in sorted(export.rglob("*")) if path.is_file())
    return {path.relative_to(export).as_posix(): path.stat().st_size for path in files}


def read_manifest(export: Path) -> dict[str, Any]:
    """The manifest of an export.

    Raises:
      UserError: there is none, or of another version; a file of the export is missing or cut off.
    """
    path = export / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{export}: holds no export (no {MANIFEST} in it that can be read); give {_nearest(export)}"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UserError(f"{path}: of a version of seq2seq that this one does not know")
    sizes = manifest.get("files", {})  # exports of earlier versions have none
    for name, size in sizes.items() if isinstance(sizes, dict) else ():
        kept = (export / name).stat().st_size if (export / name).is_file() else "none"
        if kept != size:
            raise UserError(
                f"{export}: is damaged, {name} has {kept} of its {size} bytes; export the run again"
            )
    return manifest


def _nearest(export: Path) -> str:
    """The newest export in a folder of them, or what one is like."""
    try:
        versions = [path.parent for path in export.glob(f"*/{MANIFEST}") if is_version(path.parent)]
    except OSError:
        versions = []
    newest = max(versions, key=lambda path: int(path.name), default=None)
    return str(newest) if newest else "a folder that `seq2seq export` wrote, such as exported/1"


def describe(manifest: Mapping[str, Any]) -> list[str]:
    """The manifest in words.

    Raises:
      UserError: it lacks what every manifest has.
    """
    try:
        return list(_description(manifest))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{MANIFEST} is damaged ({type(error).__name__} {error}); export the run again"
        ) from error


def _description(manifest: Mapping[str, Any]) -> Iterator[str]:
    run, weights = manifest["run"], manifest["weights"]
    versions = manifest["versions"]
    yield f"{manifest['task']}, from the checkpoint {run['checkpoint']} of {run['name']}"
    yield f"made by seq2seq {versions['seq2seq']} with TensorFlow {versions['tensorflow']}"
    for split, metrics in run["metrics"].items():
        yield f"{split}: " + ", ".join(f"{name} {_figure(value)}" for name, value in metrics.items())
    if "search" in manifest:  # what has labels for outputs searches for none
        yield "search: " + ", ".join(
            f"{name} {_shown(value)}" for name, value in manifest["search"].items() if value is not None
        )
    for side, tokenizer in manifest["tokenizers"].items():
        size = f"{tokenizer['vocabulary_size']:,} ids"
        yield f"tokenizer of the {side}: {tokenizer['kind']}, {size}, {tokenizer['fingerprint']}"
    if "limits" in manifest:  # exports of earlier versions have none
        yield "limits of a request: " + ", ".join(
            f"{name} {_shown(value)}" for name, value in manifest["limits"].items()
        )
    if "labels" in manifest:
        more = f" … and {len(manifest['labels']) - 20:,} more" if len(manifest["labels"]) > 20 else ""
        yield f"labels: {', '.join(manifest['labels'][:20])}{more}"
    if "source" in manifest["tokenizers"]:
        yield "text is tokenised " + ("in the graph" if manifest["tokenizer_in_graph"] else "by the client")
    yield weights_in_words(weights)
    yield _ops_in_words(manifest)
    checked = manifest["verification"]
    yield (
        f"checked against the checkpoint: {checked['examples']} validation examples, one by one and in batches of 32,"
        f" {sum(checked['calls'].values())} calls of {len(checked['calls'])} signatures in a process with TensorFlow"
        f" alone; texts equal, numbers within {max(checked['largest_difference'], 1e-8):.0e}"
    )
    for name, signature in manifest["signatures"].items():
        if name == "serving_default":
            yield f"serving_default: {manifest['default']}"
            continue
        yield name
        for way, arrow in (("inputs", "<"), ("outputs", ">")):
            for key, value in signature[way].items():
                default = f", default {_shown(value['default'])}" if "default" in value else ""
                yield f"  {arrow} {key:<16} {value['dtype']} {value['shape']}{default}: {value['about']}"


_OPTIONS = {
    "beam_width": "tf.constant(5)",
    "length_penalty": "tf.constant(1.0)",
    "max_length": "tf.constant(50)",
}
_SOUGHT = ("text", "label", "log_prob", "memory", "features", "ids")
"""Outputs, what a reader looks for first."""


def examples(manifest: Mapping[str, Any], target: Path, values: Mapping[str, str]) -> Iterator[str]:
    """The signatures with a call of each, as a program, and how to serve the export.

    Args:
      manifest: of the export.
      target: its folder.
      values: of inputs, as Python writes them.
    """
    yield f"# {_ops_in_words(manifest)}"
    yield "import tensorflow as tf"
    if not is_plain(target):
        yield "# TensorFlow reads *, ?, [ and \\ in a path as a pattern: load it from a folder without, or a link to it"
    yield f"model = tf.saved_model.load({json.dumps(str(target), ensure_ascii=False)})"
    for name, signature in manifest["signatures"].items():
        if name == "serving_default":
            continue
        inputs, outputs = signature["inputs"], signature["outputs"]
        default = ", the default" if name == manifest["default"] else ""
        yield f"# {name}{default}: {', '.join(map(_typed, inputs.items()))} → {', '.join(outputs)}"
        output = next((name for name in _SOUGHT if name in outputs), next(iter(outputs)))
        known = {**_OPTIONS, **values}
        taken = {key: known[key] for key in known if key in inputs}
        call = ", ".join(value if len(taken) == 1 else f"{key}={value}" for key, value in taken.items())
        yield f'model.signatures["{name}"]({call})["{output}"]'
    yield f"# to serve it with TensorFlow Serving, {manifest['default']} being the default:"
    yield f"# {docker_line(target)}"


def _typed(named: tuple[str, Mapping[str, Any]]) -> str:
    name, value = named
    default = f" = {_shown(value['default'])}" if "default" in value else ""
    return f"{name} {value['dtype']}{str(value['shape']).replace('None', '?')}{default}"


def _ops_in_words(manifest: Mapping[str, Any]) -> str:
    ops = manifest["ops"]["not_core"]
    if not ops:
        return "ops beyond TensorFlow's own: none"
    return f"ops beyond TensorFlow's own: {', '.join(ops)}, whose library has to be loaded first"


def docker_line(target: Path) -> str:
    """Serves the newest version of the folder that ``target`` is a version in."""
    parent = target.parent if is_version(target) else target
    folder = f"{parent}" if parent.is_absolute() else f"$PWD/{parent}"
    return (
        f'docker run -p 8500:8500 -p 8501:8501 -v "{folder}:/models/seq2seq" -e MODEL_NAME=seq2seq'
        " tensorflow/serving:2.15.1"
    )


def limits(config: ExportConfig, *, without: Sequence[str]) -> dict[str, float]:
    """What a request may ask for at most, all but those that mean nothing to the task."""
    return {
        name: value for name, value in vars(config).items() if name.startswith("max_") and name not in without
    }


def about_tokenizer(kind: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """What a manifest says of a tokenizer."""
    return {
        "kind": kind,
        "vocabulary_size": tokenizer.vocabulary_size,
        "fingerprint": tokenizer.fingerprint,
    }


def weights_in_words(weights: Mapping[str, Any]) -> str:
    """How weights are kept, and what that does to size, metrics and speed."""
    kept = "large matrices in int8, the others in " if weights["weights"] == "int8" else ""
    text = f"weights: {kept}{weights['precision']}, {weights['bytes'] / 1e6:.1f} MB"
    if "metrics" not in weights:
        return text
    changes = [
        f"{name} {_figure(before)} → {_figure(weights['metrics'][name])}"
        for name, before in weights["metrics_float32"].items()
    ]
    speed = weights["examples_per_second"]
    return (
        f"{text} instead of {weights['bytes_float32'] / 1e6:.1f} MB; validation {', '.join(changes)};"
        f" {speed['export']:.0f} examples a second, the checkpoint {speed['checkpoint']:.0f}"
    )


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(value: float | None) -> str:
    """None: not finite, which JSON has no word for."""
    return "nan" if value is None else f"{value:.4g}"
