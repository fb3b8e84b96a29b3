"""The graph that translates."""

from __future__ import annotations

import json
from collections.abc import Sequence

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.search import SearchResult
from seq2seq.serving.graph_checks import check
from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.graph_targets import graph_targets
from seq2seq.serving.search_module import OPTION_SPECS, Options, SearchModule
from seq2seq.serving.serving_module import LENGTHS, Outputs, at_least_one_row, encoded_outputs, keep
from seq2seq.serving.source_text import ABOUT_TEXT, IDS, TEXT, SourceText
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.tasks.translation.model import TranslationModel
from seq2seq.tasks.translation.scoring import pair_log_probs
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text import Tokenizer

_NAMES = {
    **ABOUT_TEXT,
    "source": "source texts",
    "target": "target texts, as many",
    "source_ids": "token ids of sources",
    "source_lengths": "how many of each row are real",
    "target_ids": "token ids of targets, without start and end",
    "target_lengths": "how many of each row are real",
    "alignments": "attention of each token to each position of the source",
    "log_prob": "of each target, given its source, in nats",
}


class TranslationModule(SearchModule):
    """Signatures of translation.

    Always: ``translate_tokens``, ``translate_tokens_with_options``, ``score_tokens``, ``encode``. Where the tokenizer
    is part of the graph also ``translate``, ``translate_with_options``, ``score`` and ``tokenize``.

    Args:
      model: with its weights. weights: as they are to be kept.
      source_tokenizer, target_tokenizer: of the model.
      search: the search's own.
      limits: see ``ServingModule``.
      max_source_length: what is translated is cut there, in tokens; 0: nowhere.
      in_graph: whether text is tokenised in the graph.
    """

    names = _NAMES

    def __init__(
        self,
        model: TranslationModel,
        weights: StoredWeights,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        search: SearchConfig,
        limits: ExportConfig,
        *,
        max_source_length: int,
        in_graph: bool,
    ) -> None:
        super().__init__(weights, GraphDetokenizer(target_tokenizer), search, limits)
        self._source = SourceText(source_tokenizer, limits, in_graph=in_graph)
        shared = target_tokenizer is source_tokenizer
        self._target = self._source if shared else SourceText(target_tokenizer, limits, in_graph=in_graph)
        self._max_source_length = max_source_length
        self._in_graph = in_graph
        # Behind a closure: what a module has as an attribute, its SavedModel keeps.
        self._model_of = lambda: model
        ids, lengths = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32))
        # A SavedModel holds every graph that there is, so that there are two: the quickest for the default signature,
        # and one for whatever else is asked.
        self._find = self.graph(lambda *inputs: self._search_graph(not in_graph, *inputs), ids, lengths)
        self._find_with_options = self.graph(
            lambda *inputs: self._search_graph(True, *inputs), ids, lengths, *OPTION_SPECS
        )
        self._encode = self.graph(model.encode, ids, lengths)
        self._log_probs = self.graph(self._log_probs_graph, ids, lengths, ids, lengths)

        if in_graph:
            self.resources = [side.resources for side in (self._source, self._target)]
            self.add_search("translate", self._translate, TEXT)
            both = (tf.TensorSpec([None], tf.string, name) for name in ("source", "target"))
            self.add("score", self._score, *both)
            self.add("tokenize", self._tokenize, TEXT)
        self.add_search("translate_tokens", self._translate_tokens, IDS, LENGTHS)
        self.add(
            "score_tokens",
            self._score_tokens,
            *(
                spec
                for side in ("source", "target")
                for spec in (_named(ids, f"{side}_ids"), _named(lengths, f"{side}_lengths"))
            ),
        )
        self.add("encode", self._encode_tokens, IDS, LENGTHS)
        self.functions["serving_default"] = self.functions["translate" if in_graph else "translate_tokens"]

    # --- what signatures share ---

    def _search_graph(
        self, alignments: bool, ids: tf.Tensor, lengths: tf.Tensor, *options: tf.Tensor
    ) -> SearchResult:
        search = self.search_with(*options)
        tokenizers = self._source.tokenizer, self._target.tokenizer
        translator = Translator(self._model_of(), *tokenizers, search, alignments=alignments)
        result = translator.find(ids, lengths)
        return result if alignments else result._replace(alignments=())

    def _log_probs_graph(
        self, source_ids: tf.Tensor, source_length: tf.Tensor, ids: tf.Tensor, length: tf.Tensor
    ) -> tf.Tensor:
        inputs, outputs = graph_targets(ids, length, self._target.tokenizer)
        batch = Batch(
            example_ids=tf.range(tf.shape(ids)[0]),
            source_ids=source_ids,
            source_length=source_length,
            target_inputs=inputs,
            target_outputs=outputs,
            target_length=length + 1,
        )
        return pair_log_probs(self._model_of(), batch)

    # --- the signatures ---

    def _translate(self, options: Options | None, text: tf.Tensor) -> Outputs:
        ids, lengths = self._source.ids_of(text, "text", self._max_source_length)
        ids = self._source.bounded(ids, "text")
        rows = at_least_one_row(ids, lengths, self._source.tokenizer.unknown_id)
        result = self._find(*rows) if options is None else self._find_with_options(*rows, *options)
        return self.texts(result, lengths > 0)

    def _translate_tokens(self, options: Options | None, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._source.checked(ids, lengths)
        exists, steps = lengths > 0, tf.shape(ids)[1]
        if self._max_source_length:
            ids, lengths = ids[:, : self._max_source_length], tf.minimum(lengths, self._max_source_length)
        rows = at_least_one_row(ids, lengths, self._source.tokenizer.unknown_id)
        if options is None and not self._in_graph:
            result = self._find(*rows)
        else:
            result = self._find_with_options(*rows, *(options or self.default_options))
        return {
            **self.texts(result, exists),
            "ids": keep(result.ids, exists),
            "lengths": keep(result.lengths, exists),
            "alignments": keep(_with_columns(result.alignments, steps), exists),
        }

    def _score(self, source: tf.Tensor, target: tf.Tensor) -> Outputs:
        as_many = check(
            tf.size(source) == tf.size(target), "target: must be as many as source, not", tf.size(target)
        )
        with tf.control_dependencies([as_many]):
            source_ids, source_lengths = self._source.ids_of(source, "source")
            target_ids, target_lengths = self._target.ids_of(target, "target")
        source_ids = self._source.bounded(source_ids, "source")
        target_ids = self._target.bounded(target_ids, "target")
        return self._scores(source_ids, source_lengths, target_ids, target_lengths)

    def _score_tokens(
        self,
        source_ids: tf.Tensor,
        source_lengths: tf.Tensor,
        target_ids: tf.Tensor,
        target_lengths: tf.Tensor,
    ) -> Outputs:
        source = self._source.checked(source_ids, source_lengths, "source_ids", "source_lengths")
        target_ids, target_lengths = self._target.checked(
            target_ids, target_lengths, "target_ids", "target_lengths"
        )
        as_many = check(
            tf.size(source[1]) == tf.size(target_lengths),
            "target_ids: must have as many rows as source_ids, not",
            tf.size(target_lengths),
        )
        with tf.control_dependencies([as_many]):
            return self._scores(*source, tf.identity(target_ids), target_lengths)

    def _scores(
        self, source_ids: tf.Tensor, source_length: tf.Tensor, ids: tf.Tensor, length: tf.Tensor
    ) -> Outputs:
        count, exists = tf.size(length), source_length > 0
        source = at_least_one_row(source_ids, source_length, self._source.tokenizer.unknown_id)
        missing = tf.maximum(1 - count, 0)
        ids, length = tf.pad(ids, [[0, missing], [0, 0]]), tf.pad(length, [[0, missing]])
        return {"log_prob": keep(self._log_probs(*source, ids, length), exists)}

    def _tokenize(self, text: tf.Tensor) -> Outputs:
        ids, lengths = self._source.ids_of(text, "text")
        return {"ids": ids, "lengths": lengths}

    def _encode_tokens(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._source.checked(ids, lengths)
        steps = tf.shape(ids)[1]
        encoded = self._encode(*at_least_one_row(ids, lengths, self._source.tokenizer.unknown_id))
        return encoded_outputs(encoded._replace(memory=encoded.memory[:, :steps]), lengths > 0)


def _with_columns(values: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Values ``[B, K, T, S]`` cut or filled up with zeros to so many columns."""
    missing = tf.maximum(columns - tf.shape(values)[3], 0)
    return tf.pad(values[..., :columns], [[0, 0], [0, 0], [0, 0], [0, missing]])


def _named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
    return tf.TensorSpec(spec.shape, spec.dtype, name)


def pair_values(texts: tuple[str, str], ids: tuple[Sequence[int], Sequence[int]]) -> dict[str, str]:
    """A pair of lines of the run's own languages, and their ids, as inputs of the signatures of translation."""
    source, target = (f"tf.constant([{json.dumps(text, ensure_ascii=False)}])" for text in texts)
    source_ids, target_ids = (f"tf.constant([{list(row)}])" for row in ids)
    source_length, target_length = (f"tf.constant([{len(row)}])" for row in ids)
    return {
        "text": source,
        "source": source,
        "target": target,
        "ids": source_ids,
        "lengths": source_length,
        "source_ids": source_ids,
        "source_lengths": source_length,
        "target_ids": target_ids,
        "target_lengths": target_length,
    }
