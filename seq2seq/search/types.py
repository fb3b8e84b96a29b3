"""What search exchanges with its callers: the step it drives, the scorers it adds, the result it returns.

B sentences with K hypotheses each make N = B·K rows; row b·K + k is hypothesis k of sentence b.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Protocol

import tensorflow as tf

from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.text.tokenizer import Tokenizer

Nest = Any
"""A tensor, or any nest of them that ``tf.nest`` knows (tuple, NamedTuple, list, dict, ``()`` for none)."""

StepFunction = Callable[[tf.Tensor, Nest, Nest], tuple[tf.Tensor, Nest, Optional[tf.Tensor]]]
"""``(ids [N] int32, state, memory) → (logits [N, V], next_state, alignments [N, S] | None)``.

- ``ids`` are the tokens chosen last (``start_id`` at first); ``state`` is a nest of [N, …] tensors and
  ``next_state`` has its structure, dtypes and inner shapes; ``memory`` is a nest of [N, …] tensors that stays
  the same during a search (encoder outputs, keys, mask). Callers pass both as [B, …]; the search repeats
  them.
- The logits are *not* normalised: the search takes the log-softmax of the few candidates it keeps, which
  saves two passes over [N, V]. Log-probabilities are logits too, so a step that returns them is right as
  well.
- N shrinks while the search runs (finished sentences leave) and must be read from ``tf.shape(ids)``.
- V must be known when the graph is made.
"""


class Scorer(Protocol):
    """Something besides the model that scores every next token: a language model, a CTC prefix score.

    ``initial_state`` and ``memory`` are nests of [B, …] tensors, ``()`` for none, treated as those of the
    model are: state follows its hypothesis, memory its sentence.
    """

    initial_state: Nest
    memory: Nest

    def score(self, ids: tf.Tensor, state: Nest, memory: Nest) -> tuple[tf.Tensor, Nest]:
        """``(ids [N] int32, state, memory) → (scores [N, V] float32, next_state)``; see StepFunction.

        The scores are added as they are, weight and normalisation included, to the model's log-probabilities.
        They should not be positive: a search ends when scores that can only fall are too low to matter.
        """
        ...


class ScorerInputs(NamedTuple):
    """What a scorer of ``seq2seq.config.tables.SCORERS`` is made of, once for each batch, in a graph."""

    encoded: EncoderOutput
    """What the model knows of the sources."""
    tokenizer: Tokenizer
    """Of the targets."""
    weight: float
    """What its scores are to be multiplied by."""


class SpecialIds(NamedTuple):
    """The tokens a search needs to know; ``start`` and ``pad`` are never emitted, ``end`` never returned."""

    start: int
    end: int
    pad: int


class ScoreParts(NamedTuple):
    """What the scores of hypotheses are made of: ``score = Σ summed / length_penalty + coverage``."""

    summed: dict[str, tf.Tensor]
    """[B, K] float32 each, with its weight: log-probabilities of the model, and what each scorer adds to them."""
    members: tuple[tf.Tensor, ...]
    """[B, K] float32 each: log-probabilities of the models of an ensemble, whose mean at each token decides."""
    length_penalty: tf.Tensor
    """[B, K] float32, the divisor."""
    coverage: tf.Tensor
    """[B, K] float32, never positive."""


class SearchResult(NamedTuple):
    """The K best hypotheses of each sentence, best first.

    Where fewer than K exist (tiny vocabularies and limits) the rest have length 0 and the lowest float32 as
    score.
    """

    ids: tf.Tensor
    """[B, K, T] int32 without the end, ``pad`` past the length; T is the longest length, or 1."""
    lengths: tf.Tensor
    """[B, K] int32, without the end."""
    scores: tf.Tensor
    """[B, K] float32: the sum of the log-probabilities and scorers, with penalties."""
    log_probs: tf.Tensor
    """[B, K] float32: the same sum without penalties."""
    alignments: tf.Tensor | None
    """[B, K, T, S] float32: attention as each token was chosen, 0 past the length; None unless asked for."""
    parts: Any = ()
    """`ScoreParts`; () unless asked for."""
