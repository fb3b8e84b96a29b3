"""An ensemble of one model with itself is that model; padding and batch mates change nothing; of two models it is what
NumPy makes of their probabilities, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.ensemble import LOG_PROBABILITY, PROBABILITY, Ensemble, mean_log_probs
from seq2seq.search import SearchResult, SpecialIds, beam_search
from seq2seq.tasks.classification.ensemble import ClassificationEnsemble
from seq2seq.tasks.loss import features_loss
from seq2seq.tasks.translation.scoring import pair_log_probs
from tests.closeness import assert_close
from tests.contracts.test_padding import batch_of, examples
from tests.contracts.variants import END, LABELS, PAD, START, VOCABULARY, build, build_classifier

MEANS = (PROBABILITY, LOG_PROBABILITY)
SAME = ("luong", "location, smooth window", "deeper decoder, copied state", "bahdanau_monotonic, no feeding")
IDS = SpecialIds(START, END, PAD)


def searched(model: Any, batch: Any, **options: Any) -> SearchResult:
    encoded = model.encode(batch.source_ids, batch.source_length)
    state, memory = model.start(encoded)
    return beam_search(
        model.step,
        state=state,
        memory=memory,
        special_ids=IDS,
        max_length=batch.source_length + 5,
        beam_width=3,
        coverage_penalty=0.1,
        memory_mask=memory.mask,
        return_alignments=True,
        **options,
    )


def assert_same(one: SearchResult, other: SearchResult) -> None:
    for name, actual, expected in zip(one._fields, one, other):
        if name in ("ids", "lengths"):
            np.testing.assert_array_equal(actual, expected)
        else:
            assert_close(actual, expected, name=name)


@pytest.mark.parametrize(("name", "mean"), [(SAME[0], MEANS[0]), *((name, MEANS[1]) for name in SAME)])
def test_a_model_with_itself_is_that_model(name: str, mean: str) -> None:
    batch, model = batch_of(examples()), build(name)
    twice = Ensemble([model, model], mean)
    together, alone = searched(twice, batch), searched(model, batch)
    assert_same(together, alone)
    np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-6, atol=1e-6)
    assert_close(pair_log_probs(twice, batch), pair_log_probs(model, batch))  # type: ignore[arg-type]


def test_classifiers_likewise() -> None:
    batch, model = batch_of(examples()), build_classifier("max")
    other = build_classifier("last")
    ids = batch.source_ids, batch.source_length
    for mean in MEANS:
        assert_close(ClassificationEnsemble([model, model], mean).log_probs(*ids), model.log_probs(*ids))
    both = np.exp(model.log_probs(*ids)) + np.exp(other.log_probs(*ids))
    found = ClassificationEnsemble([model, other], PROBABILITY).log_probs(*ids)
    assert found.shape[1] == LABELS
    assert_close(found, np.log(both / 2))


def two(policy: MaskingPolicy = MaskingPolicy.strict) -> tuple[EncoderDecoder, EncoderDecoder]:
    """Of other sizes, depths and attention."""
    return build("luong", policy), build("two layers, no feeding, zero bridge", policy)


@pytest.mark.parametrize(("mean", "policy"), zip(MEANS, (MaskingPolicy.strict, MaskingPolicy.static)))
def test_padding_and_batch_mates_change_nothing(mean: str, policy: MaskingPolicy) -> None:
    ensemble = Ensemble(two(policy), mean)
    pairs = examples()
    whole, padded = batch_of(pairs), batch_of(pairs, extra=4)
    together = searched(ensemble, whole)
    assert_same(searched(ensemble, padded)._replace(alignments=None), together._replace(alignments=None))
    log_probs = pair_log_probs(ensemble, whole).numpy()  # type: ignore[arg-type]
    for row, pair in enumerate(pairs):
        alone, length = searched(ensemble, batch_of([pair])), len(pair[0])
        steps = alone.ids.shape[2]
        np.testing.assert_array_equal(alone.ids[0], together.ids[row, :, :steps])
        assert_close(alone.scores[0], together.scores[row])
        assert_close(alone.alignments[0], together.alignments[row, :, :steps, :length])
        assert_close(pair_log_probs(ensemble, batch_of([pair]))[0], log_probs[row])  # type: ignore[arg-type]


def mean_in_numpy(logits: list[np.ndarray], mean: str) -> np.ndarray:
    """``[..., V]`` log-probabilities, in double precision."""
    shifted = [each.astype(np.float64) - each.max(-1, keepdims=True) for each in logits]
    probabilities = [np.exp(each) / np.exp(each).sum(-1, keepdims=True) for each in shifted]
    if mean == PROBABILITY:
        return np.log(np.mean(probabilities, axis=0))
    product = np.prod(probabilities, axis=0) ** (1 / len(logits))
    return np.log(product / product.sum(-1, keepdims=True))


@pytest.mark.parametrize("mean", MEANS)
def test_two_models_are_what_numpy_makes_of_both(mean: str) -> None:
    """Loss and score by teacher forcing; the search is greedy in NumPy, which asks each model anew for each prefix."""
    models, batch = two(), batch_of(examples())
    ensemble = Ensemble(models, mean)
    logits = [
        model.logits(model.encode(batch.source_ids, batch.source_length), batch.target_inputs).numpy()
        for model in models
    ]
    together = mean_in_numpy(logits, mean)  # [B, T, V]
    chosen = np.take_along_axis(together, batch.target_outputs.numpy()[..., np.newaxis], 2)[..., 0]
    real = np.arange(chosen.shape[1]) < batch.target_length.numpy()[:, np.newaxis]
    expected = np.where(real, chosen, 0.0).sum(1)
    assert_close(pair_log_probs(ensemble, batch), expected)  # type: ignore[arg-type]
    encoded = ensemble.encode(batch.source_ids, batch.source_length)
    features = ensemble.decode(encoded, batch.target_inputs).features
    loss = features_loss(ensemble, features, batch, training=False)  # type: ignore[arg-type]
    assert_close(loss.cross_entropy, -expected.sum())

    found = searched(ensemble, batch, length_penalty=0.0)
    for row, (source, _) in enumerate(examples()):
        for k in range(3):
            ids = found.ids[row, k, : found.lengths[row, k]].numpy().tolist()
            ended = len(ids) < len(source) + 5
            tokens = [*ids, END] if ended else ids
            alone = batch_of([(source, ids or [4])])
            inputs = tf.constant([[START, *tokens[:-1]]])
            steps = mean_in_numpy(
                [
                    model.logits(model.encode(alone.source_ids, alone.source_length), inputs).numpy()
                    for model in models
                ],
                mean,
            )[0]
            assert_close(found.log_probs[row, k], steps[np.arange(len(tokens)), tokens].sum())


def test_means_are_distributions_and_others_are_refused() -> None:
    logits = [tf.random.stateless_normal([4, VOCABULARY], [1, seed]) * 30 for seed in range(3)]
    for mean in MEANS:
        found = mean_log_probs(logits, mean)
        assert_close(tf.reduce_logsumexp(found, -1), np.zeros(4), scale=30.0)
        assert_close(found, mean_in_numpy([each.numpy() for each in logits], mean))
    with pytest.raises(ValueError, match="'median' is neither probability nor log_probability"):
        mean_log_probs(logits, "median")
    with pytest.raises(ValueError, match="not trained"):
        Ensemble(two()).output_projection.token_losses(tf.zeros([1, 12]), tf.zeros([1], tf.int32), 0.1)
