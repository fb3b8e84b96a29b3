"""Normalisation of text in the graph."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.text.code_points import NOTHING, Texts, encode, find, replace
from seq2seq.text.normalizer import Normalizer

_WHITE_SPACE = "".join(rf"\x{{{c:x}}}" for c in range(sys.maxunicode + 1) if chr(c).isspace())
_PAIR = 1 << 21  # more than any code point

# Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
_L, _V, _T, _SYLLABLES = 0x1100, 0x1161, 0x11A7, 0xAC00
_L_COUNT, _V_COUNT, _T_COUNT = 19, 21, 28
_SYLLABLE_COUNT = _L_COUNT * _V_COUNT * _T_COUNT


class GraphNormalizer:
    """What ``seq2seq.text.Normalizer`` does, in core ops of TensorFlow.

    NFC and NFKC follow the algorithm of the Unicode Standard (section 3.11: decompose, order, compose), lower-casing
    its table and rule (section 3.13, of the final sigma too), over what this Python knows of Unicode: the graph gives
    what training gave, whichever version of Unicode a server has. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, normalizer: Normalizer) -> None:
        self.form = normalizer.normalization.upper()
        self.lowercase = normalizer.lowercase

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """``[B]`` strings to ``[B]`` strings."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        texts = self._unicode_form(texts)
        if self.lowercase:
            texts = self._unicode_form(_lower(texts))
        return tf.strings.strip(tf.strings.regex_replace(texts, f"[{_WHITE_SPACE}]+", " "))

    def _unicode_form(self, texts: tf.Tensor) -> tf.Tensor:
        if self.form == "NONE":
            return texts
        tables = _tables(self.form)
        points = tf.strings.unicode_decode(texts, "UTF-8")  # [B, (T)]
        _, changes = find(points.flat_values, tables.unstable)
        return tf.cond(tf.reduce_any(changes), lambda: self._compose(points, tables), lambda: texts)

    def _compose(self, points: tf.RaggedTensor, tables: _Tables) -> tf.Tensor:
        points = _map(points, tables.decomposed)
        flat, rows = points.flat_values, points.value_rowids()
        classes = _classes(flat, tables)
        new_row = tf.pad(rows[1:] != rows[:-1], [[1, 0]], constant_values=True)[: tf.size(rows)]
        # Marks are put in order behind their starter.
        groups = tf.cumsum(tf.cast((classes == 0) | new_row, tf.int64))
        order = tf.argsort(groups * 256 + tf.cast(classes, tf.int64), stable=True)
        flat, classes = tf.gather(flat, order), tf.gather(classes, order)
        # A starter that joins nothing before it begins a segment of its own; those of one code point are done.
        begins = new_row | ((classes == 0) & ~find(flat, tables.joining)[1])
        segment = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        sizes = tf.math.bincount(segment)
        composed = tf.gather(sizes, segment) > 1
        flat = tf.tensor_scatter_nd_update(
            flat,
            tf.where(composed),
            _compose_pairs(flat[composed], classes[composed], sizes[sizes > 1], tables),
        )
        points = tf.RaggedTensor.from_value_rowids(flat, rows, nrows=points.nrows(), validate=False)
        return encode(tf.ragged.boolean_mask(points, points != NOTHING))


class _Mapping(NamedTuple):
    """Code points, sorted, that become others."""

    keys: np.ndarray
    texts: Texts

    @classmethod
    def of(cls, texts: dict[int, str]) -> _Mapping:
        return cls(np.array(list(texts), np.int32), Texts.of(texts.values()))


class _Tables(NamedTuple):
    """What Unicode says about composition, as sorted arrays."""

    unstable: np.ndarray  # code points that may change, or change with what is before them
    joining: np.ndarray  # code points that may compose with one before them
    decomposed: _Mapping
    combining: np.ndarray  # code points of a combining class other than 0,
    combining_class: np.ndarray
    pairs: np.ndarray  # int64, first · 2²¹ + second, of what two code points compose to
    composites: np.ndarray


@cache
def _tables(form: str) -> _Tables:
    everything = _characters()
    composed_form: Any = form
    decomposed_form: Any = form.replace("C", "D")
    decompositions, pairs = {}, {}
    combining = {ord(c): of_class for c in everything if (of_class := unicodedata.combining(c))}
    mapped = [
        c for c in everything if unicodedata.decomposition(c)
    ]  # all that any form changes, but for syllables
    for c in mapped:
        parts = unicodedata.normalize(decomposed_form, c)
        if parts != c:
            decompositions[ord(c)] = parts
        pair = unicodedata.decomposition(c).split()
        if len(pair) == 2 and "<" not in pair[0] and unicodedata.normalize("NFC", c) == c:
            pairs[int(pair[0], 16) * _PAIR + int(pair[1], 16)] = ord(c)
    changed = {ord(c) for c in mapped if unicodedata.normalize(composed_form, c) != c}
    seconds = {pair % _PAIR for pair in pairs} | set(range(_V, _V + _V_COUNT)) | set(range(_T, _T + _T_COUNT))
    return _Tables(
        unstable=np.array(sorted(changed | seconds | set(combining)), np.int32),
        joining=np.array(sorted(seconds), np.int32),
        decomposed=_Mapping.of(decompositions),
        combining=np.array(list(combining), np.int32),
        combining_class=np.array(list(combining.values()), np.int32),
        pairs=np.array(sorted(pairs), np.int64),
        composites=np.array([pairs[pair] for pair in sorted(pairs)], np.int32),
    )


def _characters() -> list[str]:
    return [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]


def _map(points: tf.RaggedTensor, mapping: _Mapping) -> tf.RaggedTensor:
    places, there = find(points.flat_values, mapping.keys)
    return replace(points, tf.where(there, places, NOTHING), mapping.texts)


def _classes(flat: tf.Tensor, tables: _Tables) -> tf.Tensor:
    places, there = find(flat, tables.combining)
    return tf.where(there, tf.gather(tables.combining_class, places), 0)


def _compose_pairs(flat: tf.Tensor, classes: tf.Tensor, sizes: tf.Tensor, tables: _Tables) -> tf.Tensor:
    """Segments of ``sizes`` ``[N]``, one behind the other and in canonical order, composed; what went into another code
    point is ``NOTHING``."""
    points = tf.RaggedTensor.from_row_lengths(flat, sizes, validate=False).to_tensor(NOTHING)  # [N, T]
    classes = tf.RaggedTensor.from_row_lengths(classes, sizes, validate=False).to_tensor(0)
    rows = tf.range(tf.size(sizes))

    def step(
        time: tf.Tensor, points: tf.Tensor, starter: tf.Tensor, place: tf.Tensor, last_class: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        point, its_class = points[:, time], classes[:, time]
        composite, there = _composite(starter, point, tables)
        joined = there & ((last_class < its_class) | (last_class == 0))
        begins = ~joined & (its_class == 0)
        starter = tf.where(joined, composite, tf.where(begins, point, starter))
        place = tf.where(begins, time, place)
        last_class = tf.where(joined, last_class, its_class)
        now = tf.stack([rows, tf.fill(tf.shape(rows), time)], axis=1)
        points = tf.tensor_scatter_nd_update(points, now, tf.where(joined, NOTHING, point))
        at_place = tf.where(starter != NOTHING, starter, tf.gather(points, place, batch_dims=1))
        points = tf.tensor_scatter_nd_update(points, tf.stack([rows, place], axis=1), at_place)
        return time + 1, points, starter, place, last_class

    nothing = tf.fill(tf.shape(rows), NOTHING)
    loop_vars = (tf.constant(0), points, nothing, tf.zeros_like(rows), tf.zeros_like(rows))
    points = tf.while_loop(lambda time, *_: time < tf.shape(classes)[1], step, loop_vars)[1]
    return points[tf.sequence_mask(sizes, tf.shape(points)[1])]


def _composite(first: tf.Tensor, second: tf.Tensor, tables: _Tables) -> tuple[tf.Tensor, tf.Tensor]:
    """What two code points ``[B]`` compose to, and whether they do."""
    places, there = find(tf.cast(first, tf.int64) * _PAIR + tf.cast(second, tf.int64), tables.pairs)
    leading, vowel, trailing = first - _L, second - _V, second - _T
    syllable = first - _SYLLABLES
    to_two = (leading >= 0) & (leading < _L_COUNT) & (vowel >= 0) & (vowel < _V_COUNT)
    to_three = (syllable >= 0) & (syllable < _SYLLABLE_COUNT) & (syllable % _T_COUNT == 0)
    to_three &= (trailing > 0) & (trailing < _T_COUNT)
    two = _SYLLABLES + (leading * _V_COUNT + vowel) * _T_COUNT
    found = tf.where(to_two, two, tf.where(to_three, first + trailing, tf.gather(tables.composites, places)))
    return found, there | to_two | to_three


# --- lower case ---

_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2


class _Cases(NamedTuple):
    lower: _Mapping
    cased: np.ndarray  # code points, sorted, of letters that have a case,
    ignored: np.ndarray  # and of what may stand between letters of a word


@cache
def _cases() -> _Cases:
    # Python tells of both properties by its final sigma only.
    cased = [c for c in _characters() if f"{c}Σ".lower().endswith("ς")]
    between = [c for c in _characters() if f"A{c}Σ".lower().endswith("ς")]
    return _Cases(
        lower=_Mapping.of({ord(c): c.lower() for c in _characters() if c.lower() != c}),
        cased=np.array([ord(c) for c in cased], np.int32),
        ignored=np.array(sorted({ord(c) for c in between} - {ord(c) for c in cased}), np.int32),
    )


def _lower(texts: tf.Tensor) -> tf.Tensor:
    cases = _cases()
    points = tf.strings.unicode_decode(texts, "UTF-8")
    flat, rows = points.flat_values, points.value_rowids()
    # A sigma ends a word where, whatever is ignored left out, a letter is before it and none behind.
    seen = tf.where(~find(flat, cases.ignored)[1])[:, 0]
    letter = tf.pad(find(tf.gather(flat, seen), cases.cased)[1], [[1, 1]])
    row = tf.pad(tf.gather(rows, seen), [[1, 1]], constant_values=-1)
    after_letter = letter[:-2] & (row[:-2] == row[1:-1])
    before_letter = letter[2:] & (row[2:] == row[1:-1])
    final = seen[(tf.gather(flat, seen) == _SIGMA) & after_letter & ~before_letter]
    flat = tf.tensor_scatter_nd_update(flat, final[:, tf.newaxis], tf.fill(tf.shape(final), _FINAL_SIGMA))
    return encode(_map(points.with_flat_values(flat), cases.lower))
