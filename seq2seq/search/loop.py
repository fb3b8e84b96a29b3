"""The one loop of greedy, beam and sampling search."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from seq2seq.layers.log_zero import MIN_SCORE
from seq2seq.search import penalties
from seq2seq.search.candidates import Candidates, CandidateSelector, Expansion
from seq2seq.search.history import History
from seq2seq.search.penalties import LengthPenalty, average_length_penalty
from seq2seq.search.top_k import static_width
from seq2seq.search.types import Nest, Scorer, SearchResult, SpecialIds, StepFunction

_LEAVE_AT = 0.75  # sentences are dropped once no more than this share of them is still searched


class _Finished(NamedTuple):
    """The K best hypotheses of each sentence that are not extended any more, [R, K] each, best first."""

    scores: tf.Tensor  # float32, penalised; MIN_SCORE where there is none yet
    log_probs: tf.Tensor  # float32
    lengths: tf.Tensor  # int32, without the end
    slots: tf.Tensor  # int32, their place among the hypotheses alive after step length - 1


class _Alive(NamedTuple):
    """The K hypotheses of each sentence that may be extended, [R, K] each, best first."""

    log_probs: tf.Tensor  # float32; MIN_SCORE where there is none
    scores: tf.Tensor  # float32, penalised as if they ended here
    tokens: tf.Tensor  # int32, chosen last
    parents: tf.Tensor  # int32, their places before


class _Sentences(NamedTuple):
    """What belongs to a sentence: [R, …], R of the B sentences are still searched."""

    place: tf.Tensor  # [R] int32, in the batch that was given
    max_length: tf.Tensor  # [R] int32
    min_length: tf.Tensor  # [R] int32
    log_probs: tf.Tensor  # [R, K] float32 of the hypotheses alive, best first; MIN_SCORE where there is none
    finished: _Finished


class _Rows(NamedTuple):
    """What belongs to a hypothesis alive: [N, …], N = R·K."""

    ids: tf.Tensor  # [N] int32, chosen last
    states: tuple[Nest, ...]  # of the model and of each scorer
    memories: tuple[Nest, ...]
    coverage: Nest  # [N, S] float32 and its mask [N, S] bool; () without coverage penalty


class SearchOptions(NamedTuple):
    """What the loop is told besides the model; see :func:`seq2seq.search.beam_search` for what is not said here."""

    width: int | tf.Tensor
    """K."""
    max_length: tf.Tensor
    min_length: int | tf.Tensor = 0
    independent: bool = False
    """The K hypotheses start as K of a kind (samples) instead of as one."""
    length_penalty: float | tf.Tensor = 0.0
    length_penalty_function: LengthPenalty = average_length_penalty
    coverage_penalty: float = 0.0
    memory_mask: tf.Tensor | None = None
    model_weight: float = 1.0
    stop_early: bool = True
    static_steps: int | None = None
    return_alignments: bool = False


def search(
    step: StepFunction,
    select: CandidateSelector,
    options: SearchOptions,
    *,
    state: Nest,
    memory: Nest,
    special_ids: SpecialIds,
    scorers: Sequence[Scorer] = (),
) -> SearchResult:
    """Extends K hypotheses of each sentence by what ``select`` picks until none is worth extending; arguments as for
    :func:`seq2seq.search.beam_search`."""
    if options.coverage_penalty and options.memory_mask is None:
        raise ValueError("a coverage penalty needs memory_mask")
    max_length = tf.maximum(tf.convert_to_tensor(options.max_length, tf.int32), 1)
    loop = _Loop(step, select, options._replace(max_length=max_length), special_ids, scorers)
    return loop.run(state, memory)


class _Loop(NamedTuple):
    """A search that is about to begin."""

    model_step: StepFunction
    select: CandidateSelector
    options: SearchOptions
    special_ids: SpecialIds
    scorers: Sequence[Scorer]

    def run(self, state: Nest, memory: Nest) -> SearchResult:
        options = self.options
        sentences = self._start()
        steps = options.static_steps or tf.maximum(tf.reduce_max(options.max_length), 1)
        loop_vars = (
            tf.constant(0),
            sentences,
            self._first_rows(state, memory),
            sentences.finished,
            History.empty(steps, options.width, options.return_alignments),
        )
        _, sentences, _, result, history = tf.while_loop(
            lambda time, sentences, *_: (time == 0) | tf.reduce_any(sentences.log_probs > MIN_SCORE),
            self._advance,
            loop_vars,
            shape_invariants=tf.nest.map_structure(any_row_count, loop_vars),
            maximum_iterations=steps,
        )
        result = _store(result, sentences)
        exists = result.scores > MIN_SCORE
        lengths = tf.where(exists, result.lengths, 0)
        longest = options.static_steps or tf.maximum(tf.reduce_max(lengths), 1)
        ids, alignments = history.trace(lengths, result.slots, self.special_ids.pad, steps=longest)
        log_probs = tf.where(exists, result.log_probs, MIN_SCORE)
        return SearchResult(ids, lengths, result.scores, log_probs, alignments)

    def _start(self) -> _Sentences:
        options, batch_size = self.options, tf.shape(self.options.max_length)[0]
        nothing = tf.zeros([batch_size, options.width], tf.int32)
        impossible = tf.fill([batch_size, options.width], MIN_SCORE)
        one_alive = tf.concat([tf.zeros([batch_size, 1]), impossible[:, 1:]], axis=1)
        return _Sentences(
            place=tf.range(batch_size),
            max_length=options.max_length,
            min_length=tf.broadcast_to(tf.convert_to_tensor(options.min_length, tf.int32), [batch_size]),
            log_probs=tf.zeros_like(impossible) if options.independent else one_alive,
            finished=_Finished(impossible, impossible, nothing, nothing),
        )

    def _first_rows(self, state: Nest, memory: Nest) -> _Rows:
        options, mask = self.options, self.options.memory_mask
        per_sentence = _Rows(
            ids=tf.fill([tf.shape(options.max_length)[0]], self.special_ids.start),
            states=(state, *(scorer.initial_state for scorer in self.scorers)),
            memories=(memory, *(scorer.memory for scorer in self.scorers)),
            coverage=(tf.zeros_like(mask, tf.float32), mask) if options.coverage_penalty else (),
        )
        return tf.nest.map_structure(lambda values: tf.repeat(values, options.width, axis=0), per_sentence)

    def _advance(
        self, time: tf.Tensor, sentences: _Sentences, rows: _Rows, result: _Finished, history: History
    ) -> tuple[Any, ...]:
        """One step of the loop: every hypothesis alive is extended by a token."""
        options = self.options
        logits, next_state, alignments = self.model_step(rows.ids, rows.states[0], rows.memories[0])
        self._check(logits, alignments)
        additions, states = _add_up(self.scorers, rows)
        coverage, coverage_scores = rows.coverage, tf.zeros_like(sentences.log_probs)
        if options.coverage_penalty:
            coverage = (coverage[0] + alignments, coverage[1])
            penalty = penalties.coverage_penalty(*coverage, options.coverage_penalty)
            coverage_scores = tf.reshape(penalty, [-1, options.width])
        candidates = self.select(
            Expansion(
                tf.cast(logits, tf.float32),
                additions,
                sentences.log_probs,
                self._banned(time, sentences),
                sentences.place,
                time,
                options.model_weight,
            )
        )
        scores = self._penalised(candidates.log_probs, time + 1)
        scores += tf.gather(coverage_scores, candidates.parents, batch_dims=1)
        scores = tf.where(candidates.log_probs > MIN_SCORE, scores, MIN_SCORE)
        alive, finished = update_beams(candidates, scores, sentences, time, self.special_ids.end)
        over = self._over(alive, finished, sentences, time)

        history = history.write(
            time,
            alive.tokens,
            alive.parents,
            tf.reshape(alignments, [-1, options.width, tf.shape(alignments)[1]])
            if options.return_alignments
            else None,
            sentences.place,
            tf.shape(options.max_length)[0],
        )
        follow = functools.partial(_follow, parents=alive.parents)
        next_states = tf.nest.map_structure(restore_static_shape, rows.states, (next_state, *states))
        rows = _Rows(
            ids=tf.reshape(alive.tokens, [-1]),
            states=follow(next_states),
            memories=rows.memories,
            coverage=(follow(coverage[0]), coverage[1]) if options.coverage_penalty else (),
        )
        log_probs = tf.where(over, MIN_SCORE, alive.log_probs)
        sentences = sentences._replace(log_probs=log_probs, finished=finished)
        if options.static_steps is None:
            sentences, rows, result = _drop_finished(sentences, rows, result)
        return time + 1, sentences, rows, result, history

    def _check(self, logits: tf.Tensor, alignments: tf.Tensor | None) -> None:
        if alignments is None and (self.options.return_alignments or self.options.coverage_penalty):
            raise ValueError(
                "alignments or a coverage penalty were asked for, and the step function returns no alignments"
            )
        if logits.shape[1] is None:
            raise ValueError("the logits of a step function need a static vocabulary size")

    def _banned(self, time: tf.Tensor, sentences: _Sentences) -> tf.Tensor:
        """[R, F] int32: tokens that may not be chosen at this step."""
        ids = self.special_ids
        no_end = tf.where(time < sentences.min_length, ids.end, ids.pad)
        always = tf.ones_like(no_end)[:, tf.newaxis] * [[ids.start, ids.pad]]
        return tf.concat([always, no_end[:, tf.newaxis]], axis=1)

    def _over(self, alive: _Alive, finished: _Finished, sentences: _Sentences, time: tf.Tensor) -> tf.Tensor:
        """[R, 1] bool: sentences of which no hypothesis is worth extending."""
        if self.options.stop_early:
            attainable = tf.reduce_max(alive.scores, axis=1, keepdims=True)
        else:
            attainable = self._penalised(alive.log_probs[:, :1], sentences.max_length[:, tf.newaxis])
        at_limit = (time + 1 >= sentences.max_length)[:, tf.newaxis]
        return at_limit | (attainable <= finished.scores[:, -1:])

    def _penalised(self, log_probs: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        penalty = self.options.length_penalty_function(
            tf.cast(length, tf.float32), self.options.length_penalty
        )
        return log_probs / penalty


def _add_up(scorers: Sequence[Scorer], rows: _Rows) -> tuple[tf.Tensor | None, list[Nest]]:
    """The sum of the scorers [N, V], None if there are none, and their next states."""
    additions, states = None, []
    for scorer, state, memory in zip(scorers, rows.states[1:], rows.memories[1:]):
        scores, next_state = scorer.score(rows.ids, state, memory)
        additions = scores if additions is None else additions + scores
        states.append(next_state)
    return additions, states


def update_beams(
    candidates: Candidates, scores: tf.Tensor, sentences: _Sentences, time: tf.Tensor, end: int
) -> tuple[_Alive, _Finished]:
    """Which candidates live on and what has finished by now; ``scores`` [R, C] are penalised."""
    width = static_width(sentences.log_probs)
    is_end = candidates.tokens == end
    log_probs, order = tf.math.top_k(tf.where(is_end, MIN_SCORE, candidates.log_probs), width)  # [R, K]
    tokens, parents, alive_scores = (
        tf.gather(values, order, batch_dims=1) for values in (candidates.tokens, candidates.parents, scores)
    )
    alive_scores = tf.where(log_probs > MIN_SCORE, alive_scores, MIN_SCORE)
    # An end that K others beat is dropped, as any other token would be.
    ended = _Finished(
        tf.where(is_end, scores, MIN_SCORE)[:, :width],
        candidates.log_probs[:, :width],
        tf.fill(tf.shape(log_probs), time),
        candidates.parents[:, :width],
    )
    at_limit = (time + 1 >= sentences.max_length)[:, tf.newaxis]
    cut = _Finished(
        tf.where(at_limit, alive_scores, MIN_SCORE),
        log_probs,
        tf.fill(tf.shape(log_probs), time + 1),
        tf.broadcast_to(tf.range(width), tf.shape(log_probs)),
    )
    alive = _Alive(log_probs, alive_scores, tokens, parents)
    return alive, _best(sentences.finished, ended, cut)


def _best(*groups: _Finished) -> _Finished:
    """The K best of several times K hypotheses; what finished earlier wins a tie."""
    everything = _Finished(*(tf.concat(values, axis=1) for values in zip(*groups)))
    scores, order = tf.math.top_k(everything.scores, static_width(groups[0].scores))
    return _Finished(scores, *(tf.gather(values, order, batch_dims=1) for values in everything[1:]))


def _follow(states: Nest, *, parents: tf.Tensor) -> Nest:
    """Each hypothesis takes over the [N, …] of its parent [R, K]."""
    width = static_width(parents)
    if not tf.is_tensor(width) and width == 1:
        return states
    first_row = width * tf.range(tf.shape(parents)[0])
    rows = tf.reshape(parents + first_row[:, tf.newaxis], [-1])
    return tf.nest.map_structure(lambda values: tf.gather(values, rows), states)


def _drop_finished(
    sentences: _Sentences, rows: _Rows, result: _Finished
) -> tuple[_Sentences, _Rows, _Finished]:
    """Leaves the sentences that are over out of the computation when enough of them are."""
    width = static_width(sentences.log_probs)
    searched = tf.reduce_any(sentences.log_probs > MIN_SCORE, axis=1)
    remaining = tf.cast(tf.math.count_nonzero(searched), tf.float32)
    worthwhile = (remaining > 0) & (remaining <= _LEAVE_AT * tf.cast(tf.size(searched), tf.float32))

    def drop() -> tuple[_Sentences, _Rows, _Finished]:
        keep = tf.where(searched)[:, 0]
        keep_rows = tf.where(tf.repeat(searched, width))[:, 0]
        return (
            tf.nest.map_structure(lambda values: tf.gather(values, keep), sentences),
            tf.nest.map_structure(lambda values: tf.gather(values, keep_rows), rows),
            _store(result, sentences),
        )

    kept: tuple[_Sentences, _Rows, _Finished] = tf.cond(worthwhile, drop, lambda: (sentences, rows, result))
    return kept


def _store(result: _Finished, sentences: _Sentences) -> _Finished:
    """The results [B, K], with those of the sentences [R, K] in their places."""
    places = sentences.place[:, tf.newaxis]
    return _Finished(
        *(tf.tensor_scatter_nd_update(old, places, new) for old, new in zip(result, sentences.finished))
    )


def restore_static_shape(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """The next state with the static shape of the last one, which steps made of reshapes may have lost."""
    after = tf.convert_to_tensor(after)
    after.set_shape(tf.TensorShape([None]).concatenate(before.shape[1:]))
    return after


def any_row_count(values: Any) -> Any:
    """The shape invariant of a loop variable whose first dimension may shrink."""
    if isinstance(values, tf.TensorArray) or values.shape.rank == 0:
        return values.shape if tf.is_tensor(values) else tf.TensorShape(None)
    return tf.TensorShape([None]).concatenate(values.shape[1:])
