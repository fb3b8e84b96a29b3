"""A language model that remembers what it has read, for programs: several texts side by side, a call after another."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError, require_several
from seq2seq.files import write_atomically
from seq2seq.state import check_stack, reset_rows
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.reading import (
    WINDOW,
    ReadingState,
    StateArrays,
    begin_reading,
    next_log_probs,
    score_next,
    stacked,
    started,
    unstacked,
)
from seq2seq.text.tokenizer import Tokenizer


class Step(NamedTuple):
    """The next token of each row.

    Attributes:
      ids: ``[B]`` int32.
      log_probs: ``[B, V]`` float32 of all tokens, in nats, whichever was taken.
    """

    ids: np.ndarray
    log_probs: np.ndarray


class StatefulLanguageModel:
    """Reads B texts on and on: each call goes on where the last one stopped.

    Args:
      model: with its weights.
      tokenizer: of the model.
      batch_size: B, texts that are read side by side; a state of other rows changes it.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, batch_size: int = 1) -> None:
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size}: must be at least 1")
        self._model = model
        self._tokenizer = tokenizer
        self._state = begin_reading(model, tokenizer, batch_size)
        specs = tf.nest.map_structure(
            lambda part: tf.TensorSpec([None, *part.shape[1:]], part.dtype), self._state
        )
        ids, length = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
        self._score = tf.function(
            lambda *given: score_next(model, tokenizer, *given),
            input_signature=[ids, length, specs],
            autograph=False,
        )
        self._next = tf.function(
            lambda state: next_log_probs(model, state), input_signature=[specs], autograph=False
        )

    @property
    def batch_size(self) -> int:
        return int(self._state.last.shape[0])

    @property
    def state(self) -> ReadingState:
        """Where each row stands: ``last`` ``[B]`` int32, the token that is read next, and ``layers``, an ``LSTMState``
        of each; set it to go on from another, of any number of rows.

        Raises:
          UserError: of what cannot be a state of this model.
        """
        return self._state

    @state.setter
    def state(self, state: ReadingState) -> None:
        last = tf.convert_to_tensor(state.last)
        if last.dtype != tf.int32 or last.shape.rank != 1 or not last.shape[0]:
            raise UserError(
                f"state.last is {last.dtype.name} {last.shape}; it must be int32 [B], a token of each row."
            )
        self._check_ids(last.numpy(), "state.last")
        sizes = self._model.encoder.state_sizes
        layers = check_stack(
            state.layers,
            units=[size.c for size in sizes],
            output_sizes=[size.h for size in sizes],
            batch_size=last.shape[0],
            dtype=tf.float32,
            name="state.layers",
        )
        self._state = ReadingState(last, tf.nest.map_structure(tf.convert_to_tensor, layers))

    def reset_states(self, rows: Sequence[int] | None = None) -> None:
        """Lets some rows, or all of them, begin a new text.

        Raises:
          UserError: there is no such row.
        """
        begun = np.zeros(self.batch_size, bool)
        begun[self._rows(rows)] = True
        self._state = reset_rows(
            self._state, tf.constant(begun), begin_reading(self._model, self._tokenizer, self.batch_size)
        )

    def score_next(self, texts: Sequence[str], rows: Sequence[int] | None = None) -> list[np.ndarray]:
        """Reads on, and says how likely that was: for each text ``[T]`` float32, the log-probability of each of its
        tokens given all that its row has read, in nats.

        Args:
          texts: what comes next in each row, which may be nothing. A line break ends a line; a text is tokenised by
            itself, so that it should begin and end where words do.
          rows: that these are of, each at most once, the others wait; None: all of them.

        Raises:
          TypeError: one text instead of several.
          UserError: not a text for each row, or no such row.
        """
        require_several(texts, "texts")
        return self.score_next_ids([self._tokens(text) for text in texts], rows)

    def score_next_ids(
        self, ids: Sequence[Sequence[int]], rows: Sequence[int] | None = None
    ) -> list[np.ndarray]:
        """The same of tokens, the ends of lines among them."""
        places = self._rows(rows)
        if len(ids) != len(places):
            raise UserError(f"{len(ids)} texts were given for {len(places)} rows; give one for each.")
        lengths = np.array([len(row) for row in ids], np.int32)
        filled = np.full([len(ids), int(lengths.max(initial=0))], self._tokenizer.pad_id, np.int32)
        for row, its in zip(filled, ids):
            self._check_ids(np.asarray(its, np.int64), "ids")
            row[: len(its)] = its
        state = tf.nest.map_structure(lambda part: tf.gather(part, places), self._state)
        scores = np.zeros(filled.shape, np.float32)
        for start in range(0, filled.shape[1], WINDOW):
            window = filled[:, start : start + WINDOW]
            length = np.clip(lengths - start, 0, window.shape[1])
            scores[:, start : start + WINDOW], state = self._score(window, length, state)
        self._state = tf.nest.map_structure(
            lambda part, now: tf.tensor_scatter_nd_update(part, places[:, np.newaxis], now),
            self._state,
            state,
        )
        return [row[:length] for row, length in zip(scores, lengths)]

    def generate_step(self, draw: np.random.Generator | None = None, temperature: float = 1.0) -> Step:
        """Writes one token more in every row.

        Args:
          draw: what draws it; None: the likeliest is taken. Who chooses otherwise from ``log_probs``, sets
            ``state.last``.
          temperature: above 0; below 1 prefers likely tokens.

        Raises:
          UserError: a temperature that is not above 0.
        """
        if temperature <= 0.0:
            raise UserError(
                f"temperature={temperature:g}: must be above 0; without draw the likeliest is taken."
            )
        found, layers = self._next(self._state)
        log_probs = found.numpy()
        scores = log_probs.copy()
        scores[:, [self._tokenizer.pad_id, self._tokenizer.start_id]] = -np.inf
        if draw is not None:  # the largest is a draw, by Gumbel's noise
            scores = scores / temperature + draw.gumbel(size=scores.shape)
        ids = scores.argmax(axis=1).astype(np.int32)
        self._state = ReadingState(started(tf.constant(ids), self._tokenizer), layers)
        return Step(ids, log_probs)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The texts of tokens, a line break at each end of a line."""
        end_id = self._tokenizer.end_id
        texts = []
        for row in ids:
            ends = [n for n, token in enumerate(row) if token == end_id]
            bounds = zip([0, *(end + 1 for end in ends)], [*ends, len(row)])
            texts.append("\n".join(self._tokenizer.decode([list(row[start:end]) for start, end in bounds])))
        return texts

    def save_state(self, path: str | Path) -> None:
        """Writes the state as NumPy's ``.npz``: ``last`` ``[B]``, ``h`` and ``c`` ``[B, L, D]``, as an export has them.

        Raises:
          UserError: it cannot be written; what was there before still is.
        """
        content = io.BytesIO()
        np.savez(content, **stacked(self._state)._asdict())
        write_atomically(Path(path), content.getvalue())

    def load_state(self, path: str | Path) -> None:
        """Goes on from a state that was saved, of any number of rows.

        Raises:
          UserError: it is none, or one of another model.
        """
        try:
            with np.load(path) as arrays:
                state = StateArrays(**{name: arrays[name] for name in StateArrays._fields})
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path}: holds no state, {', '.join(StateArrays._fields)} as save_state writes them"
            ) from error
        if state.h.ndim != 3 or state.c.ndim != 3:
            raise UserError(f"{path}: h and c must be [B, layers, units]")
        self.state = unstacked(state)

    # --- what is given ---

    def _tokens(self, text: str) -> list[int]:
        first, *others = self._tokenizer.encode(text.split("\n"))
        return [*first, *(token for ids in others for token in (self._tokenizer.end_id, *ids))]

    def _rows(self, rows: Sequence[int] | None) -> np.ndarray:
        places = np.arange(self.batch_size) if rows is None else np.asarray(rows, np.int64).reshape(-1)
        if len(set(places.tolist())) < len(places) or not all(0 <= row < self.batch_size for row in places):
            raise UserError(
                f"rows={list(rows or ())}: must be from 0 to {self.batch_size - 1}, each once at most"
            )
        return places

    def _check_ids(self, ids: np.ndarray, name: str) -> None:
        size = self._tokenizer.vocabulary_size
        if (wrong := ids[(ids < 0) | (ids >= size)]).size:
            raise UserError(f"{name}: {wrong[0]} is no token; they are from 0 to {size - 1}")
