"""What an export of speech is asked, and what it has to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.speech import pad_waveforms
from seq2seq.masking import MaskingPolicy
from seq2seq.serving.verification import (
    TEXT_OUTPUTS,
    Call,
    another_search,
    batch_size,
    batches,
    encoded_outputs,
    few,
)
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.text import Tokenizer

LOWEST = float(np.finfo(np.float32).min)


def speech_calls(
    model: SpeechModel,
    tokenizer: Tokenizer,
    search: SearchConfig,
    waveforms: Sequence[np.ndarray],
    limits: ExportConfig,
    *,
    ctc_weight: float,
    word_times: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers; waveforms that are empty or too long are left out.

    Args:
      waveforms: ``[N]`` float32 each.
      limits: of requests.
      Others as for :class:`seq2seq.tasks.speech.serving_module.SpeechModule`.
    """
    width = search.width
    default = Transcriber(
        model, tokenizer, replace(search, n_best=width), ctc_weight=ctc_weight, timestamps=word_times
    )
    other_search, options = another_search(search, limits)
    other = Transcriber(model, tokenizer, other_search, ctc_weight=ctc_weight)
    rate = model.features.options.sample_rate
    encode = tf.function(
        lambda padded, length: (
            model.features(padded, model.masking.visible_length(length, tf.shape(padded)[1])),
            model.encode(padded, length),
        ),
        input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
        autograph=False,
    )
    calls: list[Call] = []
    extra = 0 if model.masking is MaskingPolicy.NONE else 1000
    most = int(limits.max_seconds * rate) - extra
    rows = [row for row, waveform in enumerate(waveforms) if 0 < len(waveform) <= most]
    size = batch_size(limits, other_search.beam_width)

    def inputs_of(batch: Sequence[int], extra: int = 0) -> tuple[list[np.ndarray], dict[str, Any]]:
        audio = [waveforms[row] for row in batch]
        padded, lengths = pad_waveforms(audio)
        padded = np.pad(padded, [(0, 0), (0, extra)], constant_values=np.nan)
        return audio, {"waveforms": padded, "lengths": lengths, "sample_rate": np.int32(rate)}

    for batch in batches(rows, size):
        audio, given = inputs_of(batch)
        calls.append(Call("transcribe", given, _transcribed(default, audio, width)))
    for batch in few(rows, size):
        audio, given = inputs_of(batch)
        _, with_padding = inputs_of(batch, extra)
        expected = _transcribed(default, audio, width)
        calls.append(Call("serving_default", with_padding, expected))
        (features, frames), encoded = encode(given["waveforms"], given["lengths"])
        from_features = {"features": features.numpy(), "lengths": frames.numpy()}
        calls.append(Call("features", given, from_features))
        calls.append(Call("encode", given, encoded_outputs(encoded)))
        texts = {name: expected[name] for name in TEXT_OUTPUTS}
        calls.append(Call("transcribe_features", from_features, texts))
        if ctc_weight == 1.0:
            continue
        wide = _transcribed(other, audio, other_search.n_best)
        calls.append(Call("transcribe_with_options", {**with_padding, **options}, wide))
        calls.append(Call("transcribe_features_with_options", {**from_features, **options}, wide))
    return calls


def _transcribed(transcriber: Transcriber, audio: Sequence[np.ndarray], width: int) -> dict[str, Any]:
    found = transcriber.transcribe_batch(audio)
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
