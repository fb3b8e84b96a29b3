"""What an export of translation is asked, and what it has to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.masking import MaskingPolicy
from seq2seq.search import SearchResult
from seq2seq.serving.text_calls import HOSTILE, padded_rows, tokenizer_calls
from seq2seq.serving.verification import (
    TEXT_OUTPUTS,
    Call,
    another_search,
    batch_size,
    batches,
    encoded_outputs,
    few,
)
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.tasks.translation.scoring import pair_log_probs
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text import Tokenizer


def translation_calls(
    model: TranslationModel,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    search: SearchConfig,
    pairs: Sequence[tuple[str, str]],
    limits: ExportConfig,
    *,
    max_source_length: int,
    in_graph: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers; sources that are empty or too long are left out.

    Args:
      pairs: source and target.
      limits: of requests, and how many pairs to translate; all of them are tokenised.
      Others as for :class:`seq2seq.tasks.translation.serving_module.TranslationModule`.
    """
    tokenizers = source_tokenizer, target_tokenizer
    # Whatever stands in the padding, and however much there is, is nothing to a model that masks.
    extra = 0 if model.masking is MaskingPolicy.NONE else 3
    texts = [source for source, _ in pairs]
    pairs = list(_within(pairs, tokenizers, limits, extra))
    sources = source_tokenizer.encode([source for source, _ in pairs])
    rows = [row for row, source in enumerate(sources) if source][: limits.examples]
    other_search, options = another_search(search, limits)
    size = batch_size(limits, other_search.beam_width)
    default, other = (_searcher(model, *tokenizers, each) for each in (search, other_search))
    encode = tf.function(
        model.encode,
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
        autograph=False,
    )

    def answered(
        search: Any, ids: np.ndarray, lengths: np.ndarray, columns: int | None = None
    ) -> dict[str, Any]:
        """Of texts, or of ids with so many columns."""
        if max_source_length:
            ids, lengths = ids[:, :max_source_length], np.minimum(lengths, max_source_length)
        result = search(ids, lengths)
        outputs = _searched(result, target_tokenizer)
        if columns is None:
            return {name: outputs[name] for name in TEXT_OUTPUTS}
        padding = [(0, 0), (0, 0), (0, 0), (0, columns - ids.shape[1])]
        return {**outputs, "alignments": np.pad(result.alignments.numpy(), padding)}

    calls: list[Call] = []
    for batch in batches(rows, size):
        ids, lengths = padded_rows([sources[row] for row in batch], source_tokenizer.pad_id)
        if in_graph:
            expected = answered(default, ids, lengths)
            calls.append(Call("translate", {"text": [pairs[row][0] for row in batch]}, expected))
        else:
            expected = answered(default, ids, lengths, ids.shape[1])
            calls.append(Call("translate_tokens", {"ids": ids, "lengths": lengths}, expected))
    for batch in few(rows, size):
        some = {"text": [pairs[row][0] for row in batch]}
        ids, lengths = padded_rows([sources[row] for row in batch], source_tokenizer.pad_id)
        columns = ids.shape[1] + extra
        given = {"ids": np.pad(ids, [(0, 0), (0, extra)], constant_values=-1), "lengths": lengths}
        expected, wide = (answered(each, ids, lengths, columns) for each in (default, other))
        calls.append(Call("translate_tokens" if in_graph else "serving_default", given, expected))
        calls.append(Call("translate_tokens_with_options", {**given, **options}, wide))
        encoded = encode(ids, lengths)
        padded_memory = encoded._replace(memory=tf.pad(encoded.memory, [[0, 0], [0, extra], [0, 0]]))
        calls.append(Call("encode", given, encoded_outputs(padded_memory)))
        if in_graph:
            expected, wide = (answered(each, ids, lengths) for each in (default, other))
            calls.append(Call("serving_default", some, expected))
            calls.append(Call("translate_with_options", {**some, **options}, wide))
    hostile = [(source[:60], target[:60]) for source, target in zip(HOSTILE, HOSTILE[::-1])]
    hostile = list(_within(hostile, tokenizers, limits, 0))
    scored = [[pairs[row] for row in batch] for batch in few(rows, size)]
    scored += [hostile[start : start + size] for start in range(0, len(hostile), size)]
    calls += _score_calls(model, *tokenizers, scored, in_graph=in_graph)
    if in_graph:
        calls += tokenizer_calls(source_tokenizer, texts, limits)
    return calls


def _within(
    pairs: Sequence[tuple[str, str]],
    tokenizers: tuple[Tokenizer, Tokenizer],
    limits: ExportConfig,
    extra: int,
) -> Iterator[tuple[str, str]]:
    """The pairs that a request may have, with so many columns of padding more."""
    texts = [source for source, _ in pairs], [target for _, target in pairs]
    sources, targets = (tokenizer.encode(side) for tokenizer, side in zip(tokenizers, texts))
    for pair, source, target in zip(pairs, sources, targets):
        tokens, size = max(len(source) + extra, len(target)), max(len(text.encode()) for text in pair)
        if tokens <= limits.max_tokens and size <= limits.max_bytes:
            yield pair


def _score_calls(
    model: TranslationModel,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    batches_of_pairs: Sequence[Sequence[tuple[str, str]]],
    *,
    in_graph: bool,
) -> list[Call]:
    log_probs = tf.function(
        lambda batch: pair_log_probs(model, batch), input_signature=[SIGNATURE], autograph=False
    )
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
            tokens[f"{side}_ids"], tokens[f"{side}_lengths"] = padded_rows(ids, tokenizer.pad_id)
        calls.append(Call("score_tokens", tokens, expected))
        if in_graph:
            calls.append(Call("score", {"source": texts[0], "target": texts[1]}, expected))
    return calls


def _searcher(model: TranslationModel, source: Tokenizer, target: Tokenizer, search: SearchConfig) -> Any:
    translator = Translator(model, source, target, search, alignments=True)
    return tf.function(
        translator.find,
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)],
        autograph=False,
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
