"""`seq2seq export`: a run becomes a SavedModel, which is proven to answer like the checkpoint before it can be seen."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq import __version__
from seq2seq.config.groups.hardware import Precision
from seq2seq.errors import UserError
from seq2seq.files import atomic_directory, plain_path, to_json
from seq2seq.hardware.devices import configure
from seq2seq.runs.combined import refuse_in_export
from seq2seq.runs.use import Run, find_checkpoint
from seq2seq.serving.manifest import FORMAT, MANIFEST, file_sizes, new_target, refuse_existing
from seq2seq.serving.saved_model import described_signatures, ops_not_core, read_saved_model, save_module
from seq2seq.serving.signature import add_signatures, signature_calls
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call, Finding, check_exports, write_calls
from seq2seq.tasks.contract import Serving

logger = logging.getLogger(__name__)


class Exported(NamedTuple):
    """An export that was written.

    Attributes:
      manifest: what lies beside it.
      seconds: how long writing and checking took.
      size: of the folder, in bytes.
      example: inputs of the signatures for ``manifest.examples``, in the run's own languages.
    """

    manifest: dict[str, Any]
    seconds: float
    size: int
    example: dict[str, str]


def export(run: Run, target: Path) -> Exported:
    """Writes a run's model to ``target``, ``exported/1`` as a rule, which appears when all is written and checked.

    Args:
      run: with its ``export.*`` and ``search.*``, which become the defaults.
      target: must not exist.

    Raises:
      UserError: the folder exists or cannot be written; SentencePiece cannot be in the graph; there are no validation
        examples; the export answers unlike the checkpoint.
    """
    refuse_in_export(run.config.search)
    target = new_target(target, run.folder.path)
    start = time.perf_counter()
    configure(replace(run.config.hardware, precision=Precision.float32), training=False)
    serving = run.task.serving(run.model, run.tokenizers)
    with atomic_directory(target.absolute(), "The export") as folder:
        manifest = _write(run, serving, folder)
        manifest["files"] = file_sizes(folder)
        text = to_json(manifest, indent=2) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        size = sum(file_sizes(folder).values())
        refuse_existing(target)  # another process may have been quicker
    return Exported(manifest, time.perf_counter() - start, size, serving.example(run.index("val")))


def _write(run: Run, serving: Serving, folder: Path) -> dict[str, Any]:
    """Writes and checks the SavedModel; returns its manifest."""
    config = run.config
    weights = StoredWeights(
        run.model, precision=str(config.export.precision), int8=str(config.export.weights) == "int8"
    )
    about_weights = _round(run, weights)
    module = serving.module(weights)
    add_signatures(module, config.export.signatures)
    calls = serving.calls(run.index("val"))
    calls += signature_calls(config.export.signatures, calls)
    save_module(module, folder)
    saved = read_saved_model(folder)
    finding = _check(folder, calls)
    if not weights.exact:
        about_weights["examples_per_second"] = _speed(run, folder, calls)
    own = serving.manifest()
    search = module.about_search() | own.get("search", {})
    return {
        "format": FORMAT,
        "task": run.task.name,
        "versions": {"seq2seq": __version__, "tensorflow": tf.__version__},
        "run": {
            "name": run.folder.path.resolve().name,
            "checkpoint": run.checkpoint,
            "metrics": _metrics(run),
        },
        "default": module.default_signature,
        "signatures": described_signatures(saved, module.about),
        "tokenizer_in_graph": serving.in_graph,
        "weights": about_weights,
        "ops": {"not_core": ops_not_core(saved)},
        "verification": {
            "examples": _examples(calls, module.default_signature),
            "calls": finding.calls,
            "largest_difference": finding.largest_difference,
            "seconds_to_load": finding.seconds_to_load,
        },
        **own,
        **({"search": search} if search else {}),
    }


def _round(run: Run, weights: StoredWeights) -> dict[str, Any]:
    """Gives the model the weights that the export has; what becomes of its size and its metrics."""
    export_config = run.config.export
    plain = sum(v.shape.num_elements() * v.dtype.size for v in run.model.variables)
    found: dict[str, Any] = {
        "precision": str(export_config.precision),
        "weights": str(export_config.weights),
        "bytes": weights.size,
        "bytes_float32": plain,
    }
    if not weights.exact:
        evaluator = run.task.evaluator(run.model, run.tokenizers)
        found["metrics_float32"] = evaluator.evaluate(run.index("val")).metrics
        weights.round()
        found["metrics"] = evaluator.evaluate(run.index("val")).metrics
    return found


def _examples(calls: list[Call], signature: str) -> int:
    """How many the default signature is asked about: each alone, and in a batch."""
    return sum(map(_rows, (call for call in calls if call.signature == signature))) // 2


def _rows(call: Call) -> int:
    return len(next(iter(call.outputs.values())))


def _check(folder: Path, calls: list[Call]) -> Finding:
    with tempfile.TemporaryDirectory() as scratch, plain_path(folder) as plain:
        examples = Path(scratch, "examples.npz")
        write_calls(examples, calls)
        finding = check_exports([(plain, examples)])[0]
    if finding.mismatch:
        raise UserError(f"The export answers unlike the checkpoint and was removed: {finding.mismatch}")
    return finding


def _speed(run: Run, folder: Path, calls: list[Call]) -> dict[str, float]:
    """Examples a second of the export and of the checkpoint, in the largest batch that was checked."""
    with plain_path(folder) as plain:
        signature = tf.saved_model.load(str(plain)).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    ours = [call for call in calls if call.signature == "serving_default"]
    call = max(ours, key=_rows)
    inputs = {name: tf.constant(value, specs[name].dtype) for name, value in call.inputs.items()}
    count, index = _rows(call), run.index("val")
    predictor = run.task.predictor(run.model, run.tokenizers, timestamps="words" in call.outputs)
    answers: dict[str, Callable[[], object]] = {
        "export": lambda: signature(**inputs),
        "checkpoint": lambda: predictor.predict_index(index, range(count)),
    }
    best = dict.fromkeys(answers, float("inf"))
    for _ in range(4):  # the first of which builds graphs
        for name, answer in answers.items():
            start = time.perf_counter()
            answer()
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: count / seconds for name, seconds in best.items()}


def _metrics(run: Run) -> dict[str, Any]:
    """What the run measured with these weights when it ended."""
    summary = run.folder.read_summary()
    if find_checkpoint(run.folder).path.name != run.checkpoint:
        return {}
    return {split: summary[split] for split in ("val", "test") if isinstance(summary.get(split), dict)}
