"""Contract 7: one graph for training and one for search, whatever the shapes of the batches."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.language_model import LanguageModelTaskConfig
from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.datasets.batches.pairs import Batch, Ragged, make_batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.tasks.language_model.generator import Generator
from seq2seq.tasks.language_model.training import language_model_loss
from seq2seq.tasks.translation.training import translation_loss
from seq2seq.tasks.translation.translator import Translator
from seq2seq.text.train import train_tokenizer
from seq2seq.training.optim.optimizers import Adam
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.step import TrainStep
from tests.contracts.variants import VOCABULARY, build, build_lm


def random_batch(rng: np.random.Generator, tokenizer: object) -> Batch:
    size = int(rng.integers(1, 6))

    def rows() -> Ragged:
        return Ragged.of([rng.integers(4, VOCABULARY, rng.integers(1, 12)).tolist() for _ in range(size)])

    return make_batch(np.arange(size), rows(), rows(), source_pad_id=0, target_tokenizer=tokenizer)  # type: ignore[arg-type]


def test_training_and_search_trace_once() -> None:
    tokenizer = train_tokenizer(
        ["a b c d e f g h i j k l m n o p q r s"], kind="word", vocabulary_size=VOCABULARY
    )
    model, rng = build("luong"), np.random.default_rng(0)
    optimizer = Adam(Constant(1e-3))
    optimizer.build(model.trainable_variables)
    step = TrainStep(
        model=model,
        loss=lambda model, batch, training: translation_loss(model, batch, training, 0.1),
        optimizer=optimizer,
        signature=(SIGNATURE,),
    )
    search = SearchConfig(name=SearchName.beam, beam_width=3)
    translator = Translator(model, tokenizer, tokenizer, search)
    for _ in range(12):
        batch = random_batch(rng, tokenizer)
        assert step(((Batch(*map(tf.constant, batch)),),)).finite
        assert len(translator.translate_batch(batch)) == len(batch.example_ids)
    assert step.traces == 1
    assert translator._graph.experimental_get_tracing_count() == 1


def test_a_language_model_traces_once() -> None:
    words = [chr(ord("a") + n) for n in range(19)]
    tokenizer = train_tokenizer([" ".join(words)], kind="word", vocabulary_size=VOCABULARY)
    model, rng = build_lm("one layer"), np.random.default_rng(0)
    optimizer = Adam(Constant(1e-3))
    optimizer.build(model.trainable_variables)
    options = LanguageModelTaskConfig(activation_l2=1.0)
    step = TrainStep(
        model=model,
        loss=lambda model, batch, training: language_model_loss(model, batch, training, options),
        optimizer=optimizer,
        signature=(SIGNATURE,),
    )
    generator = Generator(model, tokenizer, SearchConfig(name=SearchName.sampling, n_best=3))
    for count in range(12):
        batch = random_batch(rng, tokenizer)
        assert step(((Batch(*map(tf.constant, batch)),),)).finite
        assert len(list(generator.predict([" ".join(words[:count])] * (1 + count % 3)))) == 1 + count % 3
    assert step.traces == 1
    assert generator._graph.experimental_get_tracing_count() == 1
