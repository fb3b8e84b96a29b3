"""Text that is read on and on: what a language model says of the next tokens, and the state after them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.datasets.arriving import chunks
from seq2seq.datasets.batches.windows import TokenSequence
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.state import LSTMState, States
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


class StateArrays(NamedTuple):
    """The same as arrays that can be kept and sent: ``last`` ``[B]``, ``h`` and ``c`` ``[B, L, D]``, L layers."""

    last: tf.Tensor
    h: tf.Tensor
    c: tf.Tensor


def stacked(state: ReadingState) -> StateArrays:
    h, c = (tf.stack(parts, axis=1) for parts in zip(*state.layers))
    return StateArrays(state.last, h, c)


def unstacked(arrays: StateArrays) -> ReadingState:
    h, c = (tf.unstack(part, axis=1) for part in (arrays.h, arrays.c))
    return ReadingState(arrays.last, tuple(map(LSTMState, h, c)))


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


def next_log_probs(model: LanguageModel, state: ReadingState) -> tuple[tf.Tensor, States]:
    """``[B, V]`` float32: the log-probabilities of what may come next, in nats; and the layers' states then, to which
    the token that is taken makes the next state."""
    logits, layers = model.step(state.last, state.layers)
    return tf.nn.log_softmax(tf.cast(logits, tf.float32)), layers


def likeliest_next(log_probs: tf.Tensor, tokenizer: Tokenizer) -> tf.Tensor:
    """``[B]`` int32: the likeliest token of each row ``[B, V]``, neither padding nor the start of a line."""
    never = tf.one_hot(
        [tokenizer.pad_id, tokenizer.start_id], log_probs.shape[-1], on_value=True, off_value=False
    )
    return tf.argmax(tf.where(tf.reduce_any(never, axis=0), log_probs.dtype.min, log_probs), -1, tf.int32)


class StreamScorer:
    """Scores a text as one sequence, a window at a time, whose state is carried; one graph serves all windows.

    Args:
      model: with its weights.
      tokenizer: of the model.
      window: tokens that are scored at once.

    Attributes:
      exact: whether windows decide something, so that none but the last may have fewer tokens; lines that arrive then
        wait for a window to be full.
    """

    exact: ClassVar[bool] = False

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

    def _restart(self) -> ReadingState:
        """Before the first token of a text."""
        return self._begin

    def line_log_probs(self, index: PairIndex) -> np.ndarray:
        """``[N]`` float64: of each line of an index given those before it, its end included, in nats."""
        sequence, state = TokenSequence(index.target, self._tokenizer), self._restart()
        log_probs = np.zeros(len(index.target.lengths))
        for start in range(0, len(sequence), self._window):
            positions = np.arange(start, min(start + self._window, len(sequence)))
            found, state = self._graph(tf.constant(sequence.tokens(positions)[np.newaxis]), state)
            np.add.at(log_probs, sequence.lines(positions), found[0].numpy())
        return log_probs

    def __call__(self, lines: Iterable[str]) -> Iterator[LineScore]:
        """Of any number of lines, each given those before it; in their order, as they arrive."""
        end_id, state = self._tokenizer.end_id, self._restart()
        rows: deque[list[int]] = deque()  # that have no score yet
        unscored: list[int] = []
        scored: list[float] = []
        arrived = chunks(lines, max_items=CHUNK_LINES, size=len, max_size=CHUNK_CHARACTERS)
        for chunk in chain(arrived, [[]]):  # the last, empty, is the end
            for ids in self._tokenizer.encode(chunk):
                rows.append([*ids, end_id])
                unscored += rows[-1]
            left = len(unscored) % self._window if self.exact and chunk else 0
            tokens = np.array(unscored[: len(unscored) - left], np.int32)
            del unscored[: len(tokens)]
            for start in range(0, len(tokens), self._window):
                found, state = self._graph(
                    tf.constant(tokens[np.newaxis, start : start + self._window]), state
                )
                scored += found[0].numpy().tolist()
            while rows and len(rows[0]) <= len(scored):
                row = rows.popleft()
                yield LineScore(self._tokenizer.pieces(row), np.array(scored[: len(row)], np.float32))
                del scored[: len(row)]


class DynamicScorer(StreamScorer):
    """Dynamic evaluation (Krause et al. 2018, arXiv:1709.07432, section 4, by plain gradient descent): once a window is
    scored, the model learns from it: ``weights -= learning_rate · gradient`` of its mean loss, without dropout.

    Args:
      model: with its weights, which stay as they are.
      copy: built as the model is; with each text it begins again from the model's weights, and learns.
      tokenizer: of the model.
      window: tokens between two updates.
      learning_rate: above 0.
    """

    exact = True

    def __init__(
        self,
        model: LanguageModel,
        copy: LanguageModel,
        tokenizer: Tokenizer,
        *,
        window: int,
        learning_rate: float,
    ) -> None:
        super().__init__(copy, tokenizer, window)
        self._original = model
        self._learning_rate = learning_rate

    def _restart(self) -> ReadingState:
        for variable, original in zip(self._model.variables, self._original.variables):
            variable.assign(original)
        return super()._restart()

    def _read(self, ids: tf.Tensor, state: ReadingState) -> tuple[tf.Tensor, ReadingState]:
        variables = self._model.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            log_probs, state = super()._read(ids, state)
            loss = -tf.reduce_mean(log_probs)
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        for variable, gradient in zip(variables, gradients):
            variable.assign_sub(self._learning_rate * tf.convert_to_tensor(gradient))
        return log_probs, state
