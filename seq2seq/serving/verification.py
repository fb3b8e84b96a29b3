"""Proves that an export answers like the checkpoint: examples of every signature, checked in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import SearchConfig, SearchName
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.speech import pad_waveforms
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.encoders.recurrent import EncoderOutput
from seq2seq.errors import UserError
from seq2seq.masking import MaskingPolicy
from seq2seq.models.speech import SpeechModel
from seq2seq.models.translation import TranslationModel
from seq2seq.search import SearchResult
from seq2seq.serving import standalone_check
from seq2seq.serving.graph_checks import MAX_BEAM_WIDTH
from seq2seq.tasks.scoring import pair_log_probs
from seq2seq.tasks.transcriber import Transcriber
from seq2seq.tasks.translator import Translator
from seq2seq.text import Tokenizer

HOSTILE = (
    "",
    " ",
    "\t two\twords \n",
    "🙂 👩‍👩‍👧‍👦 🇩🇪",
    "e\u0301 a\u0323\u0302 \u0345\u0301",
    "zero\u200bwidth\u200d\ufeff joiner",
    "\u1112\u1161\u11ab\uae00",
    "ﬁ ½ Ａ ㎏ ﷺ",
    "\u05d0\u05b0 \u202eright to left",
    "</s> <pad> <unk> <0x41> \u2581 \u2581\u2581x",
    "\u0000\u0001\u0085\u2028x",
    "ΑΣ ΣΑΣ. İI",
    "\ufffd \U0010ffff",
    "very long " * 400,
    "x" * 3000,
)
"""Texts that tokenizers trip over."""

BATCH = 32
ALONE = 3
"""Examples that are asked about one by one of every signature; the default one is asked about all of them."""

_SPOKEN = ("text", "n_best", "scores")

LOWEST = float(np.finfo(np.float32).min)


class Call(NamedTuple):
    """What a signature is given and what it has to answer: arrays of numbers, (nested) lists of strings."""

    signature: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def another_search(search: SearchConfig) -> tuple[SearchConfig, dict[str, Any]]:
    """A wider search of short targets, and the options that ask for it."""
    width = min((search.beam_width if search.name is SearchName.beam else 1) + 2, MAX_BEAM_WIDTH)
    changed = replace(
        search,
        name=SearchName.beam,
        beam_width=width,
        n_best=width,
        length_penalty=0.7,
        max_length_ratio=0.0,
        max_length_offset=7,
    )
    options = {"beam_width": np.int32(width), "length_penalty": np.float32(0.7), "max_length": np.int32(7)}
    return changed, options


# --- translation ---


def translation_calls(
    model: TranslationModel,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    search: SearchConfig,
    pairs: Sequence[tuple[str, str]],
    *,
    examples: int,
    max_source_length: int,
    in_graph: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers; sources that are empty are left out.

    Args:
      pairs: source and target.
      examples: how many of them to translate; all of them are tokenised.
      Others as for :class:`seq2seq.serving.translation_module.TranslationModule`.
    """
    sources = source_tokenizer.encode([source for source, _ in pairs])
    rows = [row for row, source in enumerate(sources) if source][:examples]
    other_search, options = another_search(search)
    default, other = (
        _searcher(model, source_tokenizer, target_tokenizer, each) for each in (search, other_search)
    )
    encode = tf.function(
        model.encode, input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
    )

    def answered(search: Any, ids: np.ndarray, lengths: np.ndarray, *, as_text: bool) -> dict[str, Any]:
        if as_text and max_source_length:
            ids, lengths = ids[:, :max_source_length], np.minimum(lengths, max_source_length)
        found = _searched(search(ids, lengths), target_tokenizer)
        return {name: found[name] for name in _SPOKEN} if as_text else found

    calls: list[Call] = []
    for batch in batches(rows):
        ids, lengths = _padded([sources[row] for row in batch], source_tokenizer.pad_id)
        expected = answered(default, ids, lengths, as_text=in_graph)
        if in_graph:
            calls.append(Call("translate", {"text": [pairs[row][0] for row in batch]}, expected))
        else:
            calls.append(Call("translate_tokens", {"ids": ids, "lengths": lengths}, expected))
    # Whatever stands in the padding, and however much there is, is nothing to a model that masks.
    extra = 0 if model.masking is MaskingPolicy.NONE else 3
    for batch in few(rows):
        texts = [pairs[row][0] for row in batch]
        ids, lengths = _padded([sources[row] for row in batch], source_tokenizer.pad_id)
        given = {"ids": np.pad(ids, [(0, 0), (0, extra)], constant_values=-1), "lengths": lengths}
        whole = default(ids, lengths)
        expected = _searched(whole, target_tokenizer)
        expected["alignments"] = np.pad(whole.alignments.numpy(), [(0, 0), (0, 0), (0, 0), (0, extra)])
        calls.append(Call("translate_tokens" if in_graph else "serving_default", given, expected))
        wide = answered(other, ids, lengths, as_text=False)
        calls.append(Call("translate_tokens_with_options", {**given, **options}, wide))
        encoded = encode(ids, lengths)
        padded_memory = encoded._replace(memory=tf.pad(encoded.memory, [[0, 0], [0, extra], [0, 0]]))
        calls.append(Call("encode", given, _encoded(padded_memory)))
        if in_graph:
            calls.append(
                Call("serving_default", {"text": texts}, answered(default, ids, lengths, as_text=True))
            )
            wide = answered(other, ids, lengths, as_text=True)
            calls.append(Call("translate_with_options", {"text": texts, **options}, wide))
    scored = [[pairs[row] for row in batch] for batch in few(rows)]
    hostile = [(source[:60], target[:60]) for source, target in zip(HOSTILE, HOSTILE[::-1])]
    calls += _score_calls(model, source_tokenizer, target_tokenizer, [*scored, hostile], in_graph=in_graph)
    if in_graph:
        calls += tokenizer_calls(source_tokenizer, [source for source, _ in pairs])
    return calls


def _score_calls(
    model: TranslationModel,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    batches_of_pairs: Sequence[Sequence[tuple[str, str]]],
    *,
    in_graph: bool,
) -> list[Call]:
    log_probs = tf.function(lambda batch: pair_log_probs(model, batch), input_signature=[SIGNATURE])
    calls = []
    for pairs in batches_of_pairs:
        texts = [source for source, _ in pairs], [target for _, target in pairs]
        sources, targets = source_tokenizer.encode(texts[0]), target_tokenizer.encode(texts[1])
        batch = make_batch(
            np.arange(len(pairs)),
            Ragged.of([row or [source_tokenizer.unknown_id] for row in sources]),
            Ragged.of(targets),
            source_pad_id=source_tokenizer.pad_id,
            target_tokenizer=target_tokenizer,
        )
        scores = log_probs(Batch(*map(tf.constant, batch))).numpy()
        expected = {"log_prob": np.where([len(row) > 0 for row in sources], scores, np.float32(0.0))}
        tokens: dict[str, Any] = {}
        for side, ids, tokenizer in (
            ("source", sources, source_tokenizer),
            ("target", targets, target_tokenizer),
        ):
            tokens[f"{side}_ids"], tokens[f"{side}_lengths"] = _padded(ids, tokenizer.pad_id)
        calls.append(Call("score_tokens", tokens, expected))
        if in_graph:
            calls.append(Call("score", {"source": texts[0], "target": texts[1]}, expected))
    return calls


def tokenizer_calls(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Call]:
    """Calls of ``tokenize`` with all texts, and with those that tokenizers trip over."""
    calls = []
    for some in (list(texts), list(HOSTILE)):
        for start in range(0, len(some), 500):
            ids, lengths = _padded(tokenizer.encode(some[start : start + 500]), tokenizer.pad_id)
            expected = {"ids": ids, "lengths": lengths}
            calls.append(Call("tokenize", {"text": some[start : start + 500]}, expected))
    return calls


def _searcher(model: TranslationModel, source: Tokenizer, target: Tokenizer, search: SearchConfig) -> Any:
    translator = Translator(model, source, target, search, alignments=True)
    return tf.function(
        translator.find,
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
    )


def _searched(result: SearchResult, tokenizer: Tokenizer) -> dict[str, Any]:
    ids, lengths = result.ids.numpy(), result.lengths.numpy()
    n_best = [
        tokenizer.decode([row[:length].tolist() for row, length in zip(rows, of_rows)])
        for rows, of_rows in zip(ids, lengths)
    ]
    return {
        "text": [texts[0] for texts in n_best],
        "n_best": n_best,
        "scores": result.scores.numpy(),
        "ids": ids,
        "lengths": lengths,
    }


# --- speech ---


def speech_calls(
    model: SpeechModel,
    tokenizer: Tokenizer,
    search: SearchConfig,
    waveforms: Sequence[np.ndarray],
    *,
    ctc_weight: float,
    word_times: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers.

    Args:
      waveforms: none of them empty. Others as for :class:`seq2seq.serving.speech_module.SpeechModule`.
    """
    width = search.beam_width if search.name is SearchName.beam else 1
    default = Transcriber(
        model, tokenizer, replace(search, n_best=width), ctc_weight=ctc_weight, timestamps=word_times
    )
    other_search, options = another_search(search)
    other = Transcriber(model, tokenizer, other_search, ctc_weight=ctc_weight)
    rate = np.int32(model.features.options.sample_rate)
    hear = tf.function(
        lambda sound, length: (
            model.features(sound, model.masking.visible_length(length, tf.shape(sound)[1])),
            model.encode(sound, length),
        ),
        input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
    )
    calls: list[Call] = []
    rows = [row for row, waveform in enumerate(waveforms) if len(waveform)]

    def heard(batch: Sequence[int], extra: int = 0) -> tuple[list[np.ndarray], dict[str, Any]]:
        sound = [waveforms[row] for row in batch]
        padded, lengths = pad_waveforms(sound)
        padded = np.pad(padded, [(0, 0), (0, extra)], constant_values=np.nan)
        return sound, {"waveforms": padded, "lengths": lengths, "sample_rate": rate}

    for batch in batches(rows):
        sound, given = heard(batch)
        calls.append(Call("transcribe", given, _transcribed(default, sound, width)))
    extra = 0 if model.masking is MaskingPolicy.NONE else 1000
    for batch in few(rows):
        sound, given = heard(batch)
        _, with_padding = heard(batch, extra)
        expected = _transcribed(default, sound, width)
        calls.append(Call("serving_default", with_padding, expected))
        (features, frames), encoded = hear(given["waveforms"], given["lengths"])
        from_features = {"features": features.numpy(), "lengths": frames.numpy()}
        calls.append(Call("features", given, from_features))
        calls.append(Call("encode", given, _encoded(encoded)))
        spoken = {name: expected[name] for name in _SPOKEN}
        calls.append(Call("transcribe_features", from_features, spoken))
        if ctc_weight == 1.0:
            continue
        wide = _transcribed(other, sound, other_search.n_best)
        calls.append(Call("transcribe_with_options", {**with_padding, **options}, wide))
        calls.append(Call("transcribe_features_with_options", {**from_features, **options}, wide))
    return calls


def _transcribed(transcriber: Transcriber, sound: Sequence[np.ndarray], width: int) -> dict[str, Any]:
    found = transcriber.transcribe_batch(sound)
    outputs: dict[str, Any] = {
        "text": [one.texts[0] for one in found],
        "n_best": [one.texts + [""] * (width - len(one.texts)) for one in found],
        "scores": np.array([one.scores + [LOWEST] * (width - len(one.scores)) for one in found], np.float32),
    }
    if transcriber.timestamps:
        spans = [one.spans or [] for one in found]
        most = max(map(len, spans))
        outputs["words"] = [[span.word for span in row] + [""] * (most - len(row)) for row in spans]
        for name, end in (("word_start", False), ("word_end", True)):
            times = [[span.end if end else span.start for span in row] for row in spans]
            outputs[name] = np.array([row + [0.0] * (most - len(row)) for row in times], np.float32)
            outputs[name] = outputs[name].reshape(len(found), most)
        if not most:  # NumPy has no strings of shape [B, 0]
            del outputs["words"]
    return outputs


# --- both ---


def batches(rows: Sequence[int]) -> Iterator[list[int]]:
    """All rows one by one, then all of them in batches of ``BATCH``.

    Raises:
      UserError: there are no rows.
    """
    if not rows:
        raise UserError(
            "The validation data has nothing to check an export on: no example that is not empty."
        )
    yield from ([row] for row in rows)
    yield from (list(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))


def few(rows: Sequence[int]) -> Iterator[list[int]]:
    """``ALONE`` rows one by one, and a batch."""
    yield from ([row] for row in rows[:ALONE])
    yield list(rows[:BATCH])


def _padded(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    ragged = Ragged.of(rows)
    real = np.arange(ragged.lengths.max(initial=0)) < ragged.lengths[:, np.newaxis]
    ids = np.full(real.shape, pad_id, np.int32)
    ids[real] = ragged.values
    return ids, ragged.lengths


def _encoded(encoded: EncoderOutput) -> dict[str, np.ndarray]:
    return {
        "memory": encoded.memory.numpy(),
        "memory_length": encoded.memory_length.numpy(),
        "h": np.stack([state.h.numpy() for state in encoded.states], axis=1),
        "c": np.stack([state.c.numpy() for state in encoded.states], axis=1),
    }


class Finding(NamedTuple):
    """What the check of an export found."""

    calls: dict[str, int]
    largest_difference: float
    mismatch: str | None
    seconds_to_load: float


def write_calls(path: Path, calls: Sequence[Call]) -> None:
    """Writes what ``standalone_check`` reads."""
    arrays: dict[str, np.ndarray] = {}

    def place(value: Any) -> Any:
        if isinstance(value, list):
            return value
        arrays[f"array_{len(arrays)}"] = np.asarray(value)
        return f"array_{len(arrays) - 1}"

    described = [
        {
            "signature": call.signature,
            "inputs": {name: place(value) for name, value in call.inputs.items()},
            "outputs": {name: place(value) for name, value in call.outputs.items()},
        }
        for call in calls
    ]
    np.savez(path, calls=np.frombuffer(json.dumps(described).encode(), np.uint8), **arrays)


def check_exports(exports: Sequence[tuple[Path, Path]], *, library: str | None = None) -> list[Finding]:
    """Checks exports in one fresh process that can import neither this package nor TensorFlow Addons.

    Args:
      exports: each with the calls that ``write_calls`` wrote.
      library: a module whose ops they need.

    Raises:
      UserError: an export cannot be loaded, or fails.
    """
    paths = [str(path) for pair in exports for path in pair]
    command = [sys.executable, "-W", "ignore", standalone_check.__file__, library or "-", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"The export fails in a process that has TensorFlow alone: {last}")
    return [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
