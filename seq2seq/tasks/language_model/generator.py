"""Text in, longer text out: a language model goes on where a line stops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.errors import require_several
from seq2seq.search import SearchResult
from seq2seq.state import States
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.scoring import predict_started, tokens_of
from seq2seq.tasks.searching import hypotheses, search_targets
from seq2seq.text.tokenizer import Tokenizer

PROMPT_SPECS = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32))
"""Ids ``[B, P]``, each row with the start before it, and lengths ``[B]``, the start counted."""


class Prediction(NamedTuple):
    """How a line may go on.

    Attributes:
      texts: the line with what comes after it, best first.
      scores: one per text, the search's penalised log-probability of what comes after the line.
    """

    texts: list[str]
    scores: list[float]


class Begun(NamedTuple):
    """Where a search in the middle of a line stands.

    Attributes:
      states: after what was read.
      unread: ``[N]`` int32: the last token of the prompt, which is read first; -1 once it was.
    """

    states: States
    unread: tf.Tensor


class PromptMemory(NamedTuple):
    """What a search keeps of prompts: ``mask`` ``[B, P]`` bool, their tokens."""

    mask: tf.Tensor


class PromptedModel:
    """A language model that has read prompts, as ``search_targets`` wants it.

    Args:
      model: with its weights.
      ids: ``[B, P]`` int32, prompts with the start before them.
      length: ``[B]`` int32, from 1 to P.
    """

    def __init__(self, model: LanguageModel, ids: tf.Tensor, length: tf.Tensor) -> None:
        self.masking = model.masking
        self._model = model
        self._unread = tf.gather(ids, length - 1, batch_dims=1)
        # All but the last token, whatever the policy of masking: that of padding is not what is meant.
        self.encoded: EncoderOutput = model.encoder(model.embedding(ids), length - 1)

    def by_member(self, encoded: EncoderOutput) -> list[Any]:
        """See ``EncoderDecoder.by_member``."""
        return []

    def start(self, encoded: EncoderOutput) -> tuple[Begun, PromptMemory]:
        """State and memory that a search begins with."""
        mask = tf.sequence_mask(encoded.memory_length, tf.shape(encoded.memory)[1])
        return Begun(encoded.states, self._unread), PromptMemory(mask)

    def step(self, ids: tf.Tensor, state: Begun, memory: PromptMemory) -> tuple[tf.Tensor, Begun, None]:
        """One step; the first one reads the end of the prompt in place of ``ids``."""
        ids = tf.where(state.unread >= 0, state.unread, ids)
        logits, states = self._model.step(ids, state.states)
        return logits, Begun(states, tf.fill(tf.shape(ids), -1)), None


class Generator:
    """Goes on with lines; one graph serves every batch.

    Args:
      model: with its weights.
      tokenizer: of the model.
      search: how to search; lengths are relative to that of a line.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, search: SearchConfig) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.search = search
        self._graph = tf.function(self.find, input_signature=PROMPT_SPECS, autograph=False)

    def find(self, ids: tf.Tensor, length: tf.Tensor) -> SearchResult:
        """The search as part of a graph; see ``PROMPT_SPECS``."""
        prompted = PromptedModel(self.model, ids, length)
        return search_targets(prompted, prompted.encoded, length - 1, self.tokenizer, self.search)

    def generate_batch(self, batch: Batch) -> list[Prediction]:
        """Goes on with the sources of a batch, which begin with the start, in its order."""
        result = self._graph(batch.source_ids, batch.source_length)
        found = hypotheses(result, self.search.n_best)
        return [
            Prediction(self.tokenizer.decode([prompt + row for row in rows]), scores)
            for prompt, (rows, scores) in zip(tokens_of(batch), found)
        ]

    def predict(self, lines: Iterable[str]) -> Iterator[Prediction]:
        """Goes on with any number of lines, an empty one from its start; in their order, as they arrive."""
        require_several(lines, "lines")
        return predict_started(lines, self.generate_batch, self.tokenizer, self.search.batch_size)

    def predict_index(self, index: PairIndex, rows: Sequence[int] | None = None) -> list[Prediction]:
        """The same for the lines of an index that holds their text, or the given rows of it."""
        chosen = np.arange(len(index)) if rows is None else np.asarray(rows)
        return list(self.predict(index.target.texts(chosen)))
