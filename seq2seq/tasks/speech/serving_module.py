"""The graph that writes down what is said."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.search import SearchResult
from seq2seq.search.ctc_align import ctc_align
from seq2seq.serving.graph_checks import check, checked_lengths, checked_numbers, checked_size
from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.search_module import OPTION_SPECS, Options, SearchModule
from seq2seq.serving.serving_module import LENGTHS, Outputs, at_least_one_row, encoded_outputs, keep
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.tasks.speech.aligner import seconds_per_step
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.text import Tokenizer

WAVEFORM_SPECS = (
    tf.TensorSpec([None, None], tf.float32, "waveforms"),
    LENGTHS,
    tf.TensorSpec([], tf.int32, "sample_rate"),
)


_NAMES = {
    "waveforms": "audio in ±1, one channel, padded to the longest row",
    "sample_rate": "of the waveforms, in Hz; checked",
    "features": "log-mel features, normalised as the model has them",
    "words": "of the best text",
    "word_start": "seconds",
    "word_end": "seconds",
}


class SpeechModule(SearchModule):
    """Signatures of speech: ``transcribe``, ``transcribe_features``, both also ``…_with_options`` unless the search is
    CTC's alone (whose width is part of its op); ``features``, ``encode``.

    Args:
      model: with its weights. weights: as they are to be kept.
      tokenizer: of the model.
      search: the search's own.
      limits: see ``ServingModule``.
      ctc_weight: of CTC in the search.
      word_times: whether the model was trained with CTC, which the times of words come from.
    """

    names = _NAMES

    def __init__(
        self,
        model: SpeechModel,
        weights: StoredWeights,
        tokenizer: Tokenizer,
        search: SearchConfig,
        limits: ExportConfig,
        *,
        ctc_weight: float,
        word_times: bool,
    ) -> None:
        detokenizer = GraphDetokenizer(tokenizer)
        super().__init__(weights, detokenizer, search, limits)
        self._surfaces = detokenizer.surfaces
        self._tokenizer = tokenizer
        self._ctc_weight = ctc_weight
        self._word_times = word_times
        if ctc_weight == 1.0:
            self.defaults = self.defaults._replace(length_penalty=0.0)
        # Behind a closure: what a module has as an attribute, its SavedModel keeps.
        self._model_of = lambda: model
        self._options = model.features.options
        audio = (tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32))
        features = tf.TensorSpec([None, None, self._options.mel_bins], tf.float32, "features")
        self._features_of = self.graph(self._features_graph, *audio)
        self._encode = self.graph(self._encode_graph, features, LENGTHS)
        self._find = self.graph(self._search_graph, features, LENGTHS)
        if ctc_weight != 1.0:  # a SavedModel holds every graph that there is, wanted or not
            self._find_with_options = self.graph(self._search_graph, features, LENGTHS, *OPTION_SPECS)

        searches: dict[str, Any] = dict(options=ctc_weight != 1.0)
        self.add_search("transcribe", self._transcribe, *WAVEFORM_SPECS, **searches)
        self.add_search("transcribe_features", self._transcribe_features, features, LENGTHS, **searches)
        self.add("features", self._features, *WAVEFORM_SPECS)
        self.add("encode", self._encode_audio, *WAVEFORM_SPECS)
        self.functions["serving_default"] = self.functions["transcribe"]

    # --- what signatures share ---

    def _features_graph(self, waveforms: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        model = self._model_of()
        return model.features(waveforms, model.masking.visible_length(length, tf.shape(waveforms)[1]))

    def _encode_graph(self, features: tf.Tensor, length: tf.Tensor) -> EncoderOutput:
        model = self._model_of()
        return model.encoder(features, model.masking.visible_length(length, tf.shape(features)[1]))

    def _search_graph(
        self, features: tf.Tensor, length: tf.Tensor, *options: tf.Tensor
    ) -> tuple[SearchResult, tuple[tf.Tensor, ...]]:
        search = self.search_with(*options)
        transcriber = Transcriber(self._model_of(), self._tokenizer, search, ctc_weight=self._ctc_weight)
        encoded = self._encode_graph(features, length)
        log_probs = tf.nn.log_softmax(self._model_of().ctc_logits(encoded))
        result = transcriber.find(encoded, log_probs)
        words: tuple[tf.Tensor, ...] = ()
        if self._word_times:
            words = self._timed_words(
                log_probs, encoded.memory_length, result.ids[:, 0], result.lengths[:, 0]
            )
        return result._replace(alignments=()), words

    def _timed_words(
        self, log_probs: tf.Tensor, memory_length: tf.Tensor, ids: tf.Tensor, length: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Words ``[B, W]`` and the steps of the memory they are between ``[B, W]``, 0 past the last; none where CTC
        cannot align."""
        aligned = ctc_align(log_probs, memory_length, ids, length, self._tokenizer.pad_id)
        rows, columns = tf.unstack(tf.shape(ids))
        surfaces = tf.where(aligned.possible[:, tf.newaxis], self._surfaces(ids, length), "")
        # The only white space of a text is the space, whatever its tokenizer.
        characters = tf.strings.bytes_split(tf.reshape(surfaces, [-1]))
        token = tf.cast(characters.value_rowids(), tf.int32)
        kept = tf.where(characters.flat_values != " ")[:, 0]
        row, place = tf.gather(token // columns, kept), tf.cast(kept, tf.int32)
        gap = tf.pad((row[1:] != row[:-1]) | (place[1:] != place[:-1] + 1), [[1, 0]], constant_values=True)
        begins = gap[: tf.size(row)]
        word = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        count = tf.math.count_nonzero(begins, dtype=tf.int32)
        start, end = (
            tf.gather(tf.reshape(frame, [-1]), tf.gather(token, kept))
            for frame in (aligned.start_frame, aligned.end_frame)
        )
        columns_of_words = (
            tf.strings.unsorted_segment_join(tf.gather(characters.flat_values, kept), word, count),
            tf.math.segment_min(start, word),
            tf.math.segment_max(end, word),
        )
        word_rows = row[begins]
        return tuple(
            tf.RaggedTensor.from_value_rowids(values, word_rows, nrows=rows, validate=False).to_tensor()
            for values in columns_of_words
        )

    # --- the signatures ---

    def _transcribe(
        self, options: Options | None, waveforms: tf.Tensor, lengths: tf.Tensor, sample_rate: tf.Tensor
    ) -> Outputs:
        waveforms, lengths = self._checked(waveforms, lengths, sample_rate)
        features, frames = self._features_of(*at_least_one_row(waveforms, lengths, 0.0))
        seconds = tf.cast(lengths, tf.float32) / self._options.sample_rate
        return self._outputs(options, features, frames, lengths > 0, seconds)

    def _transcribe_features(
        self, options: Options | None, features: tf.Tensor, lengths: tf.Tensor
    ) -> Outputs:
        hop, window = self._options.hop, self._options.window
        most = 1 + max(0, self._max_samples - window) // hop
        features = checked_size(
            features, "features", max_rows=self.limits.max_batch, max_columns=most, columns="frames"
        )
        lengths = checked_lengths(lengths, features, "lengths", "features")
        features = checked_numbers(features, lengths, "features")
        seconds = tf.cast((lengths - 1) * hop + window, tf.float32) / self._options.sample_rate
        return self._outputs(options, *at_least_one_row(features, lengths, 0.0), lengths > 0, seconds)

    def _outputs(
        self,
        options: Options | None,
        features: tf.Tensor,
        frames: tf.Tensor,
        exists: tf.Tensor,
        seconds: tf.Tensor,
    ) -> Outputs:
        if options is None:
            result, words = self._find(features, frames)
        else:
            result, words = self._find_with_options(features, frames, *options)
        outputs = self.texts(result, exists)
        if self._word_times:
            step, seconds = seconds_per_step(self._model_of()), seconds[:, tf.newaxis]
            text, *times = (keep(values, exists) for values in words)
            start, end = (tf.cast(steps, tf.float32) * step for steps in times)
            end = tf.where(start < seconds, tf.minimum(end, seconds), end)
            outputs.update(words=text, word_start=start, word_end=end)
        return outputs

    def _features(self, waveforms: tf.Tensor, lengths: tf.Tensor, sample_rate: tf.Tensor) -> Outputs:
        waveforms, lengths = self._checked(waveforms, lengths, sample_rate)
        features, frames = self._features_of(*at_least_one_row(waveforms, lengths, 0.0))
        return {"features": keep(features, lengths > 0), "lengths": keep(frames, lengths > 0)}

    def _encode_audio(self, waveforms: tf.Tensor, lengths: tf.Tensor, sample_rate: tf.Tensor) -> Outputs:
        waveforms, lengths = self._checked(waveforms, lengths, sample_rate)
        encoded = self._encode(*self._features_of(*at_least_one_row(waveforms, lengths, 0.0)))
        return encoded_outputs(encoded, lengths > 0)

    @property
    def _max_samples(self) -> int:
        return int(self.limits.max_seconds * self._options.sample_rate)

    def _checked(
        self, waveforms: tf.Tensor, lengths: tf.Tensor, sample_rate: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        own, limits = self._options.sample_rate, self.limits
        rate = f"sample_rate: must be {own}, which the model was trained with, not"
        same = check(sample_rate == own, rate, sample_rate)
        samples = f"samples ({limits.max_seconds:g} s)"
        waveforms = checked_size(
            waveforms, "waveforms", max_rows=limits.max_batch, max_columns=self._max_samples, columns=samples
        )
        with tf.control_dependencies([same]):
            lengths = checked_lengths(lengths, waveforms, "lengths", "waveforms")
        return checked_numbers(waveforms, lengths, "waveforms"), lengths
