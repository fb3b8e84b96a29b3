"""Audio in, text out: a speech model with its tokenizer and a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.datasets.batches.in_order import predict_large
from seq2seq.datasets.batches.speech import pad_waveforms
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.encoders.encoder import EncoderOutput
from seq2seq.search import LanguageModel, ScoreParts, Scorer, SearchResult
from seq2seq.search.ctc import ctc_greedy, ctc_prefix_beam
from seq2seq.search.ctc_align import CTCAlignment, ctc_align
from seq2seq.search.ctc_prefix import CTCPrefixScorer
from seq2seq.tasks.searching import NO_PARTS, described_parts, hypotheses, search_targets, special_ids
from seq2seq.tasks.speech.aligner import BATCH_SAMPLES, CHUNK_SAMPLES, seconds_per_step, timed_words
from seq2seq.tasks.speech.alignment_files import WordSpan
from seq2seq.tasks.speech.model import SpeechModel
from seq2seq.text.tokenizer import Tokenizer

CTC_CANDIDATES = 100
"""In vocabularies of more than twice as many, CTC scores so many tokens of each utterance one by one."""


def search_weight(search: SearchConfig, task: SpeechTaskConfig) -> float:
    """CTC's weight in the search: the loss's, unless the search has its own."""
    return task.ctc_weight if search.ctc_weight is None else search.ctc_weight


class Transcription(NamedTuple):
    """What became of one utterance.

    Attributes:
      texts: the best texts, best first.
      scores: one per text, the search's penalised log-probability.
      pieces: the tokens of the best text.
      source_pieces: where each step of the memory begins, in seconds, as text; none unless alignments are asked for.
      alignment: ``[T, S]`` float32, how much each token attended to each step of the memory; None unless asked for.
      posteriors: ``[S, V]`` float32, CTC's; None unless asked for, or where the model has no CTC.
      spans: the words of the best text with their times; None unless asked for, or where CTC cannot align it.
      parts: of each text what its score is made of, see ``described_parts``; none unless asked for.
    """

    texts: list[str]
    scores: list[float]
    pieces: list[str]
    source_pieces: list[str]
    alignment: np.ndarray | None
    posteriors: np.ndarray | None
    spans: list[WordSpan] | None = None
    parts: Sequence[dict[str, Any]] = ()


class _Recognised(NamedTuple):
    """What the graph gives of a batch."""

    result: SearchResult
    memory_length: tf.Tensor
    log_probs: tf.Tensor
    aligned: CTCAlignment | None


class Transcriber:
    """Recognises with a trained model; one graph serves every batch.

    Args:
      model: with its weights; or a ``SpeechEnsemble`` of such models.
      tokenizer: the one it was trained with.
      search: how to search.
      ctc_weight: of CTC's prefix scores beside the decoder's log-probabilities; 0: the decoder alone, 1: CTC alone.
      language_model: fused in the search, which CTC alone is none for; None: none.
      alignments: whether transcriptions carry alignment and posteriors.
      timestamps: whether they carry the times of words.
      parts: whether they carry the parts of their scores.
    """

    def __init__(
        self,
        model: SpeechModel,
        tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        ctc_weight: float,
        language_model: LanguageModel | None = None,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.search = search
        self.ctc_weight = ctc_weight
        self.language_model = language_model
        self.alignments = alignments
        self.timestamps = timestamps
        self.parts = parts
        self._seconds_per_step = seconds_per_step(model)
        self._graph = tf.function(
            self._recognise,
            input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )

    def _recognise(self, waveforms: tf.Tensor, length: tf.Tensor) -> _Recognised:
        encoded = self.model.encode(waveforms, length)
        log_probs = tf.nn.log_softmax(self.model.ctc_logits(encoded))
        result = self.find(encoded, log_probs)
        aligned = None
        if self.timestamps:
            best = result.ids[:, 0], result.lengths[:, 0]
            aligned = ctc_align(log_probs, encoded.memory_length, *best, self.tokenizer.pad_id)
        return _Recognised(result, encoded.memory_length, log_probs, aligned)

    def find(self, encoded: EncoderOutput, log_probs: tf.Tensor) -> SearchResult:
        """The search as part of a graph; log_probs ``[B, S, V]`` are CTC's."""
        if self.ctc_weight == 1.0:
            return self._by_ctc(log_probs, encoded.memory_length)
        scorers: dict[str, Scorer] = {}
        if self.ctc_weight:
            scorers["ctc"] = CTCPrefixScorer(
                log_probs,
                encoded.memory_length,
                blank_id=self.tokenizer.pad_id,
                special_ids=special_ids(self.tokenizer),
                weight=self.ctc_weight,
                candidates=CTC_CANDIDATES if self.tokenizer.vocabulary_size > 2 * CTC_CANDIDATES else 0,
            )
        return search_targets(
            self.model,
            encoded,
            encoded.memory_length,
            self.tokenizer,
            self.search,
            scorers=scorers,
            model_weight=1.0 - self.ctc_weight,
            language_model=self.language_model,
            alignments=self.alignments,
            parts=self.parts,
        )

    def _by_ctc(self, log_probs: tf.Tensor, length: tf.Tensor) -> SearchResult:
        blank_id = self.tokenizer.pad_id
        if self.search.name == "greedy":
            result = ctc_greedy(log_probs, length, blank_id)
        else:
            result = ctc_prefix_beam(log_probs, length, blank_id, self.search.beam_width)
        if not self.parts:
            return result
        whole = {"ctc": result.log_probs}, (), tf.ones_like(result.scores), tf.zeros_like(result.scores)
        return result._replace(parts=ScoreParts(*whole))

    def transcribe_batch(self, waveforms: Sequence[np.ndarray]) -> list[Transcription]:
        """Recognises waveforms ``[N]`` float32 of the model's sample rate, in their order."""
        result, memory_length, log_probs, aligned = self._graph(*pad_waveforms(waveforms))
        ranked = list(hypotheses(result, self.search.n_best))
        spans: list[list[WordSpan] | None] = [None] * len(waveforms)
        if aligned is not None:
            spans = timed_words(
                aligned,
                [rows[0] for rows, _ in ranked],
                self.tokenizer,
                seconds_per_step=self._seconds_per_step,
                durations=[len(waveform) / self.model.features.options.sample_rate for waveform in waveforms],
            )
        found = []
        for b, ((rows, scores), steps) in enumerate(zip(ranked, memory_length.numpy())):
            alignment = posteriors = None
            times: list[str] = []
            if self.alignments:
                times = [f"{step * self._seconds_per_step:.2f}" for step in range(steps)]
                posteriors = np.exp(log_probs[b, :steps].numpy())
                if result.alignments is not None:
                    alignment = result.alignments[b, 0, : len(rows[0]), :steps].numpy()
            found.append(
                Transcription(
                    texts=self.tokenizer.decode(rows),
                    scores=scores,
                    pieces=self.tokenizer.pieces(rows[0]),
                    source_pieces=times,
                    alignment=alignment,
                    posteriors=posteriors,
                    spans=spans[b],
                    parts=described_parts(result.parts, b, len(rows)),
                )
            )
        return found

    def _empty(self, _: object) -> Transcription:
        count = self.search.n_best
        nothing = np.zeros((0, 0), np.float32) if self.alignments else None
        parts = [dict(NO_PARTS)] * count if self.parts else []
        return Transcription([""] * count, [0.0] * count, [], [], nothing, nothing, parts=parts)

    def transcribe(self, waveforms: Iterable[np.ndarray]) -> Iterator[Transcription]:
        """Recognises any number of waveforms; the transcriptions come in their order, as they arrive. Of a waveform
        without samples they are empty, with score 0."""
        return predict_large(
            waveforms,
            self.transcribe_batch,
            empty=self._empty,
            size=len,
            batch_size=self.search.batch_size,
            batch_volume=BATCH_SAMPLES,
            chunk_volume=CHUNK_SAMPLES,
        )

    def transcribe_index(
        self, index: UtteranceIndex, rows: Sequence[int] | None = None
    ) -> list[Transcription]:
        """Recognises the utterances of an index, or the given rows of it, in that order."""
        chosen = range(len(index)) if rows is None else rows
        return list(self.transcribe(index.waveform(row) for row in chosen))
