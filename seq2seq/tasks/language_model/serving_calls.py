"""What an export of a language model is asked, and what it has to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.search import SearchResult
from seq2seq.serving.text_calls import HOSTILE, padded_rows, tokenizer_calls
from seq2seq.serving.verification import Call, another_search, batch_size, batches, encoded_outputs, few
from seq2seq.tasks.language_model.evaluator import beginning
from seq2seq.tasks.language_model.generator import PROMPT_SPECS, Generator
from seq2seq.tasks.language_model.line_encoder import LineEncoder
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.reading import stacked
from seq2seq.tasks.language_model.scoring import LineScorer
from seq2seq.tasks.language_model.stateful import StatefulLanguageModel
from seq2seq.text import Tokenizer


def language_model_calls(
    model: LanguageModel,
    tokenizer: Tokenizer,
    search: SearchConfig,
    texts: Sequence[str],
    limits: ExportConfig,
    *,
    in_graph: bool,
) -> list[Call]:
    """Calls of every signature, with the checkpoint's answers; lines that are too long for a request are left out.

    Args:
      texts: whole lines, from whose beginnings the model goes on.
      limits: of requests, and how many lines to ask about; all of them are tokenised.
      Others as for :class:`seq2seq.tasks.language_model.serving_module.LanguageModelModule`.
    """
    other_search, options = another_search(search, limits)
    size = batch_size(limits, other_search.beam_width)
    default, other = (_Searcher(model, tokenizer, each) for each in (search, other_search))
    lines = [texts[row] for row in _within(texts, tokenizer.encode(texts), limits)][: limits.examples]
    prompts = [beginning(line) for line in lines]
    rows = list(range(len(lines)))
    scorer = LineScorer(model, tokenizer, size)
    calls: list[Call] = []
    for batch in batches(rows, size):
        some = [prompts[row] for row in batch]
        if in_graph:
            calls.append(Call("generate", {"text": some}, default.texts(some)))
        else:
            calls.append(Call("generate_tokens", _tokens(some, tokenizer), default.tokens(some)))
    hostile = [text[:60] for text in HOSTILE]
    hostile = [hostile[row] for row in _within(hostile, tokenizer.encode(hostile), limits)]
    for batch in few(rows, size):
        some, given = [prompts[row] for row in batch], _tokens([prompts[row] for row in batch], tokenizer)
        given["ids"] = np.pad(given["ids"], [(0, 0), (0, 3)], constant_values=-1)
        wide = {**given, **options}
        calls.append(Call("generate_tokens" if in_graph else "serving_default", given, default.tokens(some)))
        calls.append(Call("generate_tokens_with_options", wide, other.tokens(some)))
        if in_graph:
            calls.append(Call("serving_default", {"text": some}, default.texts(some)))
            calls.append(Call("generate_with_options", {"text": some, **options}, other.texts(some)))
    encode = tf.function(
        LineEncoder(model, tokenizer.start_id).encode, input_signature=PROMPT_SPECS, autograph=False
    )
    for batch in few([row for row in rows if lines[row]], size):
        given = _tokens([lines[row] for row in batch], tokenizer)
        calls.append(Call("encode", given, encoded_outputs(encode(*given.values()))))
    for some in [[lines[row] for row in batch] for batch in few(rows, size)] + [[text] for text in hostile]:
        calls += _score_calls(scorer, tokenizer, some, in_graph=in_graph)
    ids = tokenizer.encode(lines)
    for batch in few(rows, size):
        calls += stateful_calls(model, tokenizer, [ids[row] for row in batch])
    if in_graph:
        calls += [Call("generate", {"text": [text]}, default.texts([text])) for text in hostile]
        calls += tokenizer_calls(tokenizer, texts, limits)
    return calls


class _Searcher:
    """What a search answers, as an export says it."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, search: SearchConfig) -> None:
        generator = Generator(model, tokenizer, search)
        self._find = tf.function(generator.find, input_signature=PROMPT_SPECS, autograph=False)
        self._tokenizer = tokenizer

    def _result(self, prompts: Sequence[str]) -> tuple[list[list[int]], SearchResult]:
        ids = self._tokenizer.encode(prompts)
        started = [[self._tokenizer.start_id, *row] for row in ids]
        return ids, self._find(*padded_rows(started, self._tokenizer.pad_id))

    def texts(self, prompts: Sequence[str]) -> dict[str, Any]:
        begun, result = self._result(prompts)
        n_best = [
            self._tokenizer.decode([[*prompt, *row[:length]] for row, length in zip(rows.tolist(), lengths)])
            for prompt, rows, lengths in zip(begun, result.ids.numpy(), result.lengths.numpy())
        ]
        return {"text": [some[0] for some in n_best], "n_best": n_best, "scores": result.scores.numpy()}

    def tokens(self, prompts: Sequence[str]) -> dict[str, Any]:
        _, result = self._result(prompts)
        return {**self.texts(prompts), "ids": result.ids.numpy(), "lengths": result.lengths.numpy()}


def _score_calls(
    scorer: LineScorer, tokenizer: Tokenizer, lines: Sequence[str], *, in_graph: bool
) -> list[Call]:
    found = list(scorer(lines))
    given = _tokens(lines, tokenizer)
    log_probs = np.zeros([len(lines), given["ids"].shape[1] + 1], np.float32)
    for row, line in zip(log_probs, found):
        row[: len(line.log_probs)] = line.log_probs
    expected = {"log_prob": log_probs.sum(axis=1), "token_log_probs": log_probs}
    calls = [Call("score_tokens", given, expected)]
    return [*calls, Call("score", {"text": list(lines)}, expected)] if in_graph else calls


def stateful_calls(
    model: LanguageModel, tokenizer: Tokenizer, lines: Sequence[Sequence[int]]
) -> Iterator[Call]:
    """Lines read in two pieces, and what may come after each of them, from state to state."""
    reader = StatefulLanguageModel(model, tokenizer, len(lines))
    for pieces in ([ids[:2] for ids in lines], [[*ids[2:], tokenizer.end_id] for ids in lines]):
        ids, lengths = padded_rows(pieces, tokenizer.pad_id)
        given = {"ids": ids, "lengths": lengths, **state_arrays(reader)}
        scores = reader.score_next_ids(pieces)
        log_probs = np.zeros(ids.shape, np.float32)
        for row, its in zip(log_probs, scores):
            row[: len(its)] = its
        scored = {"log_prob": log_probs.sum(axis=1), "token_log_probs": log_probs}
        before = state_arrays(reader)
        yield Call("score_next", given, {**scored, **before})
        step = reader.generate_step()
        found = {"log_probs": step.log_probs, "likeliest": step.ids}
        yield Call("generate_step", before, {**found, **state_arrays(reader)})


def state_arrays(reader: StatefulLanguageModel) -> dict[str, np.ndarray]:
    return {name: part.numpy() for name, part in stacked(reader.state)._asdict().items()}


def _tokens(texts: Sequence[str], tokenizer: Tokenizer) -> dict[str, Any]:
    return dict(zip(("ids", "lengths"), padded_rows(tokenizer.encode(texts), tokenizer.pad_id)))


def _within(
    texts: Sequence[str], ids: Sequence[Sequence[int]], limits: ExportConfig, extra: int = 3
) -> Iterator[int]:
    """The rows that a request may have, with so many columns of padding more."""
    for row, (text, its) in enumerate(zip(texts, ids)):
        if len(its) + extra <= limits.max_tokens and len(text.encode()) <= limits.max_bytes:
            yield row
