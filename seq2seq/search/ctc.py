"""Search without a decoder: the texts that CTC alone finds likely."""

from __future__ import annotations

import tensorflow as tf

from seq2seq.layers.log_zero import BANNED_LOGIT, MIN_SCORE
from seq2seq.search.types import SearchResult


def ctc_greedy(log_probs: tf.Tensor, length: tf.Tensor, blank_id: int) -> SearchResult:
    """The text of the likeliest path: the best label of each frame, repeats merged, blanks left out.

    Where T is known when the graph is made, ids are [B, 1, T], so that XLA can compile it.

    Args:
      log_probs: [B, T, V] float32, normalised; what is past ``length`` is not read.
      length: [B] int32, from 0 to T.
      blank_id: the label of no label; also what ids are padded with.

    Returns:
      one hypothesis of each sentence, K = 1; ``scores`` and ``log_probs`` are those of its likeliest *path*, which
      is less than the text has in all.
    """
    real = tf.sequence_mask(length, tf.shape(log_probs)[1])
    best = tf.argmax(log_probs, axis=2, output_type=tf.int32)  # [B, T]
    changes = tf.pad(best[:, 1:] != best[:, :-1], [[0, 0], [1, 0]], constant_values=True)
    kept = changes[:, : tf.shape(best)[1]] & (best != blank_id) & real
    lengths = tf.math.count_nonzero(kept, axis=1, dtype=tf.int32)
    front = tf.argsort(tf.where(kept, 0, 1), axis=1, stable=True)
    ids = tf.where(
        tf.sequence_mask(lengths, tf.shape(best)[1]), tf.gather(best, front, batch_dims=1), blank_id
    )
    ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]], constant_values=blank_id)
    if log_probs.shape[1] is None:
        ids = ids[:, : tf.maximum(tf.reduce_max(lengths), 1)]
    scores = tf.reduce_sum(tf.where(real, tf.reduce_max(log_probs, axis=2), 0.0), axis=1, keepdims=True)
    return SearchResult(ids[:, tf.newaxis], lengths[:, tf.newaxis], scores, scores, None)


def ctc_prefix_beam(log_probs: tf.Tensor, length: tf.Tensor, blank_id: int, beam_width: int) -> SearchResult:
    """The K = ``beam_width`` likeliest texts, each with all its paths, as far as a beam of prefixes finds them.

    Prefix beam search (Graves 2008, section 7.5.4; Hannun et al. 2014), exact where the beam holds every prefix.
    The work is done by TensorFlow's ``CTCBeamSearchDecoder``, on the CPU.

    Args:
      log_probs, length, blank_id: as for :func:`ctc_greedy`.
      beam_width: at least 1.

    Raises:
      ValueError: a ``beam_width`` out of range.
    """
    if beam_width < 1:
        raise ValueError(f"beam_width must be at least 1, not {beam_width}")
    batch_size, _, vocabulary_size = tf.unstack(tf.shape(log_probs))
    # The op fails where there are fewer than K texts. Frames that are certain blanks let there be enough, all but
    # impossible ones; with V labels or more to choose from one frame will do.
    extra = 1 if log_probs.shape[2] is not None and log_probs.shape[2] >= beam_width else beam_width - 1
    real = tf.sequence_mask(length, tf.shape(log_probs)[1] + extra)[:, :, tf.newaxis]
    certain_blank = tf.one_hot(blank_id, vocabulary_size, 0.0, BANNED_LOGIT)
    frames = tf.where(real, tf.pad(log_probs, [[0, 0], [0, extra], [0, 0]]), certain_blank)
    blank_last = tf.concat(
        [frames[:, :, :blank_id], frames[:, :, blank_id + 1 :], frames[:, :, blank_id : blank_id + 1]], axis=2
    )
    found, scores = tf.nn.ctc_beam_search_decoder(
        tf.transpose(blank_last, [1, 0, 2]), length + extra, beam_width=beam_width, top_paths=beam_width
    )
    longest = tf.maximum(tf.reduce_max([one.dense_shape[1] for one in found]), 1)
    dense = [
        tf.sparse.to_dense(tf.sparse.reset_shape(one, [tf.cast(batch_size, tf.int64), longest]), -1)
        for one in found
    ]
    ids = tf.cast(tf.stack(dense, axis=1), tf.int32)  # [B, K, T]
    exists = scores > BANNED_LOGIT / 2
    used = (ids >= 0) & exists[:, :, tf.newaxis]
    lengths = tf.math.count_nonzero(used, axis=2, dtype=tf.int32)
    ids = tf.where(used, ids + tf.cast(ids >= blank_id, tf.int32), blank_id)[
        :, :, : tf.maximum(tf.reduce_max(lengths), 1)
    ]
    scores = tf.where(exists, scores, MIN_SCORE)
    return SearchResult(ids, lengths, scores, scores, None)
