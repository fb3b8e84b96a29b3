"""Text that is read on and on: what a language model says of the next tokens, and the state after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.arriving import chunks
from seq2seq.datasets.batches.windows import TokenSequence
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.state import States
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.scoring import LineScore, log_probs_of
from seq2seq.text.tokenizer import Tokenizer

WINDOW = 256
"""Tokens that are scored at once."""

CHUNK_LINES, CHUNK_CHARACTERS = 1_000, 100_000
"""Lines that have arrived, and are tokenised and scored together."""


class ReadingState(NamedTuple):
    """Where each of B texts stands: a TensorFlow nest.

    Attributes:
      last: ``[B]`` int32, the token that is read before the next one is predicted: the last one, or the start where a
        line is to begin.
      layers: after the tokens before that.
    """

    last: tf.Tensor
    layers: States


def begin_reading(model: LanguageModel, tokenizer: Tokenizer, batch_size: tf.Tensor | int) -> ReadingState:
    """The state of so many texts of which nothing was read."""
    return ReadingState(tf.fill([batch_size], tokenizer.start_id), model.start(batch_size))


def started(tokens: tf.Tensor, tokenizer: Tokenizer) -> tf.Tensor:
    """What is read after tokens: themselves, and after the end of a line the start of the next."""
    return tf.where(tokens == tokenizer.end_id, tokenizer.start_id, tokens)


def score_next(
    model: LanguageModel, tokenizer: Tokenizer, ids: tf.Tensor, length: tf.Tensor, state: ReadingState
) -> tuple[tf.Tensor, ReadingState]:
    """The log-probabilities of the next tokens, given all that was read, and the state after them.

    Args:
      ids: ``[B, T]`` int32, ends of lines among them, T at least 1.
      length: ``[B]`` int32 from 0 to T; whatever the policy of masking, a row of length 0 keeps its state.
      state: of the B texts.

    Returns:
      ``[B, T]`` float32 in nats, 0 past the length; the next state.
    """
    inputs = tf.concat([state.last[:, tf.newaxis], started(ids[:, :-1], tokenizer)], axis=1)
    encoded = model.encoder(model.embedding(inputs), length, state.layers)
    log_probs = log_probs_of(model, encoded.memory, ids, length)
    newest = tf.gather(ids, tf.maximum(length - 1, 0), batch_dims=1)
    last = tf.where(length > 0, started(newest, tokenizer), state.last)
    return log_probs, ReadingState(last, encoded.states)


class StreamScorer:
    """Scores a text as one sequence, a window at a time, whose state is carried; one graph serves all windows.

    Args:
      model: with its weights.
      tokenizer: of the model.
      window: tokens that are scored at once, which decides nothing.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, window: int = WINDOW) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._window = window
        self._begin = begin_reading(model, tokenizer, 1)
        specs = tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape, part.dtype), self._begin)
        self._graph = tf.function(
            self._read, input_signature=[tf.TensorSpec([1, None], tf.int32), specs], autograph=False
        )

    def _read(self, ids: tf.Tensor, state: ReadingState) -> tuple[tf.Tensor, ReadingState]:
        return score_next(self._model, self._tokenizer, ids, tf.shape(ids)[1:], state)

    def line_log_probs(self, index: PairIndex) -> np.ndarray:
        """``[N]`` float64: of each line of an index given those before it, its end included, in nats."""
        sequence, state = TokenSequence(index.target, self._tokenizer), self._begin
        log_probs = np.zeros(len(index.target.lengths))
        for start in range(0, len(sequence), self._window):
            positions = np.arange(start, min(start + self._window, len(sequence)))
            found, state = self._graph(tf.constant(sequence.tokens(positions)[np.newaxis]), state)
            np.add.at(log_probs, sequence.lines(positions), found[0].numpy())
        return log_probs

    def __call__(self, lines: Iterable[str]) -> Iterator[LineScore]:
        """Of any number of lines, each given those before it; in their order, as they arrive."""
        end_id, state = self._tokenizer.end_id, self._begin
        for chunk in chunks(lines, max_items=CHUNK_LINES, size=len, max_size=CHUNK_CHARACTERS):
            rows = [[*ids, end_id] for ids in self._tokenizer.encode(chunk)]
            tokens, log_probs = np.concatenate(rows).astype(np.int32), []
            for start in range(0, len(tokens), self._window):
                found, state = self._graph(
                    tf.constant(tokens[np.newaxis, start : start + self._window]), state
                )
                log_probs.append(found[0].numpy())
            ends = np.cumsum([len(row) for row in rows])[:-1]
            for row, its in zip(rows, np.split(np.concatenate(log_probs), ends)):
                yield LineScore(self._tokenizer.pieces(row), its)
