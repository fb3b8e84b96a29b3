"""The graph that goes on with prompts, and says how likely lines are."""

from __future__ import annotations

import json

import tensorflow as tf

from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.search import SearchResult
from seq2seq.serving.graph_checks import checked_ids, checked_numbers, checked_rows
from seq2seq.serving.graph_detokenizer import GraphDetokenizer
from seq2seq.serving.graph_targets import graph_targets
from seq2seq.serving.search_module import OPTION_SPECS, Options, SearchModule
from seq2seq.serving.serving_module import LENGTHS, Outputs, at_least_one_row, encoded_outputs
from seq2seq.serving.source_text import ABOUT_TEXT, IDS, TEXT, SourceText
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.tasks.language_model.generator import PROMPT_SPECS, Generator
from seq2seq.tasks.language_model.line_encoder import LineEncoder
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.reading import (
    ReadingState,
    StateArrays,
    likeliest_next,
    next_log_probs,
    score_next,
    stacked,
    started,
    unstacked,
)
from seq2seq.tasks.language_model.scoring import token_log_probs
from seq2seq.text import Tokenizer

_NAMES = {
    **ABOUT_TEXT,
    "log_prob": "of each line, its end included, in nats",
    "token_log_probs": "of each token given those before it; 0 past the length",
    "last": "the token that each row reads next; the start of a line after the end of one",
    "h": "outputs of the layers, a row of each, after all tokens but that; zeros at first",
    "c": "their cells, likewise",
    "log_probs": "of all tokens that may come next",
    "likeliest": "the likeliest of them, which the state that is returned has taken",
}

LAST = tf.TensorSpec([None], tf.int32, "last")


class LanguageModelModule(SearchModule):
    """Signatures of the language model.

    Always: ``generate_tokens``, ``generate_tokens_with_options``, ``score_tokens``, ``encode``, and, with a state that
    is given and returned, ``score_next`` and ``generate_step``. Where the tokenizer is part of the graph also
    ``generate``, ``generate_with_options``, ``score`` and ``tokenize``. An empty prompt is the start of a line.

    Args:
      model: with its weights. weights: as they are to be kept.
      tokenizer: of the model.
      search: the search's own.
      limits: see ``ServingModule``.
      in_graph: whether text is tokenised in the graph.
    """

    names = _NAMES

    def __init__(
        self,
        model: LanguageModel,
        weights: StoredWeights,
        tokenizer: Tokenizer,
        search: SearchConfig,
        limits: ExportConfig,
        *,
        in_graph: bool,
    ) -> None:
        super().__init__(weights, GraphDetokenizer(tokenizer), search, limits)
        self._text = SourceText(tokenizer, limits, in_graph=in_graph)
        # Behind a closure: what a module has as an attribute, its SavedModel keeps.
        self._model_of = lambda: model
        self._find = self.graph(self._search_graph, *PROMPT_SPECS)
        self._find_with_options = self.graph(self._search_graph, *PROMPT_SPECS, *OPTION_SPECS)
        self._log_probs = self.graph(self._log_probs_graph, *PROMPT_SPECS)
        self._encode = self.graph(LineEncoder(model, tokenizer.start_id).encode, *PROMPT_SPECS)
        if in_graph:
            self.resources = [self._text.resources]
            self.add_search("generate", self._generate, TEXT)
            self.add("score", self._score, TEXT)
            self.add("tokenize", self._tokenize, TEXT)
        self.add_search("generate_tokens", self._generate_tokens, IDS, LENGTHS)
        self.add("score_tokens", self._score_tokens, IDS, LENGTHS)
        state = (LAST, *state_specs(model))
        self._read = self.graph(self._read_graph, *PROMPT_SPECS, *state)
        self._next = self.graph(self._next_graph, *state)
        self.add("score_next", self._score_next, IDS, LENGTHS, *state)
        self.add("generate_step", self._generate_step, *state)
        self.add("encode", self._encode_tokens, IDS, LENGTHS)
        self.functions["serving_default"] = self.functions["generate" if in_graph else "generate_tokens"]

    # --- what signatures share ---

    def _search_graph(self, ids: tf.Tensor, lengths: tf.Tensor, *options: tf.Tensor) -> SearchResult:
        generator = Generator(self._model_of(), self._text.tokenizer, self.search_with(*options))
        return generator.find(ids, lengths)._replace(alignments=())

    def _log_probs_graph(self, ids: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """``[B, T + 1]`` of lines ``[B, T]``."""
        inputs, outputs = graph_targets(ids, length, self._text.tokenizer)
        batch = Batch(
            example_ids=tf.range(tf.shape(ids)[0]),
            source_ids=ids,
            source_length=length,
            target_inputs=inputs,
            target_outputs=outputs,
            target_length=length + 1,
        )
        return token_log_probs(self._model_of(), batch)

    def _read_graph(
        self, ids: tf.Tensor, length: tf.Tensor, *state: tf.Tensor
    ) -> tuple[tf.Tensor, StateArrays]:
        model, tokenizer = self._model_of(), self._text.tokenizer
        log_probs, after = score_next(model, tokenizer, ids, length, unstacked(StateArrays(*state)))
        return log_probs, stacked(after)

    def _next_graph(self, *state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, StateArrays]:
        tokenizer = self._text.tokenizer
        log_probs, layers = next_log_probs(self._model_of(), unstacked(StateArrays(*state)))
        likeliest = likeliest_next(log_probs, tokenizer)
        return log_probs, likeliest, stacked(ReadingState(started(likeliest, tokenizer), layers))

    def _state(self, last: tf.Tensor, h: tf.Tensor, c: tf.Tensor, rows: tf.Tensor) -> StateArrays:
        """What was given, of so many rows, with one row more where there is none."""
        alone = self._text.bounded(tf.expand_dims(last, 1), "last")
        checked = checked_ids(
            checked_rows(alone, "last", rows),
            tf.ones_like(last),
            "last",
            vocabulary_size=self._text.tokenizer.vocabulary_size,
            pad_id=self._text.tokenizer.pad_id,
        )
        missing = tf.maximum(1 - rows, 0)
        parts = []
        for name, part in (("h", h), ("c", c)):
            part = checked_rows(part, name, rows)
            part = checked_numbers(part, tf.fill([rows], part.shape[1]), name)
            parts.append(tf.pad(part, [[0, missing], [0, 0], [0, 0]]))
        return StateArrays(tf.pad(checked[:, 0], [[0, missing]]), *parts)

    def _found(
        self, options: Options | None, ids: tf.Tensor, lengths: tf.Tensor
    ) -> tuple[Outputs, SearchResult, tf.Tensor]:
        """What goes on from ids ``[B, T]``, as texts with these; the result itself; and ``[B]`` bool, all True."""
        start_id, every = self._text.tokenizer.start_id, tf.ones_like(lengths, tf.bool)
        started = tf.pad(ids, [[0, 0], [1, 0]], constant_values=start_id)
        started, length = at_least_one_row(started, lengths + 1, start_id)
        rows = started, length
        result = self._find(*rows) if options is None else self._find_with_options(*rows, *options)
        return self.texts(with_prompts(result, started[:, 1:], length - 1), every), result, every

    # --- the signatures ---

    def _generate(self, options: Options | None, text: tf.Tensor) -> Outputs:
        ids, lengths = self._text.ids_of(text, "text")
        return self._found(options, self._text.bounded(ids, "text"), lengths)[0]

    def _generate_tokens(self, options: Options | None, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._text.checked(ids, lengths)
        texts, result, every = self._found(options, ids, lengths)
        count = tf.size(every)
        return {**texts, "ids": result.ids[:count], "lengths": result.lengths[:count]}

    def _score(self, text: tf.Tensor) -> Outputs:
        ids, lengths = self._text.ids_of(text, "text")
        return self._scores(self._text.bounded(ids, "text"), lengths)

    def _score_tokens(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        return self._scores(*self._text.checked(ids, lengths))

    def _scores(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        count = tf.size(lengths)
        missing = tf.maximum(1 - count, 0)
        log_probs = self._log_probs(tf.pad(ids, [[0, missing], [0, 0]]), tf.pad(lengths, [[0, missing]]))[
            :count
        ]
        return {"log_prob": tf.reduce_sum(log_probs, axis=1), "token_log_probs": log_probs}

    def _score_next(
        self, ids: tf.Tensor, lengths: tf.Tensor, last: tf.Tensor, h: tf.Tensor, c: tf.Tensor
    ) -> Outputs:
        ids, lengths = self._text.checked(ids, lengths)
        rows, columns = tf.unstack(tf.shape(ids))
        state = self._state(last, h, c, rows)
        missing = tf.maximum(1 - tf.shape(ids), 0)
        filled = tf.pad(ids, [[0, missing[0]], [0, missing[1]]])
        log_probs, after = self._read(filled, tf.pad(lengths, [[0, missing[0]]]), *state)
        log_probs = log_probs[:rows, :columns]
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "token_log_probs": log_probs,
            **{name: part[:rows] for name, part in after._asdict().items()},
        }

    def _generate_step(self, last: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> Outputs:
        rows = tf.size(last)
        log_probs, likeliest, after = self._next(*self._state(last, h, c, rows))
        outputs = {"log_probs": log_probs, "likeliest": likeliest, **after._asdict()}
        return {name: part[:rows] for name, part in outputs.items()}

    def _encode_tokens(self, ids: tf.Tensor, lengths: tf.Tensor) -> Outputs:
        ids, lengths = self._text.checked(ids, lengths)
        steps = tf.shape(ids)[1]
        encoded = self._encode(*at_least_one_row(ids, lengths, self._text.tokenizer.start_id))
        return encoded_outputs(encoded._replace(memory=encoded.memory[:, :steps]), lengths > 0)

    def _tokenize(self, text: tf.Tensor) -> Outputs:
        ids, lengths = self._text.ids_of(text, "text")
        return {"ids": ids, "lengths": lengths}


def state_specs(model: LanguageModel) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Of ``h`` and ``c`` as ``StateArrays`` has them."""
    layers, size = len(model.encoder.state_sizes), model.encoder.state_sizes[0]
    return (
        tf.TensorSpec([None, layers, size.h], tf.float32, "h"),
        tf.TensorSpec([None, layers, size.c], tf.float32, "c"),
    )


def with_prompts(result: SearchResult, prompts: tf.Tensor, lengths: tf.Tensor) -> SearchResult:
    """The result with prompts ``[B, P]`` of these lengths ``[B]`` before its ids."""
    rows, width, steps = tf.unstack(tf.shape(result.ids))
    columns = tf.range(tf.shape(prompts)[1] + steps)[tf.newaxis]  # [1, P + T]
    begun, prompts = (tf.repeat(values, width, axis=0) for values in (lengths, prompts))  # [B · K, …]
    after = tf.clip_by_value(columns - begun[:, tf.newaxis], 0, steps - 1)
    generated = tf.gather(tf.reshape(result.ids, [-1, steps]), after, batch_dims=1)
    ids = tf.where(columns < begun[:, tf.newaxis], tf.pad(prompts, [[0, 0], [0, steps]]), generated)
    return result._replace(
        ids=tf.reshape(ids, [rows, width, -1]), lengths=result.lengths + lengths[:, tf.newaxis]
    )


def text_values(text: str, ids: list[int]) -> dict[str, str]:
    """A text of the run's own language, and its ids, as inputs of the signatures."""
    return {
        "text": f"tf.constant([{json.dumps(text, ensure_ascii=False)}])",
        "ids": f"tf.constant([{ids}])",
        "lengths": f"tf.constant([{len(ids)}])",
    }
