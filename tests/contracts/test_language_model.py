"""Contracts 1 to 3 of the language model: nothing of a line depends on its padding or its batch mates, under every
policy that masks; its probabilities are those of an LSTM written in NumPy; token by token and in windows it says what
it says of the whole line; its penalties and its weight drop are what they are said to be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.attention import AttentionConfig
from seq2seq.config.groups.classification import ClassificationModelConfig
from seq2seq.config.groups.language_model import LanguageModelTaskConfig
from seq2seq.config.groups.masking import MaskingConfig, MaskingPolicy
from seq2seq.config.groups.model import (
    Bridge,
    DecoderConfig,
    EmbeddingConfig,
    EncoderConfig,
    ModelConfig,
    Tie,
)
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.datasets.batches.pairs import Batch, Ragged, Shape, make_batch
from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.recurrence import LSTM, cell_over_time
from seq2seq.randomness import drawing
from seq2seq.search import greedy_search
from seq2seq.tasks.classification.model import build_classification_model
from seq2seq.tasks.language_model.generator import Generator, PromptedModel
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.scoring import LineScorer, line_batch, token_log_probs
from seq2seq.tasks.language_model.training import language_model_loss
from seq2seq.tasks.searching import special_ids
from seq2seq.tasks.translation.model import build_translation_model
from seq2seq.text.matching import CommonPieces
from seq2seq.text.train import train_tokenizer
from seq2seq.training.transfer import Outcome, Transfer
from tests.closeness import assert_close, assert_gradients_close
from tests.contracts.variants import LANGUAGE_MODELS, PAD, VOCABULARY, build_lm

WORDS = train_tokenizer(["a b c d e f g h i j k l m n o p q r s"], kind="word", vocabulary_size=VOCABULARY)
LINES = [[5, 9, 11, 4, 7], [8], [], [7, 7, 13, 21, 5, 16, 4]]
CASES = [
    *((name, MaskingPolicy.strict) for name in LANGUAGE_MODELS),
    ("tied", MaskingPolicy.cudnn),  # which is Keras' layer for plain cells, and else as strict
    ("two residual layers, normalised, tied by an adapter", MaskingPolicy.cudnn),
    ("one layer", MaskingPolicy.static),  # as strict, but for the shapes
    ("every option of the cell", MaskingPolicy.static),
]
OPTIONS = LanguageModelTaskConfig(label_smoothing=0.1, activation_l2=0.7, temporal_l2=0.3)


def batch_of(lines: list[list[int]], extra: int = 0, shape: Shape | None = None) -> Batch:
    """`extra` more columns, and tokens in all of the padding: whoever looks at it gives itself away."""
    batch = make_batch(
        np.arange(len(lines)),
        Ragged.of([line or [1] for line in lines]),
        Ragged.of(lines),
        source_pad_id=PAD,
        target_tokenizer=WORDS,
        shape=shape,
    )

    def spoilt(ids: np.ndarray) -> np.ndarray:
        ids = np.pad(ids, [(0, 0), (0, extra)])
        return np.where(np.arange(ids.shape[1]) < batch.target_length[:, None], ids, 5).astype(np.int32)

    sides = {name: spoilt(getattr(batch, name)) for name in ("target_inputs", "target_outputs")}
    return Batch(*map(tf.constant, batch._replace(**sides)))


class Taught(NamedTuple):
    log_probs: np.ndarray
    loss: float
    tokens: float
    gradients: list[np.ndarray]


def teach(model: LanguageModel, batch: Batch) -> Taught:
    with tf.GradientTape() as tape:
        loss = language_model_loss(model, batch, True, OPTIONS)  # no variant has dropout
    gradients = tape.gradient(loss.total, model.trainable_variables, unconnected_gradients="zero")
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    return Taught(token_log_probs(model, batch).numpy(), float(loss.total), float(loss.tokens), dense)


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_whatever_pads_a_line_and_shares_its_batch(name: str, policy: MaskingPolicy) -> None:
    model = build_lm(name, policy, gpu=True)
    alone = [teach(model, batch_of([line])) for line in LINES]
    order = [2, 0, 3, 1]
    for extra, fixed in ((4, None), (0, Shape(source=12, target=12, rows=7))):
        mixed = teach(model, batch_of([LINES[n] for n in order], extra, fixed))
        for row, n in enumerate(order):
            length = len(LINES[n]) + 1
            assert_close(mixed.log_probs[row, :length], alone[n].log_probs[0])
            assert not mixed.log_probs[row, length:].any()
        assert mixed.tokens == sum(len(line) + 1 for line in LINES)
        assert_close(mixed.loss, sum(one.loss for one in alone))
        together = [sum(each) for each in zip(*(one.gradients for one in alone))]
        assert_gradients_close(mixed.gradients, together)


def test_without_masking_padding_changes_results() -> None:
    """The contract can fail: padding that is read changes the state after a line, and with it the outputs' penalty."""
    model = build_lm("one layer", MaskingPolicy.none)
    batches = [batch_of([LINES[0]], extra) for extra in (0, 4)]
    states = [model.features(batch.target_inputs, batch.target_length)[1] for batch in batches]
    assert np.max(np.abs(states[0][0].h - states[1][0].h)) > 1e-3


# --- the oracle ---


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def numpy_log_prob(model: LanguageModel, line: list[int]) -> float:
    """Of a whole line and its end, by an LSTM written out in float64."""
    table = model.embedding.table.numpy().astype(np.float64)
    cell, projection = model.encoder.stack[0][0].cell, model.output_projection
    kernel, recurrent, bias = (
        np.asarray(weight, np.float64) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
    )
    h = c = np.zeros(recurrent.shape[0])
    total = 0.0
    for read, following in zip([WORDS.start_id, *line], [*line, WORDS.end_id]):
        i, f, g, o = np.split(model.embedding.factor * table[read] @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = projection.table.numpy().astype(np.float64) @ h + projection.bias.numpy()
        total += logits[following] - np.log(np.exp(logits).sum())
    return total


@pytest.mark.parametrize("name", ["one layer", "tied"])
def test_numpy_gives_the_same(name: str) -> None:
    model = build_lm(name)
    model.output_projection.bias.assign(np.linspace(-1, 1, VOCABULARY))
    expected = [numpy_log_prob(model, line) for line in LINES]
    assert_close(tf.reduce_sum(token_log_probs(model, batch_of(LINES)), 1), expected)
    plain = language_model_loss(model, batch_of(LINES), False, OPTIONS)
    assert_close(float(plain.cross_entropy), -sum(expected))


# --- step by step = the whole ---


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_token_by_token_and_in_windows(name: str) -> None:
    model = build_lm(name)
    inputs = tf.constant([[WORDS.start_id, *LINES[3]], [WORDS.start_id, *LINES[3][::-1]]], tf.int32)
    whole = model(inputs, tf.constant([8, 8]))
    state = model.start(2)
    for t in range(8):
        logits, state = model.step(inputs[:, t], state)
        assert_close(logits, whole[:, t])
    first, carried = model.features(inputs[:, :3], tf.constant([3, 3]))
    second, after = model.features(inputs[:, 3:], tf.constant([5, 5]), carried)
    features, at_once = model.features(inputs, tf.constant([8, 8]))
    assert_close(tf.concat([first, second], 1), features)
    for one, other in zip(tf.nest.flatten(after), tf.nest.flatten(at_once)):
        assert_close(one, other)


def test_a_search_is_scored_as_a_line_is() -> None:
    """From prompts of any length: what was found, and was ended, has the score that `score` gives it."""
    model = build_lm("one layer")
    model.output_projection.bias.assign(tf.one_hot(WORDS.end_id, VOCABULARY) * 1.0)
    search = SearchConfig(name=SearchName.beam, beam_width=3, n_best=3, length_penalty=0.0)
    generator, scorer = Generator(model, WORDS, search), LineScorer(model, WORDS, 4)
    prompts = ["", "a", "b c d e"]
    for prompt, prediction in zip(prompts, generator.predict(prompts)):
        begun = len(prompt.split())
        for text, score in zip(prediction.texts, prediction.scores):
            assert text.startswith(prompt)
            (found,) = scorer([text])
            ended = len(found.pieces) - 1 - begun < 2 * begun + 10  # else it was cut there
            assert_close(score, found.log_probs[begun : None if ended else -1].sum())
    (alone,) = generator.predict([prompts[1]])
    assert alone.texts == list(generator.predict(prompts))[1].texts


def test_greedy_search_over_the_whole_line_is_a_loop() -> None:
    model, prompt = build_lm("tied"), [5, 9]
    ids = tf.constant([[WORDS.start_id, *prompt]])
    prompted = PromptedModel(model, ids, tf.constant([3]))
    state, memory = prompted.start(prompted.encoded)
    found = greedy_search(
        prompted.step, state=state, memory=memory, special_ids=special_ids(WORDS), max_length=tf.constant([6])
    )
    line = list(prompt)
    for _ in range(6):
        logits = model(tf.constant([[WORDS.start_id, *line]]), tf.constant([len(line) + 1]))[0, -1].numpy()
        logits[[WORDS.start_id, WORDS.pad_id]] = -np.inf
        if logits.argmax() == WORDS.end_id:
            break
        line.append(int(logits.argmax()))
    assert found.ids[0, 0, : found.lengths[0, 0]].numpy().tolist() == line[2:]


# --- penalties and weight drop ---


def test_penalties_are_those_of_the_paper() -> None:
    model, batch = build_lm("one layer"), batch_of(LINES)
    outputs = model.read(batch.target_inputs, batch.target_length).outputs.numpy()
    loss = {
        weights: float(
            language_model_loss(
                model, batch, True, LanguageModelTaskConfig(label_smoothing=0.0, **dict(weights))
            ).total
        )
        for weights in ((), (("activation_l2", 2.0),), (("temporal_l2", 3.0),))
    }
    rows = [outputs[row, : len(line) + 1].astype(np.float64) for row, line in enumerate(LINES)]
    activation = sum((row**2).mean(axis=1).sum() for row in rows)
    temporal = sum((np.diff(row, axis=0) ** 2).mean(axis=1).sum() for row in rows)
    plain = loss[()]
    assert_close(loss[("activation_l2", 2.0),] - plain, 2.0 * activation, scale=plain)
    assert_close(loss[("temporal_l2", 3.0),] - plain, 3.0 * temporal, scale=plain)


@pytest.mark.parametrize("options", [{}, {"use_peepholes": True, "num_proj": 3}])
def test_weight_drop_is_a_mask_of_the_recurrent_kernel(options: dict[str, Any]) -> None:
    """Outputs and the gradient by hand against automatic differentiation of cells that read step by step."""
    keras.utils.set_random_seed(5)
    layer = LSTM(4, options=CellOptions(**options), weight_dropout=0.5)
    inputs = tf.random.normal([3, 6, 2])
    length = tf.fill([3], 6)
    key = tf.constant([7, 0], tf.int64)
    layer(inputs, length)
    with drawing(key):
        mask = layer.weight_dropout.mask(1, layer.cell.output_size, 16)[0]
    assert set(np.unique(mask)) == {0.0, 2.0}
    variables = layer.trainable_variables

    def by_hand() -> tf.Tensor:
        with drawing(key):
            return layer(inputs, length, training=True)[0]

    def by_steps() -> tf.Tensor:
        state, steps, kernel = (
            layer.cell.get_initial_state(batch_size=3),
            [],
            layer.cell.recurrent_kernel * mask,
        )
        for t in range(6):
            projected = layer.cell.project_inputs(inputs[:, t])
            state = layer.cell.advance(projected, state.h @ kernel, state.c, layer.cell.inner_weights)
            steps.append(state.h)
        return tf.stack(steps, 1)

    found = []
    for run in (by_hand, by_steps):
        with tf.GradientTape() as tape:
            outputs = run()
            loss = tf.reduce_sum(tf.sin(outputs))
        found.append((outputs, tape.gradient(loss, variables)))
    assert_close(found[0][0], found[1][0])
    assert_gradients_close(*([gradient.numpy() for gradient in gradients] for _, gradients in found))
    recurrent = next(n for n, variable in enumerate(variables) if "recurrent_kernel" in variable.name)
    assert not found[0][1][recurrent].numpy()[mask.numpy() == 0.0].any()


def test_weight_drop_is_exact_where_it_is_off() -> None:
    keras.utils.set_random_seed(5)
    layer, inputs, length = LSTM(4, weight_dropout=0.5), tf.random.normal([3, 6, 2]), tf.fill([3], 6)
    outputs = layer(inputs, length)[0]
    plain = LSTM(4)
    plain(inputs, length)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(outputs, plain(inputs, length, training=True)[0])
    states = cell_over_time(
        layer.cell, tf.transpose(inputs, [1, 0, 2]), layer.cell.get_initial_state(batch_size=3)
    )
    np.testing.assert_array_equal(outputs, tf.transpose(states.h, [1, 0, 2]))


def test_lines_of_a_batch_may_be_empty() -> None:
    batch = line_batch(np.arange(2), [[], [5]], WORDS)
    assert batch.target_length.tolist() == [1, 2]


# --- what other models begin with ---

ALL = CommonPieces(np.arange(VOCABULARY), np.arange(VOCABULARY), VOCABULARY)


def taken(here: Any, there: Any, part: str) -> tuple[Outcome, Transfer]:
    transfer = Transfer()
    return transfer.take(here.parts()[part], there.parts()[part], lambda *_: ALL), transfer


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_everything_of_a_language_model_gives_its_outputs(name: str) -> None:
    here, there, draw = build_lm(name), build_lm(name), np.random.default_rng(1)
    for variable in there.trainable_variables:
        variable.assign_add(0.1 * draw.normal(size=variable.shape))
    transfer = Transfer()
    for part in here.parts():
        assert transfer.take(here.parts()[part], there.parts()[part], lambda *_: ALL).left == []
    inputs, length = draw.integers(4, VOCABULARY, (3, 6)), np.array([6, 4, 1])
    np.testing.assert_array_equal(here(inputs, length), there(inputs, length))
    assert all(mask.all() for mask in transfer.masks(here.trainable_variables))


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_an_encoder_begins_exactly_where_the_language_model_is(name: str) -> None:
    """Of a classifier and of a translation model: the same outputs and states of the same tokens."""
    there, config = build_lm(name), LANGUAGE_MODELS[name]
    same = dict(cell=config.cell, embedding=EmbeddingConfig(size=6), encoder=config.encoder)
    keras.utils.set_random_seed(11)
    classifier = build_classification_model(
        ClassificationModelConfig(**same), MaskingConfig(), vocabulary_size=VOCABULARY, labels=3
    )
    translation = build_translation_model(
        ModelConfig(**same, bridge=Bridge.zero),
        MaskingConfig(),
        source_vocabulary_size=VOCABULARY,
        target_vocabulary_size=VOCABULARY,
    )
    ids, length = np.random.default_rng(1).integers(4, VOCABULARY, (3, 6)), np.array([6, 4, 1])
    expected = there.encode(ids, length)
    for here in (classifier, translation):
        outcome, _ = taken(here, there, "encoder")
        assert outcome.fits and outcome.left == []
        for one, other in zip(tf.nest.flatten(here.encode(ids, length)), tf.nest.flatten(expected)):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("feeding", [True, False])
def test_a_decoder_takes_the_cells_and_the_tables(feeding: bool) -> None:
    """With input feeding, the rows of its kernel that read the embedding; those of the attention stay as they were."""
    there = build_lm("tied")
    decoder = DecoderConfig(
        units=6, input_feeding=feeding, attention=AttentionConfig(kind="luong", layer_size=6)
    )
    config = ModelConfig(
        embedding=EmbeddingConfig(size=6, tie=Tie.target_output),
        encoder=EncoderConfig(units=4),
        decoder=decoder,
    )
    here = build_translation_model(
        config, MaskingConfig(), source_vocabulary_size=VOCABULARY, target_vocabulary_size=VOCABULARY
    )
    cell, theirs = here.decoder.cell.cells[0], there.encoder.stack[0][0].cell
    before = cell.kernel.numpy()
    outcome, transfer = taken(here, there, "decoder")
    assert "layer 1" in outcome.taken
    fed = "what is fed back to layer 1 (not on both sides)"
    assert outcome.left == [*([fed] if feeding else []), "attention (none there)"]
    np.testing.assert_array_equal(cell.kernel[:6], theirs.kernel)
    np.testing.assert_array_equal(cell.kernel[6:], before[6:])
    np.testing.assert_array_equal(cell.recurrent_kernel, theirs.recurrent_kernel)
    np.testing.assert_array_equal(here.target_embedding.table, there.embedding.table)
    np.testing.assert_array_equal(here.output_projection.bias, there.output_projection.bias)
    mask = dict(zip((v.ref() for v in here.trainable_variables), transfer.masks(here.trainable_variables)))
    assert mask[cell.kernel.ref()][:6].all() and not mask[cell.kernel.ref()][6:].any()
    back, _ = taken(there, here, "decoder")  # and the other way about
    assert "layer 1" in back.taken
