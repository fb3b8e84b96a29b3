"""SentencePiece in a graph: core ops of TensorFlow, which every server has."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.text.code_points import NOTHING, Texts, find, replace, utf8_byte, utf8_size
from seq2seq.text.sentencepiece_model import ROUNDS_FIRST, SPACE, SentencePieceModel, defined_score
from seq2seq.text.trie import Trie

_ESCAPED = ord(SPACE)
_SHORT = 24  # symbols; longer words are merged apart from the others, which would be padded to their length


class SentencePieceInGraph:
    """See `seq2seq.text.tokenizer.GraphForm`.

    Args:
        model: the bytes of a model file.

    Raises:
        UserError: it is a model of words, or of BPE with pieces that are marked unused.
    """

    def __init__(self, model: bytes) -> None:
        self.resources: list[Any] = []
        self._model = SentencePieceModel(model)
        self._normalize = _Normalization(self._model)
        kinds: dict[str, Callable[[SentencePieceModel], Any]] = {
            "unigram": _Unigram, "bpe": _BytePairs, "char": _BytePairs,
        }  # fmt: skip
        if self._model.kind not in kinds or (self._model.unused and self._model.kind == "bpe"):
            what = "with unused pieces" if self._model.unused else "of words"
            raise UserError(f"a SentencePiece model {what} has no form in a graph")
        self._segment = kinds[self._model.kind](self._model)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """UTF-8 `[B]` to ids `[B, (S)]` int32."""
        points = self._normalize(tf.strings.unicode_decode(texts, "UTF-8"))
        ids, first = self._segment(points)
        return self._spelled(ids, first) if self._model.byte_ids else self._joined(ids)

    def _joined(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """With one id for unknown characters that follow each other."""
        unknown, rows = ids.flat_values == self._model.unknown_id, ids.value_rowids()
        repeats = unknown[1:] & unknown[:-1] & (rows[1:] == rows[:-1])
        kept = ~tf.pad(repeats, [[1, 0]])[: tf.size(unknown)]
        return tf.ragged.boolean_mask(ids, ids.with_values(kept))

    def _spelled(self, ids: tf.RaggedTensor, first: tf.Tensor) -> tf.RaggedTensor:
        """With unknown characters in bytes; `first` is the code point of each that is unknown."""
        flat = ids.flat_values
        unknown = flat == self._model.unknown_id
        of_byte = tf.constant([*self._model.byte_ids, NOTHING], tf.int32)
        spelled = [tf.gather(of_byte, utf8_byte(first, place, nothing=256)) for place in range(4)]
        spelled[0] = tf.where(unknown, spelled[0], flat)
        sizes = tf.where(unknown, utf8_size(first), 1)
        return ids.with_values(tf.RaggedTensor.from_tensor(tf.stack(spelled, axis=1), sizes)).merge_dims(1, 2)


class _Normalization:
    """What a model itself does with characters and with white space (SentencePiece's `normalizer.cc`)."""

    def __init__(self, model: SentencePieceModel) -> None:
        self._spec = model.normalization
        self._space_behind = model.space_behind
        becomes = model.rewrites | {symbol: symbol for symbol in model.defined}  # these are left as they are
        texts = ["", " ", *sorted(set(becomes.values()) - {"", " "})]
        number = {text: n for n, text in enumerate(texts)}
        self._trie = Trie({text: number[to] for text, to in becomes.items()}) if becomes else None
        self._texts = Texts.of(texts)

    def __call__(self, points: tf.RaggedTensor) -> tf.Tensor:
        """Code points `[B, (T)]` to those that are segmented, `[B, T]`, `NOTHING` behind the end of a text; `T` is at
        least 1."""
        numbers = tf.fill(tf.shape(points.flat_values), NOTHING)
        if self._trie:
            dense = points.to_tensor(NOTHING)
            number, length = self._trie.longest_at(dense)
            number = tf.where(_reached(length), number, 0)
            numbers = tf.boolean_mask(number, tf.sequence_mask(points.row_lengths(), tf.shape(dense)[1]))
        space = tf.where(numbers == NOTHING, points.flat_values == ord(" "), numbers <= 1)
        if self._spec.remove_extra_whitespaces:
            # Texts of white space alone have nothing before or behind it either.
            filled = tf.reduce_any(points.with_values(~space | (numbers == 0)), axis=1)
        else:
            filled = points.row_lengths() > 0
        points = replace(points, numbers, self._texts) if self._trie else points
        if self._spec.remove_extra_whitespaces:
            points = _without_repeated_spaces(points)
        points = points.with_values(tf.where(points.flat_values == ord(" "), _ESCAPED, points.flat_values))
        added = tf.cast(filled, points.row_splits.dtype) * int(self._spec.add_dummy_prefix)
        mark = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(added)], _ESCAPED), added)
        if not self._space_behind:
            points = tf.concat([mark, points], axis=1)
        if self._spec.remove_extra_whitespaces:
            points = _without_last_spaces(points)
        if self._space_behind:
            points = tf.concat([points, mark], axis=1)
        return tf.pad(points.to_tensor(NOTHING), [[0, 0], [0, 1]], constant_values=NOTHING)


class _Unigram:
    """The most probable segmentation (Kudo 2018, arXiv:1804.10959), by Viterbi's algorithm.

    Sums are rounded where the SentencePiece that is installed rounds them, or of segmentations of equal probability
    another would be chosen.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        self._unknown_id = model.unknown_id
        self._trie = Trie({text: piece.id for text, piece in model.pieces.items()})
        scores = np.full(model.size + 1, -np.inf)  # the last is of no piece
        for text, piece in model.pieces.items():
            scores[piece.id] = piece.score
            if text in model.defined:
                score = defined_score(len(text.encode()))
                scores[piece.id] = np.float32(score) if ROUNDS_FIRST else score
        scores[model.unknown_id] = np.float32(model.unknown_score)
        self._scores = scores

    def __call__(self, points: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
        real = points != NOTHING
        ids = self._trie.values_at(points)
        single = tf.where(real & (ids[:, :, 0] == NOTHING), self._unknown_id, ids[:, :, 0])
        ids = _by_end(tf.concat([single[:, :, tf.newaxis], ids[:, :, 1:]], axis=2))
        chosen, length = self._best(ids)
        behind = tf.reduce_sum(tf.cast(~real, tf.int32), axis=1)
        ends = real & tf.reverse(_reached(tf.reverse(length, [1]), behind), [1])
        return tf.ragged.boolean_mask(chosen, ends), tf.boolean_mask(points, ends)

    def _best(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of ids `[B, T, K]` by their ends, longest first: the one of the best segmentation that ends there, and its
        length, both `[B, T]`."""
        batch, times, width = tf.unstack(tf.shape(ids))
        scores = tf.gather(self._scores, tf.where(ids == NOTHING, len(self._scores) - 1, ids))
        scores = tf.transpose(scores, [1, 0, 2])
        order = tf.range(width)
        kept = tf.TensorArray(tf.int32, size=times, element_shape=[None])

        def step(time: tf.Tensor, before: tf.Tensor, kept: tf.TensorArray) -> tuple[Any, ...]:
            candidates = tf.cast(before, tf.float64) + scores[time]
            rounded = tf.cast(candidates, tf.float32)
            best = tf.reduce_max(rounded, axis=1, keepdims=True)
            choice = tf.argmax(rounded, axis=1, output_type=tf.int32)
            if not ROUNDS_FIRST:  # what is better than the best so far is taken, which alone has been rounded
                better = tf.where(candidates > tf.cast(best, tf.float64), order, NOTHING)
                choice = tf.maximum(choice, tf.reduce_max(better, axis=1))
            return time + 1, tf.concat([before[:, 1:], best], axis=1), kept.write(time, choice)

        before = tf.concat([tf.fill([batch, width - 1], -np.float32(np.inf)), tf.zeros([batch, 1])], axis=1)
        kept = tf.while_loop(lambda time, *_: time < times, step, (tf.constant(0), before, kept))[2]
        choice = tf.transpose(tf.reshape(kept.stack(), [times, batch]))
        return tf.gather(ids, choice, batch_dims=2), width - choice


def _by_end(values: tf.Tensor) -> tf.Tensor:
    """Values `[B, T, K]` by where strings of 1 to `K` begin to values by where they end, the longest first."""
    batch, times, width = tf.unstack(tf.shape(values))
    begin = tf.range(times)[:, tf.newaxis] - tf.range(width)[::-1]
    place = tf.maximum(begin, 0) * width + tf.range(width)[::-1]
    moved = tf.gather(tf.reshape(values, [batch, times * width]), place, axis=1)
    return tf.where(begin < 0, NOTHING, moved)


class _BytePairs:
    """The merges of BPE (Sennrich et al. 2016, arXiv:1508.07909): the best first, of equal ones the first.

    A symbol is the id of its piece, a number above all ids for characters that only longer pieces hold, and
    `-2 - code point` for characters that none holds.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        self._unknown_id, self._size = model.unknown_id, model.size
        self._crosses_words = model.crosses_words
        pieces = model.pieces
        merged = {} if model.kind == "char" else {t: p for t, p in pieces.items() if t not in model.defined}
        characters = sorted(set("".join(merged)) | {text for text in pieces if len(text) == 1})
        self._rare = np.array([ord(c) for c in characters if c not in pieces] or [NOTHING], np.int32)
        symbols = {chr(c): model.size + n for n, c in enumerate(self._rare) if c != NOTHING}
        symbols |= {text: piece.id for text, piece in pieces.items()}
        self._space = symbols.get(SPACE, -2 - _ESCAPED)
        self._characters = np.array([ord(c) for c in characters], np.int32)
        self._of_character = np.array([symbols[c] for c in characters], np.int32)
        self._defined = Trie({text: pieces[text].id for text in model.defined}) if model.defined else None
        pairs = {
            symbols[text[:cut]] << 32 | symbols[text[cut:]]: piece
            for text, piece in merged.items()
            for cut in range(1, len(text))
            if _merges(text[:cut], symbols, model) and _merges(text[cut:], symbols, model)
        }
        self._pairs = np.array(sorted(pairs), np.int64)
        self._merged = np.array([pairs[pair].id for pair in sorted(pairs)], np.int32)
        self._scores = np.array([pairs[pair].score for pair in sorted(pairs)], np.float32)

    def __call__(self, points: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
        symbols = self._symbols(points)
        if len(self._pairs):
            symbols = self._merge_words(symbols)
        flat = symbols.flat_values
        rare = tf.gather(self._rare, tf.maximum(flat - self._size, 0))
        known = (flat >= 0) & (flat < self._size)
        ids = symbols.with_values(tf.where(known, flat, self._unknown_id))
        return ids, tf.where(flat < 0, -2 - flat, tf.where(known, 0, rare))

    def _symbols(self, points: tf.Tensor) -> tf.RaggedTensor:
        begins = points != NOTHING
        places, there = find(points, self._characters)
        symbols = tf.where(there, tf.gather(self._of_character, places), -2 - points)
        if self._defined:
            number, length = self._defined.longest_at(points)
            symbols = tf.where(number == NOTHING, symbols, number)
            begins &= _reached(length)
        return tf.ragged.boolean_mask(symbols, begins)

    def _merge_words(self, symbols: tf.RaggedTensor) -> tf.RaggedTensor:
        """Symbols `[B, (T)]` to what merges leave, `[B, (S)]`; no merge leaves its word, if words there are."""
        flat, rows = symbols.flat_values, symbols.value_rowids()
        begins = tf.pad(rows[1:] != rows[:-1], [[1, 0]], constant_values=True)[: tf.size(rows)]
        if not self._crosses_words:
            begins |= flat == self._space
        row_of_word = tf.boolean_mask(rows, begins)
        words = tf.RaggedTensor.from_value_rowids(
            flat,
            tf.cumsum(tf.cast(begins, tf.int64)) - 1,
            nrows=tf.size(row_of_word, tf.int64),
            validate=False,
        )
        long = words.row_lengths() > _SHORT
        parts = [tf.where(~long)[:, 0], tf.where(long)[:, 0]]
        merged = tf.concat([self._merge(tf.gather(words, part)) for part in parts], axis=0)
        merged = tf.gather(merged, tf.argsort(tf.concat(parts, axis=0)))
        return tf.RaggedTensor.from_value_rowids(
            merged.flat_values,
            tf.gather(row_of_word, merged.value_rowids()),
            nrows=symbols.nrows(),
            validate=False,
        )

    def _merge(self, words: tf.RaggedTensor) -> tf.RaggedTensor:
        """One merge in each word at a time."""
        symbols = words.to_tensor(NOTHING)
        behind = tf.pad(symbols, [[0, 0], [0, 1]], constant_values=NOTHING)[:, 1:]
        order = tf.range(tf.shape(symbols)[1])

        def step(symbols: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            best = tf.argmax(scores, axis=1, output_type=tf.int32)[:, tf.newaxis]
            there = tf.gather(scores, best, batch_dims=1) > -np.inf

            def beside(steps: int) -> tf.Tensor:
                place = best + steps
                inside = (place >= 0) & (place < tf.size(order))
                symbol = tf.gather(symbols, tf.clip_by_value(place, 0, tf.size(order) - 1), batch_dims=1)
                return tf.where(inside, symbol, NOTHING)

            merged = tf.gather(self._merged, self._place(beside(0), beside(1))[0])
            left, right = self._score(beside(-1), merged), self._score(merged, beside(2))

            def closed(values: tf.Tensor, nothing: float) -> tf.Tensor:
                """Without what stood behind the place of the merge."""
                moved = tf.pad(values, [[0, 0], [0, 1]], constant_values=nothing)[:, 1:]
                return tf.where(there & (order > best), moved, values)

            symbols = tf.where(there & (order == best), merged, closed(symbols, NOTHING))
            scores = closed(scores, -np.inf)
            scores = tf.where(there & (order == best), right, scores)
            return symbols, tf.where(there & (order == best - 1), left, scores)

        def goes_on(_: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
            return tf.reduce_any(scores > -np.inf)

        symbols = tf.while_loop(goes_on, step, (symbols, self._score(symbols, behind)))[0]
        return tf.ragged.boolean_mask(symbols, symbols != NOTHING)

    def _place(self, left: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pair = tf.bitwise.left_shift(tf.cast(left, tf.int64), 32) | tf.cast(right, tf.int64)
        return find(tf.where((left >= 0) & (right >= 0), pair, NOTHING), self._pairs)

    def _score(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        place, there = self._place(left, right)
        return tf.where(there, tf.gather(self._scores, place), -np.inf)


def _merges(text: str, symbols: dict[str, int], model: SentencePieceModel) -> bool:
    """Whether a text may be a part of a merge."""
    return text in symbols and text not in model.defined


def _reached(steps: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
    """Which places a way comes to that begins at `first`, a place of each row, and goes on by `steps`, `[B, T]`.

    Returns:
        `[B, T]`, after as many rounds as `T` has bits: each doubles the way.
    """
    batch, times = tf.unstack(tf.shape(steps))
    following = tf.pad(tf.minimum(tf.range(times) + steps, times), [[0, 0], [0, 1]], constant_values=0)
    following += times * tf.one_hot(times, times + 1, dtype=tf.int32)  # behind the last place the way ends
    offset = tf.range(batch)[:, tf.newaxis] * (times + 1)
    reached = tf.broadcast_to(tf.one_hot(first, times + 1, dtype=tf.int32), [batch, times + 1])

    def double(span: tf.Tensor, following: tf.Tensor, reached: tf.Tensor) -> tuple[tf.Tensor, ...]:
        behind = tf.math.unsorted_segment_max(reached, following + offset, batch * (times + 1))
        reached = tf.maximum(reached, tf.reshape(behind, tf.shape(reached)))
        return span * 2, tf.gather(following, following, batch_dims=1), reached

    loop_vars = (tf.constant(1), following, reached)
    return tf.while_loop(lambda span, *_: span <= times, double, loop_vars)[2][:, :times] == 1


def _without_repeated_spaces(points: tf.RaggedTensor) -> tf.RaggedTensor:
    """Without spaces behind a space or at the beginning."""
    flat, rows = points.flat_values, points.value_rowids()
    space = flat == ord(" ")
    follows = tf.pad(space[:-1] | (rows[1:] != rows[:-1]), [[1, 0]], constant_values=True)[: tf.size(flat)]
    return tf.ragged.boolean_mask(points, points.with_values(~(space & follows)))


def _without_last_spaces(points: tf.RaggedTensor) -> tf.RaggedTensor:
    dense = points.to_tensor(NOTHING)
    places = tf.range(tf.shape(dense)[1]) + 1
    other = (dense != NOTHING) & (dense != _ESCAPED)
    return tf.RaggedTensor.from_tensor(dense, tf.reduce_max(tf.where(other, places, 0), axis=1))
