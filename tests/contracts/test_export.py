"""Contract 6: an export answers like its checkpoint, in a process that has TensorFlow and nothing of ours.

Texts and n-best are equal, scores and everything else within 1e-4, one by one and 32 at a time, whatever the padding
(``verification.translation_calls`` and ``speech_calls`` see to all of these). One process checks all exports that the
tests of a run ask for: plain pytest those that differ most, ``-m slow`` a few more, and with ``EVERY_VARIANT=1`` in the
environment every variant that ships, on 200 examples each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.serving.saved_model import ops_not_core, read_saved_model, save_module
from seq2seq.serving.standalone_check import compare
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call, Finding, check_exports, write_calls
from seq2seq.tasks.classification.serving_calls import classification_calls
from seq2seq.tasks.classification.serving_module import ClassificationModule
from seq2seq.tasks.language_model.serving_calls import language_model_calls
from seq2seq.tasks.language_model.serving_module import LanguageModelModule
from seq2seq.tasks.speech.serving_calls import speech_calls
from seq2seq.tasks.speech.serving_module import SpeechModule
from seq2seq.tasks.translation.serving_calls import translation_calls
from seq2seq.tasks.translation.serving_module import TranslationModule
from seq2seq.text import LabelVocabulary, Normalizer, WordTokenizer
from tests.closeness import assert_close
from tests.contracts.variants import (
    CLASSIFIERS,
    LANGUAGE_MODELS,
    VARIANTS,
    VOCABULARY,
    build,
    build_classifier,
    build_lm,
)
from tests.tiny_speech import RATE, TOKENIZER, tiny_config, tiny_model

WORDS = WordTokenizer([f"{chr(97 + n)}" for n in range(VOCABULARY - 4)], Normalizer("nfkc"))
GREEDY = SearchConfig(max_length_offset=4, max_length_ratio=1.0)
BEAM = SearchConfig(
    name=SearchName.beam,
    beam_width=3,
    n_best=3,
    coverage_penalty=0.1,
    max_length_offset=4,
    max_length_ratio=1.0,
)

EXAMPLES = 33
TRANSLATION = {
    "luong": (GREEDY, MaskingPolicy.strict),
    "every option of the cell, copied state": (BEAM, MaskingPolicy.none),
    "none, no feeding": (replace(BEAM, coverage_penalty=0.0), MaskingPolicy.strict),
}
SPEECH = {"joint": (["task.ctc_weight=0.3"], BEAM, 0.3)}
REST = {"last", "tied"}  # of what others have in other company
if os.environ.get("EVERY_VARIANT"):  # which takes half an hour
    EXAMPLES, REST = 200, set()
    for number, name in enumerate(VARIANTS):
        TRANSLATION.setdefault(name, ((GREEDY, BEAM)[number % 2], list(MaskingPolicy)[number // 2 % 4]))
    for policy in MaskingPolicy:
        masking = f"masking={policy.value}"
        SPEECH[f"CTC alone, {policy.value}"] = (["task.ctc_weight=1", masking], BEAM, 1.0)
        SPEECH[f"joint, {policy.value}"] = (["task.ctc_weight=0.3", masking], GREEDY, 0.3)
        SPEECH[f"attention alone, {policy.value}"] = (["task.ctc_weight=0", masking], GREEDY, 0.0)

LIMITS = ExportConfig(
    examples=EXAMPLES, max_batch=40, max_bytes=5000, max_tokens=90, max_seconds=20.0, max_hypotheses=160
)

load = cache(tf.saved_model.load)


def pairs(count: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(11)

    def text() -> str:
        return " ".join(WORDS.pieces(rng.integers(4, VOCABULARY, rng.integers(1, 9)).tolist()))

    return [(text(), text()) for _ in range(count)]


def waveforms(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(12)
    tones = [np.sin(np.arange(rng.integers(1, RATE)) * rng.uniform(0.1, 2.0)) for _ in range(count)]
    return [(0.5 * tone + 0.1 * rng.standard_normal(len(tone))).astype(np.float32) for tone in tones]


def export_translation(name: str, folder: Path, *, in_graph: bool) -> list[Call]:
    search, policy = TRANSLATION[name]
    model = build(name, policy)
    options: dict[str, Any] = dict(max_source_length=6, in_graph=in_graph)
    module = TranslationModule(model, StoredWeights(model), WORDS, WORDS, search, LIMITS, **options)
    save_module(module, folder)
    return translation_calls(model, WORDS, WORDS, search, pairs(EXAMPLES), LIMITS, **options)


def export_speech(name: str, folder: Path) -> list[Call]:
    overrides, search, weight = SPEECH[name]
    model = tiny_model(*overrides)
    options: dict[str, Any] = dict(ctc_weight=weight, word_times=tiny_config(*overrides).task.ctc_weight > 0)
    module = SpeechModule(model, StoredWeights(model), TOKENIZER, search, LIMITS, **options)
    save_module(module, folder)
    return speech_calls(model, TOKENIZER, search, waveforms(EXAMPLES), LIMITS, **options)


def export_classification(name: str, folder: Path) -> list[Call]:
    model, labels = build_classifier(name), LabelVocabulary(["b", "a", "c"])
    options: dict[str, Any] = dict(max_source_length=6, in_graph=name == "max")
    save_module(ClassificationModule(model, StoredWeights(model), WORDS, labels, LIMITS, **options), folder)
    texts = ["", *(text for text, _ in pairs(EXAMPLES - 1))]
    return classification_calls(model, WORDS, labels, texts, LIMITS, **options)


def export_language_model(name: str, folder: Path) -> list[Call]:
    model, in_graph = build_lm(name), name == "one layer"
    search = GREEDY if in_graph else replace(BEAM, coverage_penalty=0.0)
    save_module(
        LanguageModelModule(model, StoredWeights(model), WORDS, search, LIMITS, in_graph=in_graph), folder
    )
    texts = ["", *(text for text, _ in pairs(EXAMPLES - 1))]
    return language_model_calls(model, WORDS, search, texts, LIMITS, in_graph=in_graph)


ALWAYS = (next(iter(TRANSLATION)), next(iter(SPEECH)))
"""Which the tests below this one ask, too."""

EXPORTERS: dict[str, Callable[[Path], list[Call]]] = {
    **{
        name: partial(export_translation, name, in_graph=number == 0)
        for number, name in enumerate(TRANSLATION)
    },
    **{name: partial(export_speech, name) for name in SPEECH},
    **{f"{name}, labels": partial(export_classification, name) for name in CLASSIFIERS if name not in REST},
    **{
        f"{name}, lines": partial(export_language_model, name) for name in LANGUAGE_MODELS if name not in REST
    },
}
QUICK = {*TRANSLATION, *SPEECH, "max, labels", "one layer, lines"} - {"none, no feeding"}
"""What plain pytest exports: of translation without a tokenizer in the graph, too; `-m slow` the rest."""

TEST = "test_an_export_answers_like_its_checkpoint"


@pytest.fixture(scope="module")
def exports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Finding, list[Call], Path]]:
    """Of all that the tests of this run ask for, which one process checks."""
    folder = tmp_path_factory.mktemp("exports")
    items = [item for item in request.session.items if item.path == request.path]
    asked = {item.callspec.params["name"] for item in items if item.originalname == TEST}
    others = any(item.originalname != TEST for item in items)
    names = [name for name in EXPORTERS if name in asked or (others and name in ALWAYS)]
    calls = {name: EXPORTERS[name](folder / name) for name in names}
    for name in names:
        write_calls(folder / f"{name}.npz", calls[name])
    findings = check_exports([(folder / name, folder / f"{name}.npz") for name in names])
    return {name: (finding, calls[name], folder / name) for finding, name in zip(findings, names)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in EXPORTERS]
)
def test_an_export_answers_like_its_checkpoint(
    name: str, exports: dict[str, tuple[Finding, list[Call], Path]]
) -> None:
    finding, calls, folder = exports[name]
    assert finding.mismatch is None
    signatures = {call.signature for call in calls}
    assert set(finding.calls) == signatures
    assert sum(finding.calls.values()) == len(calls)
    offered = set(read_saved_model(folder).meta_graphs[0].signature_def) - {"__saved_model_init_op"}
    assert signatures == offered, "a signature that nobody checks"
    assert ops_not_core(read_saved_model(folder)) == []
    default = [call for call in calls if call.signature == "serving_default"]
    texts = {text for call in default for text in call.outputs.get("text") or call.outputs["label"]}
    assert len(texts) > (1 if name.endswith("labels") else 5), (
        "the model says always the same, which proves little"
    )


@pytest.mark.parametrize(
    ("answer", "expected", "message"),
    [
        ([1.0, -200.0], [1.0, -200.01], None),
        ([1.0, -200.0], [1.0, -200.05], "at [1] -200 instead of -200.05"),
        ([0.0], [np.nan], "at [0] 0 instead of nan"),
        ([[1.0]], [1.0], "shape [1, 1] instead of [1]"),
    ],
)
def test_numbers_are_compared_within_1e_4(answer: list, expected: list, message: str | None) -> None:
    assert compare(np.array(answer), np.array(expected))[0] == message


def test_features_of_the_graph_are_those_of_training(
    exports: dict[str, tuple[Finding, list[Call], Path]],
) -> None:
    """Beyond the check of the export itself: through the path that training's batches take."""
    model = tiny_model("task.ctc_weight=0.3")
    audio = waveforms(4)
    loaded = load(str(exports["joint"][2]))
    for waveform in audio:
        expected, frames = model.features(waveform[np.newaxis], tf.constant([len(waveform)]), training=False)
        padded = np.pad(waveform, (0, 700), constant_values=np.nan)
        found = loaded.features(padded[np.newaxis], tf.constant([len(waveform)]), tf.constant(RATE))
        assert found["lengths"].numpy() == frames.numpy()
        assert_close(found["features"][:, : expected.shape[1]], expected)


# --- bad input ---


def test_nothing_gets_no_text(exports: dict[str, tuple[Finding, list[Call], Path]]) -> None:
    speech = load(str(exports["joint"][2]))
    for waveforms, lengths in [
        (tf.zeros([0, 0]), []),
        (tf.zeros([2, 0]), [0, 0]),
        (tf.zeros([2, 9]), [0, 9]),
    ]:
        found = speech.transcribe(waveforms, tf.constant(lengths, tf.int32), tf.constant(RATE))
        assert found["text"].shape == (len(lengths),)
        assert found["n_best"].shape == (len(lengths), 3)
        assert all(text == b"" for text, length in zip(found["text"].numpy(), lengths) if not length)
        assert speech.encode(waveforms, tf.constant(lengths, tf.int32), tf.constant(RATE))[
            "memory_length"
        ].numpy().tolist() == [int(length > 0) for length in lengths]
    translation = load(str(exports["luong"][2]))
    assert translation.translate(tf.constant([], tf.string))["text"].shape == (0,)
    assert translation.score(tf.constant([], tf.string), tf.constant([], tf.string))["log_prob"].shape == (0,)
    found = translation.translate(tf.constant(["", "a b", " \u3000"]))["text"].numpy().tolist()
    assert found[::2] == [b"", b""]
    assert found[1] == translation.translate(tf.constant(["a b"]))["text"].numpy()[0] != b""
    tokens = translation.translate_tokens(tf.constant([[5, 6], [9, 9]]), tf.constant([2, 0]))
    assert tokens["text"].numpy()[1] == b""
    assert tokens["lengths"].numpy()[1].tolist() == [0]


def test_options_may_be_left_out(exports: dict[str, tuple[Finding, list[Call], Path]]) -> None:
    translation = load(str(exports["luong"][2]))
    text = tf.constant(["a b c", "d"])
    plain, wide = (
        translation.translate(text),
        translation.translate_with_options(text, beam_width=tf.constant(4)),
    )
    assert wide["n_best"].shape == (2, 4)
    np.testing.assert_array_equal(plain["text"], translation.translate_with_options(text)["text"])
    stored = (
        read_saved_model(exports["luong"][2]).meta_graphs[0].signature_def["translate_with_options"].defaults
    )
    assert {name: tf.make_ndarray(value).item() for name, value in stored.items()} == {
        "beam_width": 1,
        "length_penalty": 0.0,
        "max_length": 0,
    }


def test_the_shortest_and_the_longest_sound_are_answered(
    exports: dict[str, tuple[Finding, list[Call], Path]],
) -> None:
    speech = load(str(exports["joint"][2]))
    for samples in (1, int(LIMITS.max_seconds * RATE)):
        audio = tf.random.stateless_uniform([1, samples], (1, samples), -0.5, 0.5)
        found = speech.transcribe_with_options(
            audio, lengths=[samples], sample_rate=RATE, beam_width=2, max_length=5
        )
        assert np.isfinite(found["scores"].numpy()[0, 0])
        assert len(found["text"].numpy()[0].decode()) <= 5
        assert (found["word_end"].numpy() <= samples / RATE).all()


@pytest.mark.parametrize(
    ("export", "signature", "wrong"),
    [("luong", "translate_with_options", "beam_width"), ("joint", "transcribe", "lengths")],
)
def test_a_session_answers_alike(
    export: str, signature: str, wrong: str, exports: dict[str, tuple[Finding, list[Call], Path]]
) -> None:
    """TensorFlow Serving and C++ run sessions of the graph, and know nothing of functions."""
    _, calls, folder = exports[export]
    call = next(call for call in calls if call.signature == signature)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        described = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def[signature]
        fetched = {name: described.outputs[name].name for name in ("text", "scores")}
        given = {described.inputs[name].name: value for name, value in call.inputs.items()}
        found = session.run(fetched, given)
        assert [text.decode() for text in found["text"]] == call.outputs["text"]
        assert_close(found["scores"], call.outputs["scores"])
        given[described.inputs[wrong].name] = np.full_like(call.inputs[wrong], -1)
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{wrong}: must be"):
            session.run(fetched, given)


SOUND = {"waveforms": np.zeros([2, 9], np.float32), "lengths": [9, 3], "sample_rate": RATE}
IDS = {"ids": [[5, 6], [7, 0]], "lengths": [2, 1]}
LONG_SOUND = {"waveforms": np.zeros([1, 80001], np.float32), "lengths": [9], "sample_rate": RATE}
LONG_IDS = [[5] * 91]
OPTIONS = {"beam_width": 2, "length_penalty": 1.0, "max_length": 5}


@pytest.mark.parametrize(
    ("export", "signature", "inputs", "message"),
    [
        ("joint", "transcribe", {**SOUND, "lengths": [9, 10]}, "lengths: .* columns of waveforms, not\\] \\[10"),
        ("joint", "transcribe", {**SOUND, "lengths": [-1, 3]}, "lengths: "),
        ("joint", "transcribe", {**SOUND, "lengths": [9]}, "lengths: must be as many as waveforms has rows"),
        ("joint", "transcribe", {**SOUND, "sample_rate": 44100}, f"sample_rate: must be {RATE}.*44100"),
        ("joint", "features", {**SOUND, "waveforms": np.full([2, 9], np.nan, np.float32)}, "waveforms: .*\\[0 1\\]"),
        ("joint", "transcribe_features", {"features": np.full([1, 2, 8], np.inf), "lengths": [1]}, "features: "),
        ("luong", "translate_tokens", {**IDS, "lengths": [2, 3]}, "lengths: .* columns of ids"),
        ("luong", "translate_tokens", {**IDS, "ids": [[5, 23], [7, 0]]}, "ids: must be from 0 to 22.*23"),
        ("luong", "encode", {**IDS, "ids": [[5, -1], [7, 0]]}, "ids: "),
        ("luong", "score", {"source": ["a", "b"], "target": ["a"]}, "target: must be as many as source"),
        ("luong", "translate_with_options", {"text": ["a"], **OPTIONS, "beam_width": 0}, "beam_width: "),
        ("luong", "translate_with_options", {"text": ["a"], **OPTIONS, "beam_width": 101}, "beam_width: "),
        ("luong", "translate_with_options", {"text": ["a"], **OPTIONS, "length_penalty": np.nan}, "length_penalty: "),
        ("luong", "translate_with_options", {"text": ["a"], **OPTIONS, "max_length": -1}, "max_length: "),
        ("luong", "translate_with_options", {"text": ["a"], **OPTIONS, "max_length": 91}, "max_length: .* 0 to 90.*91"),
        (
            "luong",
            "translate_with_options",
            {"text": ["a"] * 40, **OPTIONS, "beam_width": 5},
            "text: rows × beam_width must be at most 160, not.*200",
        ),
        ("luong", "translate", {"text": ["a", "b" * 5001]}, "text: must be at most 5000 bytes each, not.*5001"),
        ("luong", "tokenize", {"text": ["é" * 2501]}, "text: must be at most 5000 bytes each, not.*5002"),
        ("luong", "score", {"source": ["a"], "target": ["a " * 91]}, "target: must be at most 90 tokens long, not.*91"),
        ("luong", "score", {"source": ["a " * 91], "target": ["a"]}, "source: must be at most 90 tokens long, not.*91"),
        ("luong", "translate_tokens", {"ids": LONG_IDS, "lengths": [3]}, "ids: must be at most 90 tokens.*91"),
        ("luong", "encode", {"ids": LONG_IDS, "lengths": [3]}, "ids: must be at most 90 tokens long, not.*91"),
        ("joint", "transcribe", LONG_SOUND, "waveforms: must be at most 80000 samples \\(20 s\\) long, not.*80001"),
        ("joint", "features", LONG_SOUND, "waveforms: must be at most 80000 samples"),
        ("joint", "encode", LONG_SOUND, "waveforms: must be at most 80000 samples"),
        (
            "joint",
            "transcribe_features",
            {"features": np.zeros([1, 1999, 8]), "lengths": [1]},
            "features: must be at most 1998 frames long, not.*1999",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    export: str,
    signature: str,
    inputs: dict[str, Any],
    message: str,
    exports: dict[str, tuple[Finding, list[Call], Path]],
) -> None:
    loaded = load(str(exports[export][2])).signatures[signature]
    specs = loaded.structured_input_signature[1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        loaded(**{name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()})


@pytest.mark.parametrize("export", ["luong", "joint"])
def test_every_signature_has_a_largest_batch(
    export: str, exports: dict[str, tuple[Finding, list[Call], Path]]
) -> None:
    for name, signature in load(str(exports[export][2])).signatures.items():
        inputs = {}
        for key, spec in signature.structured_input_signature[1].items():
            shape = [41 if axis == 0 else size or 1 for axis, size in enumerate(spec.shape)]
            value = RATE if key == "sample_rate" else 1
            inputs[key] = (
                tf.fill(shape, "a") if spec.dtype == tf.string else tf.cast(tf.fill(shape, value), spec.dtype)
            )
        with pytest.raises(tf.errors.InvalidArgumentError) as refused:
            signature(**inputs)
        assert re.search(r"(\w+): must be at most 40 rows, not\] \[41\]", refused.value.message), name


def test_ids_are_cut_where_texts_are(exports: dict[str, tuple[Finding, list[Call], Path]]) -> None:
    """At max_source_length, 6 here."""
    loaded = load(str(exports["luong"][2]))
    ids = tf.constant([[5, 6, 7, 8, 9, 10, 11, 12, 13]])
    whole, cut = (
        loaded.translate_tokens(ids, tf.constant([9])),
        loaded.translate_tokens(ids[:, :6], tf.constant([6])),
    )
    for name in ("text", "n_best", "scores", "ids", "lengths"):
        np.testing.assert_array_equal(whole[name], cut[name])
    np.testing.assert_array_equal(whole["alignments"][..., :6], cut["alignments"])
    assert not whole["alignments"][..., 6:].numpy().any()
    text = " ".join(WORDS.pieces(ids[0].numpy().tolist()))
    np.testing.assert_array_equal(loaded.translate(tf.constant([text]))["text"], whole["text"])
