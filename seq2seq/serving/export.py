"""`seq2seq export`: a run becomes a SavedModel, which is proven to answer like the checkpoint before it can be seen."""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from seq2seq import __version__
from seq2seq.config.schema import Precision, SpeechTaskConfig, TrainConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import UserError
from seq2seq.files import atomic_directory, plain_path, to_json, writing
from seq2seq.hardware import devices as hardware
from seq2seq.models.speech import SpeechModel
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.use import Run, find_checkpoint
from seq2seq.serving.graph_tokenizer import GraphTokenizer, has_tensorflow_text
from seq2seq.serving.manifest import (
    FORMAT,
    MANIFEST,
    about,
    file_sizes,
    new_target,
    pair_values,
    refuse_existing,
)
from seq2seq.serving.native_log import SENTENCEPIECE_NOTE, without_lines
from seq2seq.serving.serving_module import ServingModule
from seq2seq.serving.speech_calls import speech_calls
from seq2seq.serving.speech_module import SpeechModule
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.translation_calls import translation_calls
from seq2seq.serving.translation_module import TranslationModule
from seq2seq.serving.verification import Call, Finding, check_exports, write_calls
from seq2seq.tasks.build import Tokenizers, build_evaluator, build_transcriber, build_translator
from seq2seq.tasks.speech import search_weight
from seq2seq.text import SentencePieceTokenizer

logger = logging.getLogger(__name__)

LIBRARY = "tensorflow_text"


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
    target = new_target(target, run.folder.path)
    start = time.perf_counter()
    with atomic_directory(target.absolute(), "The export") as folder:
        manifest = _write(run, folder)
        manifest["files"] = file_sizes(folder)
        text = to_json(manifest, indent=2) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        size = sum(file_sizes(folder).values())
        refuse_existing(target)  # another process may have been quicker
    return Exported(manifest, time.perf_counter() - start, size, _example(run))


def _write(run: Run, folder: Path) -> dict[str, Any]:
    """Writes and checks the SavedModel; returns its manifest."""
    config = run.config
    as_exported = replace(config.hardware, precision=Precision.float32)
    hardware.configure(as_exported, training=False)
    in_graph = tokenizer_in_graph(config, run.tokenizers)
    weights = StoredWeights(
        run.model, precision=str(config.export.precision), int8=str(config.export.weights) == "int8"
    )
    about_weights = _round(run, weights)
    module = build_module(config, run.model, run.tokenizers, weights, in_graph=in_graph)
    calls = _calls(run, in_graph)
    save_module(module, folder)
    saved = read_saved_model(folder)
    not_core = ops_not_core(saved)
    library = LIBRARY if not_core else None
    finding = _check(folder, calls, library)
    if not weights.exact:
        about_weights["examples_per_second"] = _speed(run, folder, calls)
    manifest = {
        "format": FORMAT,
        "task": str(config.task.name),
        "versions": {"seq2seq": __version__, "tensorflow": tf.__version__},
        "run": {
            "name": run.folder.path.resolve().name,
            "checkpoint": run.checkpoint,
            "metrics": _metrics(run),
        },
        "default": module.default_signature,
        "signatures": _signatures(saved),
        "search": {"name": str(config.search.name), **module.defaults._asdict(), **_search(config)},
        "limits": _limits(config),
        "tokenizer_in_graph": in_graph,
        "tokenizers": _tokenizers(run),
        "weights": about_weights,
        "ops": {"not_core": not_core, "library": library},
        "verification": {
            "examples": _examples(calls, module.default_signature),
            "calls": finding.calls,
            "largest_difference": finding.largest_difference,
            "seconds_to_load": finding.seconds_to_load,
        },
    }
    if run.input_kind == "audio":
        manifest["sample_rate"] = run.model.features.options.sample_rate
    return manifest


def tokenizer_in_graph(config: TrainConfig, tokenizers: Tokenizers) -> bool:
    """Whether text is tokenised in the graph; speech has no text to tokenise.

    Raises:
      UserError: it is asked for and cannot be.
    """
    chosen = str(config.export.tokenizer)
    if isinstance(config.task, SpeechTaskConfig) or chosen == "none":
        return False
    needs_text = any(isinstance(tokenizer, SentencePieceTokenizer) for tokenizer in tokenizers)
    if chosen == "auto" and needs_text and not has_tensorflow_text():
        logger.warning(
            "TensorFlow Text is not installed: clients of this export send token ids, not text."
            " pip install 'seq2seq-tf[serving]' (Linux on x86-64) puts SentencePiece into the graph."
        )
        return False
    if needs_text:
        GraphTokenizer(tokenizers.source)  # says what is missing
    return True


def build_module(
    config: TrainConfig,
    model: tf.keras.Model,
    tokenizers: Tokenizers,
    weights: StoredWeights,
    *,
    in_graph: bool,
) -> ServingModule:
    """The root of the SavedModel of a run."""
    if isinstance(model, SpeechModel):
        assert isinstance(config.task, SpeechTaskConfig)
        return SpeechModule(
            model,
            weights,
            tokenizers.target,
            config.search,
            config.export,
            ctc_weight=search_weight(config.search, config.task),
            word_times=config.task.ctc_weight > 0.0,
        )
    assert isinstance(model, TranslationModel)
    return TranslationModule(
        model,
        weights,
        *tokenizers,
        config.search,
        config.export,
        max_source_length=config.data.max_source_length,
        in_graph=in_graph,
    )


def save_module(module: ServingModule, folder: Path) -> None:
    """Writes a SavedModel.

    Raises:
      UserError: the folder cannot be written.
    """
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with writing("The export", folder), plain_path(folder) as plain:
        tf.saved_model.save(module, str(plain), signatures=module.functions, options=options)


def ops_not_core(saved: saved_model_pb2.SavedModel) -> list[str]:
    """The ops of a SavedModel that are not TensorFlow's own."""
    graph = saved.meta_graphs[0].graph_def
    functions = {function.signature.name for function in graph.library.function}
    ops = {node.op for node in graph.node}
    ops |= {node.op for function in graph.library.function for node in function.node_def}
    return sorted(op for op in ops - functions if not hasattr(tf.raw_ops, op))


def read_saved_model(folder: Path) -> saved_model_pb2.SavedModel:
    """The graph of an export."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved


def _signatures(saved: saved_model_pb2.SavedModel) -> dict[str, Any]:
    """Inputs and outputs of every signature."""
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
        evaluator = build_evaluator(run.config, run.model, run.tokenizers)
        found["metrics_float32"] = evaluator.evaluate(run.index("val")).metrics
        weights.round()
        found["metrics"] = evaluator.evaluate(run.index("val")).metrics
    return found


def _calls(run: Run, in_graph: bool) -> list[Call]:
    config, index = run.config, run.index("val")
    rows = range(min(len(index), config.export.examples))
    if isinstance(run.model, SpeechModel):
        assert isinstance(index, UtteranceIndex)
        assert isinstance(config.task, SpeechTaskConfig)
        return speech_calls(
            run.model,
            run.tokenizers.target,
            config.search,
            [index.waveform(row) for row in rows],
            config.export,
            ctc_weight=search_weight(config.search, config.task),
            word_times=config.task.ctc_weight > 0.0,
        )
    assert isinstance(index, PairIndex)
    sources, targets = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
    return translation_calls(
        run.model,
        *run.tokenizers,
        config.search,
        list(zip(sources, targets)),
        config.export,
        max_source_length=config.data.max_source_length,
        in_graph=in_graph,
    )


def _example(run: Run) -> dict[str, str]:
    """The shortest of the first validation pairs that have two sides; none of speech."""
    index = run.index("val")
    if not isinstance(index, PairIndex):
        return {}
    rows = np.arange(min(len(index), 100))
    pairs = zip(*(side.texts(rows) for side in (index.source, index.target)))
    shortest = next(
        (pair for pair in sorted(pairs, key=lambda pair: len(pair[0])) if all(map(str.strip, pair))), None
    )
    if shortest is None:
        return {}
    source, target = (tokenizer.encode([text])[0] for tokenizer, text in zip(run.tokenizers, shortest))
    return pair_values(shortest, (source, target))


def _examples(calls: list[Call], signature: str) -> int:
    """How many the default signature is asked about: each alone, and in a batch."""
    return sum(len(call.outputs["text"]) for call in calls if call.signature == signature) // 2


def _check(folder: Path, calls: list[Call], library: str | None) -> Finding:
    with tempfile.TemporaryDirectory() as scratch, plain_path(folder) as plain:
        examples = Path(scratch, "examples.npz")
        write_calls(examples, calls)
        finding = check_exports([(plain, examples)], library=library)[0]
    if finding.mismatch:
        raise UserError(f"The export answers unlike the checkpoint and was removed: {finding.mismatch}")
    return finding


def _speed(run: Run, folder: Path, calls: list[Call]) -> dict[str, float]:
    """Examples a second of the export and of the checkpoint, in the largest batch that was checked."""
    with plain_path(folder) as plain, without_lines(SENTENCEPIECE_NOTE):
        signature = tf.saved_model.load(str(plain)).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    ours = [call for call in calls if call.signature == "serving_default"]
    call = max(ours, key=lambda call: len(call.outputs["text"]))
    inputs = {name: tf.constant(value, specs[name].dtype) for name, value in call.inputs.items()}
    count, index = len(call.outputs["text"]), run.index("val")
    if isinstance(run.model, SpeechModel):
        transcriber = build_transcriber(
            run.config, run.model, run.tokenizers, timestamps="words" in call.outputs
        )
        sound = [index.waveform(row) for row in range(count)]  # type: ignore[union-attr]

        def by_checkpoint() -> object:
            return transcriber.transcribe_batch(sound)
    else:
        assert isinstance(run.model, TranslationModel)
        translator = build_translator(run.config, run.model, run.tokenizers)
        texts = index.source.texts(np.arange(count))  # type: ignore[union-attr]

        def by_checkpoint() -> object:
            return list(translator.translate(texts))

    best = {"export": float("inf"), "checkpoint": float("inf")}
    for _ in range(4):  # the first of which builds graphs
        for name, answer in (("export", lambda: signature(**inputs)), ("checkpoint", by_checkpoint)):
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


def _search(config: TrainConfig) -> dict[str, Any]:
    search = config.search
    weight = search_weight(search, config.task) if isinstance(config.task, SpeechTaskConfig) else None
    return {
        "coverage_penalty": search.coverage_penalty,
        "max_length_ratio": search.max_length_ratio,
        "max_length_offset": search.max_length_offset,
        "min_length_ratio": search.min_length_ratio,
        "ctc_weight": weight,
    }


def _limits(config: TrainConfig) -> dict[str, float]:
    """What a request may ask for at most."""
    other = "max_bytes" if isinstance(config.task, SpeechTaskConfig) else "max_seconds"
    limits = vars(config.export).items()
    return {name: value for name, value in limits if name.startswith("max_") and name != other}


def _tokenizers(run: Run) -> dict[str, Any]:
    kind = str(run.config.data.tokenizer.kind)
    sides = {"target": run.tokenizers.target}
    if run.input_kind == "text":
        sides = {"source": run.tokenizers.source, **sides}
    return {
        side: {"kind": kind, "vocabulary_size": each.vocabulary_size, "fingerprint": each.fingerprint}
        for side, each in sides.items()
    }
