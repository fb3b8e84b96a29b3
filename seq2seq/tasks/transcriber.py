"""Sound in, text out: a speech model with its tokenizer and a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import SearchConfig
from seq2seq.datasets.batch_plan import evaluation_plan
from seq2seq.datasets.speech_batch import pad_waveforms
from seq2seq.datasets.utterance_index import UtteranceIndex
from seq2seq.models.speech import SpeechModel
from seq2seq.search import SearchResult, SpecialIds, beam_search, greedy_search, relative_length
from seq2seq.search.ctc import ctc_greedy, ctc_prefix_beam
from seq2seq.search.ctc_prefix import CTCPrefixScorer
from seq2seq.text.tokenizer import Tokenizer

CTC_CANDIDATES = 100
"""In vocabularies of more than twice as many, CTC scores so many tokens of each utterance one by one."""

CHUNK = 1_000
"""Waveforms that are held, sorted by length and recognised at a time."""


class Transcription(NamedTuple):
    """What became of one utterance.

    Attributes:
      texts: the best texts, best first.
      scores: one per text, the search's penalised log-probability.
      pieces: the tokens of the best text.
      source_pieces: where each step of the memory begins, in seconds, as text; none unless alignments are asked for.
      alignment: ``[T, S]`` float32, how much each token attended to each step of the memory; None unless asked for.
      posteriors: ``[S, V]`` float32, CTC's; None unless asked for, or where the model has no CTC.
    """

    texts: list[str]
    scores: list[float]
    pieces: list[str]
    source_pieces: list[str]
    alignment: np.ndarray | None
    posteriors: np.ndarray | None


class Transcriber:
    """Recognises with a trained model; one graph serves every batch.

    Args:
      model: with its weights.
      tokenizer: the one it was trained with.
      search: how to search.
      ctc_weight: of CTC's prefix scores beside the decoder's log-probabilities; 0: the decoder alone, 1: CTC alone.
      alignments: whether transcriptions carry alignment and posteriors.
    """

    def __init__(
        self,
        model: SpeechModel,
        tokenizer: Tokenizer,
        search: SearchConfig,
        *,
        ctc_weight: float,
        alignments: bool = False,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.search = search
        self.ctc_weight = ctc_weight
        self.alignments = alignments
        self._seconds_a_step = model.encoder.time_reduction * model.features.options.hop_ms / 1000.0
        self._graph = tf.function(
            self._search,
            input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)],
        )

    def _search(self, waveforms: tf.Tensor, length: tf.Tensor) -> tuple[SearchResult, tf.Tensor, tf.Tensor]:
        encoded = self.model.encode(waveforms, length)
        log_probs = tf.nn.log_softmax(self.model.ctc_logits(encoded))
        if self.ctc_weight == 1.0:
            return self._by_ctc(log_probs, encoded.memory_length), encoded.memory_length, log_probs
        state, memory = self.model.start(encoded)
        options = self.search
        ids = SpecialIds(self.tokenizer.start_id, self.tokenizer.end_id, self.tokenizer.pad_id)
        scorers = []
        if self.ctc_weight:
            scorers.append(
                CTCPrefixScorer(
                    log_probs,
                    encoded.memory_length,
                    blank_id=self.tokenizer.pad_id,
                    special_ids=ids,
                    weight=self.ctc_weight,
                    candidates=CTC_CANDIDATES if self.tokenizer.vocabulary_size > 2 * CTC_CANDIDATES else 0,
                )
            )
        common = dict(
            state=state,
            memory=memory,
            special_ids=ids,
            max_length=tf.maximum(
                relative_length(encoded.memory_length, options.max_length_ratio, options.max_length_offset), 1
            ),
            min_length=relative_length(encoded.memory_length, options.min_length_ratio),
            scorers=scorers,
            model_weight=1.0 - self.ctc_weight,
            return_alignments=self.alignments,
        )
        if options.name == "greedy":
            result = greedy_search(self.model.step, **common)
        else:
            result = beam_search(
                self.model.step,
                beam_width=options.beam_width,
                length_penalty=options.length_penalty,
                coverage_penalty=options.coverage_penalty,
                memory_mask=memory.mask,
                **common,
            )
        return result, encoded.memory_length, log_probs

    def _by_ctc(self, log_probs: tf.Tensor, length: tf.Tensor) -> SearchResult:
        blank_id = self.tokenizer.pad_id
        if self.search.name == "greedy":
            return ctc_greedy(log_probs, length, blank_id)
        return ctc_prefix_beam(log_probs, length, blank_id, self.search.beam_width)

    def transcribe_batch(self, waveforms: Sequence[np.ndarray]) -> list[Transcription]:
        """Recognises waveforms ``[N]`` float32 of the model's sample rate, in their order."""
        result, memory_length, log_probs = self._graph(*pad_waveforms(waveforms))
        ids, lengths, scores = result.ids.numpy(), result.lengths.numpy(), result.scores.numpy()
        found = []
        for b, steps in enumerate(memory_length.numpy()):
            real = scores[b] > np.finfo(np.float32).min
            kept = min(self.search.n_best, max(1, int(real.sum())))
            rows = [ids[b, k, : lengths[b, k]].tolist() for k in range(kept)]
            alignment = posteriors = None
            times: list[str] = []
            if self.alignments:
                times = [f"{step * self._seconds_a_step:.2f}" for step in range(steps)]
                posteriors = np.exp(log_probs[b, :steps].numpy())
                if result.alignments is not None:
                    alignment = result.alignments[b, 0, : lengths[b, 0], :steps].numpy()
            found.append(
                Transcription(
                    texts=self.tokenizer.decode(rows),
                    scores=scores[b, :kept].tolist(),
                    pieces=self.tokenizer.pieces(rows[0]),
                    source_pieces=times,
                    alignment=alignment,
                    posteriors=posteriors,
                )
            )
        return found

    def transcribe(self, waveforms: Iterable[np.ndarray]) -> Iterator[Transcription]:
        """Recognises any number of waveforms; the transcriptions come in their order."""
        waveforms = iter(waveforms)
        while chunk := list(islice(waveforms, CHUNK)):
            yield from self._sorted(chunk)

    def transcribe_index(self, index: UtteranceIndex) -> list[Transcription]:
        """Recognises the utterances of an index, in their order."""
        return list(self.transcribe(index.waveform(row) for row in range(len(index))))

    def _sorted(self, waveforms: Sequence[np.ndarray]) -> list[Transcription]:
        lengths = np.fromiter(map(len, waveforms), np.int64, len(waveforms))
        plan = evaluation_plan(
            lengths, np.zeros_like(lengths), batch_type="examples", batch_size=self.search.batch_size
        )
        found: dict[int, Transcription] = {}
        for rows in plan:
            found.update(zip(rows.tolist(), self.transcribe_batch([waveforms[row] for row in rows])))
        return [found[row] for row in range(len(waveforms))]
