"""What fits is taken, exactly; what does not is left as it was, and said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.config.groups.speech import SpeechModelConfig
from seq2seq.keras2 import keras
from seq2seq.layers.parts import Part
from seq2seq.tasks.speech.model import SpeechModel, build_speech_model
from seq2seq.tasks.translation.model import TranslationModel, build_translation_model
from seq2seq.text import CharacterTokenizer, Normalizer, WordTokenizer
from seq2seq.text.matching import common_pieces
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.training.transfer import Outcome, Transfer, named_variables
from tests.tiny_speech import SIZES

SMALL = [
    "model.embedding.size=4",
    "model.encoder.units=3",
    "model.decoder.units=5",
    "model.decoder.attention.layer_size=4",
]
WORDS = ["one", "two", "three", "four", "five", "six"]


def words(*symbols: str) -> WordTokenizer:
    return WordTokenizer(list(symbols), Normalizer())


def translation(
    seed: int, *overrides: str, source: Tokenizer | None = None, target: Tokenizer | None = None
) -> TranslationModel:
    config = compose([*SMALL, *overrides])
    source, target = source or words(*WORDS), target or words(*WORDS)
    keras.utils.set_random_seed(seed)
    return build_translation_model(
        config.model,
        config.masking,
        source_vocabulary_size=source.vocabulary_size,
        target_vocabulary_size=target.vocabulary_size,
    )


def speech(seed: int, tokenizer: Tokenizer, *overrides: str) -> SpeechModel:
    config = compose([*SIZES, *overrides])
    assert isinstance(config.model, SpeechModelConfig)
    keras.utils.set_random_seed(seed)
    return build_speech_model(config.model, config.masking, vocabulary_size=tokenizer.vocabulary_size)


def take(
    here: TranslationModel | SpeechModel,
    there: TranslationModel | SpeechModel,
    *parts: str,
    tokenizers: Sequence[Tokenizer] = (words(*WORDS), words(*WORDS)),
    others: Sequence[Tokenizer] | None = None,
) -> tuple[dict[str, Outcome], Transfer]:
    """Of runs with these tokenizers of source and target."""
    sides, transfer = ("source", "target"), Transfer()

    def pieces(mine: str, theirs: str) -> object:
        return common_pieces(tokenizers[sides.index(mine)], (others or tokenizers)[sides.index(theirs)])

    outcomes = {
        part: transfer.take(here.parts()[part], there.parts()[part], pieces) for part in parts or here.parts()
    }
    return outcomes, transfer


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in named_variables(model).items()}


SOURCE, LENGTH = np.array([[4, 5, 6, 7], [8, 9, 0, 0]]), np.array([4, 2])
TARGET = np.array([[2, 4, 5], [2, 9, 8]])


def test_an_encoder_gives_exactly_the_outputs_of_the_other_and_nothing_else_changes() -> None:
    here, there = translation(1, "model.encoder.layers=2"), translation(2, "model.encoder.layers=2")
    before = {
        name: part for name, part in values(here).items() if name.startswith(("decoder", "output", "bridge"))
    }
    outcomes, transfer = take(here, there, "encoder")
    assert outcomes["encoder"].taken == [
        "normalised inputs", "layer 1", "layer 2", "source embedding (all pieces)",
    ]  # fmt: skip
    for a, b in zip(
        tf.nest.flatten(here.encode(SOURCE, LENGTH)), tf.nest.flatten(there.encode(SOURCE, LENGTH))
    ):
        np.testing.assert_array_equal(a, b)
    after = values(here)
    assert all(np.array_equal(value, after[name]) for name, value in before.items())
    taken = {
        variable.ref()
        for variable, mask in zip(here.trainable_variables, transfer.masks(here.trainable_variables))
        if mask.any()
    }
    encoder = [*here.encoder.trainable_variables, here.source_embedding.table]
    assert taken == {variable.ref() for variable in encoder}


def test_speech_takes_statistics_and_columns_of_ctc() -> None:
    here_tokenizer = CharacterTokenizer(list("abcd "), Normalizer())
    there_tokenizer = CharacterTokenizer(list("xdba"), Normalizer())
    here = speech(1, here_tokenizer, "model.features.normalization=corpus")
    there = speech(2, there_tokenizer, "model.features.normalization=corpus")
    there.features.mean.assign(tf.fill(there.features.mean.shape, 0.5))
    there.ctc_projection.bias.assign(np.arange(8.0))
    before = here.ctc_projection.kernel.numpy()
    outcomes, transfer = take(here, there, tokenizers=[here_tokenizer] * 2, others=[there_tokenizer] * 2)
    waveforms, length = (
        np.random.default_rng(0).normal(size=(2, 4000)).astype(np.float32),
        np.array([4000, 3000]),
    )
    for a, b in zip(
        tf.nest.flatten(here.encode(waveforms, length)), tf.nest.flatten(there.encode(waveforms, length))
    ):
        np.testing.assert_array_equal(a, b)
    kernel, theirs = here.ctc_projection.kernel.numpy(), there.ctc_projection.kernel.numpy()
    pairs = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 7), (5, 6), (7, 5)]  # special pieces, a, b, d
    for mine, other in pairs:
        np.testing.assert_array_equal(kernel[:, mine], theirs[:, other])
        assert here.ctc_projection.bias.numpy()[mine] == other
    for mine in (6, 8):  # c and the space
        np.testing.assert_array_equal(kernel[:, mine], before[:, mine])
        assert here.ctc_projection.bias.numpy()[mine] == 0.0
    assert "CTC (7 of 9 pieces)" in outcomes["rest"].taken
    masks = dict(zip((v.ref() for v in here.trainable_variables), transfer.masks(here.trainable_variables)))
    assert masks[here.ctc_projection.kernel.ref()][0].tolist() == [mine not in (6, 8) for mine in range(9)]


def test_pieces_are_matched_one_by_one() -> None:
    mine, theirs = words("two", "new", "<unk>", "one"), words("one", "old", "two", "three")
    here, there = translation(1, source=mine, target=mine), translation(2, source=theirs, target=theirs)
    before = values(here)
    outcomes, _ = take(here, there, "embeddings", "decoder", tokenizers=[mine] * 2, others=[theirs] * 2)
    assert outcomes["embeddings"].taken == [
        "source embedding (6 of 8 pieces)",
        "target embedding (6 of 8 pieces)",
    ]
    rows = {0: 0, 1: 1, 2: 2, 3: 3, 4: 6, 7: 4}  # a word that is spelt as a special piece is none
    tables = [
        "source_embedding/table",
        "target_embedding/table",
        "output_projection/own_table",
        "output_projection/bias",
    ]
    after, other = values(here), values(there)
    for name in tables:
        for row in range(8):
            source = other[name][rows[row]] if row in rows else before[name][row]
            np.testing.assert_array_equal(after[name][row], source, err_msg=f"{name} {row}")


def test_one_table_is_filled_by_two() -> None:
    """A model with one table takes the pieces of both sides of one that has two."""
    english, german = words("one", "two"), words("eins", "two")
    joint = words("eins", "one", "zwei", "two")
    shared = ["model.embedding.tie=all", "data.tokenizer.shared=true"]
    here, there = (
        translation(1, *shared, source=joint, target=joint),
        translation(2, source=english, target=german),
    )
    outcomes, _ = take(here, there, "embeddings", tokenizers=[joint] * 2, others=[english, german])
    assert outcomes["embeddings"].taken == [
        "source embedding (6 of 8 pieces)",
        "target embedding (1 more pieces)",
    ]
    table = here.source_embedding.table.numpy()
    np.testing.assert_array_equal(table[[5, 7]], there.source_embedding.table.numpy()[[4, 5]])
    np.testing.assert_array_equal(table[4], there.target_embedding.table.numpy()[4])


BOTH, FORWARD = "model.encoder.bidirectional=true", "model.encoder.bidirectional=false"
PLAIN = "model.encoder.layer_norm=false"


@pytest.mark.parametrize(
    ("here", "there", "taken", "left"),
    [
        (
            [BOTH, PLAIN],
            [FORWARD, PLAIN],
            ["forward of layer 1"],
            ["backward of layer 1 (none there)"],
        ),
        (
            [FORWARD, PLAIN, "model.encoder.layers=2"],
            [BOTH, PLAIN, "model.encoder.layers=2"],
            ["forward of layer 1"],
            ["backward of layer 1 (none here)", "layer 2 (above that)"],
        ),
        (
            ["model.encoder.layers=3"],
            ["model.encoder.layers=2"],
            ["normalised inputs", "layer 1", "layer 2"],
            ["layer 3 (none there)"],
        ),
        (
            ["model.encoder.layers=1"],
            ["model.encoder.layers=3"],
            ["normalised inputs", "layer 1"],
            ["layer 2 to layer 3 (none here)"],
        ),
        (
            [PLAIN, "model.encoder.units=2"],
            [PLAIN],
            [],
            [
                "forward of layer 1 (bias is 12 there, 8 here)",
                "backward of layer 1 (bias is 12 there, 8 here)",
            ],
        ),
        (
            [PLAIN],
            [PLAIN, "model.cell.use_peepholes=true"],
            [],
            None,
        ),
    ],
)  # fmt: skip
def test_encoders_of_another_shape(
    here: list[str], there: list[str], taken: list[str], left: list[str] | None
) -> None:
    mine, theirs = translation(1, *here), translation(2, *there)
    before = values(mine.encoder)
    outcomes, _ = take(mine, theirs, "encoder")
    outcome = outcomes["encoder"]
    assert [what for what in outcome.taken if "embedding" not in what] == taken
    assert left is None or outcome.left == left
    assert outcome.fits is bool(taken)
    after, other = values(mine.encoder), values(theirs.encoder)
    for name, value in after.items():
        layer, direction = name.split("/")[1:3] if name.startswith("stack") else ("", "")
        fits = any(
            what == f"layer {int(layer) + 1}"
            or (what == f"forward of layer {int(layer) + 1}" and direction == "0")
            for what in taken
            if layer
        ) or (not layer and (name.split("/")[1] == "0" or f"layer {name.split('/')[1]}" in taken))
        np.testing.assert_array_equal(value, other[name] if fits else before[name], err_msg=name)


def test_a_part_that_is_asked_for_first_stays() -> None:
    here, first, second = translation(1), translation(2), translation(3)
    transfer = Transfer()
    same = common_pieces(words(*WORDS), words(*WORDS))
    for name, other in (("embeddings", first), ("encoder", second)):
        transfer.take(here.parts()[name], other.parts()[name], lambda *_: same, origin=str(id(other)))
    np.testing.assert_array_equal(here.source_embedding.table, first.source_embedding.table)
    np.testing.assert_array_equal(
        here.encoder.stack[0][0].cell.kernel, second.encoder.stack[0][0].cell.kernel
    )


def test_what_there_is_nothing_of_is_said() -> None:
    here = translation(1)
    outcome = Transfer().take(here.parts()["encoder"], Part(), lambda *_: None)  # type: ignore[arg-type,return-value]
    assert outcome.left == [
        "normalised inputs (none there)", "layer 1 (above that)", "source embedding (none there)",
    ]  # fmt: skip
    assert not outcome.fits
