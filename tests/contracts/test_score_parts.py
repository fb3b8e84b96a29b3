"""What a score is made of: each part is what was computed apart of the same tokens, and together they are the score."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.groups.search import LengthPenaltyFunction, SearchConfig, SearchName
from seq2seq.models.ensemble import LOG_PROBABILITY, PROBABILITY, Ensemble
from seq2seq.search import relative_length
from seq2seq.tasks.speech.transcriber import Transcriber
from seq2seq.tasks.translation.translator import Translator
from tests.closeness import assert_close
from tests.contracts.test_ensemble import two
from tests.contracts.test_fusion import TOKENIZER
from tests.contracts.test_padding import batch_of, examples
from tests.contracts.variants import VOCABULARY
from tests.search.toy_language_model import Trigrams
from tests.tasks.test_speech import EXAMPLES
from tests.tasks.test_speech import examples as utterances
from tests.tiny_speech import TOKENIZER as LETTERS
from tests.tiny_speech import tiny_model


@pytest.mark.parametrize("mean", [PROBABILITY, LOG_PROBABILITY])
def test_parts_of_an_ensemble_with_a_language_model_and_a_scorer(mean: str) -> None:
    search = SearchConfig(
        name=SearchName.beam,
        beam_width=4,
        n_best=4,
        length_penalty=0.7,
        length_penalty_function=LengthPenaltyFunction.gnmt,
        coverage_penalty=0.2,
        max_length_ratio=1.0,
        max_length_offset=2,
        language_model_weight=0.4,
        scorers=["presence"],
        scorer_weights=[0.5],
    )
    ensemble, lm = Ensemble(two(), mean), Trigrams(VOCABULARY, TOKENIZER.start_id)
    translator = Translator(ensemble, TOKENIZER, TOKENIZER, search, language_model=lm, parts=True)  # type: ignore[arg-type]
    batch = batch_of(examples())
    result = tf.function(translator.find, autograph=False)(batch.source_ids, batch.source_length)
    limits, ends = relative_length(batch.source_length, 1.0, 2).numpy(), set()

    def log_prob(model: object, b: int, tokens: list[int]) -> float:
        """Of teacher forcing."""
        size = batch.source_length[b]
        encoded = model.encode(batch.source_ids[b : b + 1, :size], [size])  # type: ignore[attr-defined]
        features = model.decode(encoded, tf.constant([[TOKENIZER.start_id, *tokens[:-1]]])).features[0]  # type: ignore[attr-defined]
        log_probs = tf.nn.log_softmax(model.output_projection(features)).numpy()  # type: ignore[attr-defined]
        return float(log_probs[np.arange(len(tokens)), tokens].sum())

    expected: dict[str, list[float]] = {name: [] for name in ("model", "language_model", "presence")}
    of_members: list[list[float]] = [[], []]
    for b, limit in enumerate(limits):
        for ids, length in zip(result.ids[b].numpy(), result.lengths[b].numpy()):
            ended = length < limit
            ends.add(ended)
            tokens = [*ids[:length].tolist(), *([TOKENIZER.end_id] if ended else [])]
            expected["model"].append(log_prob(ensemble, b, tokens))
            expected["language_model"].append(0.4 * lm.log_prob(tuple(tokens)))
            expected["presence"].append(-0.5 * sum(x in tokens[:t] for t, x in enumerate(tokens)))
            for values, member in zip(of_members, ensemble.members):
                values.append(log_prob(member, b, tokens))
    assert ends == {True, False}
    parts = result.parts
    assert parts.summed.keys() == expected.keys()
    for name, values in expected.items():
        assert_close(tf.reshape(parts.summed[name], [-1]), np.array(values, np.float32), name=name)
    for member, values in zip(parts.members, of_members):
        assert_close(tf.reshape(member, [-1]), np.array(values, np.float32))
    log_probs = np.sum(list(expected.values()), axis=0).reshape(result.scores.shape)
    assert_close(result.log_probs, log_probs.astype(np.float32))
    counts = result.lengths.numpy() + (result.lengths.numpy() < limits[:, np.newaxis])
    assert_close(parts.length_penalty, (((5 + counts) / 6) ** 0.7).astype(np.float32))
    assert np.all(parts.coverage.numpy() <= 1e-5) and np.any(parts.coverage.numpy() < -0.01)
    assert_close(log_probs / parts.length_penalty + parts.coverage, result.scores)


@pytest.mark.parametrize("weight", [0.4, 1.0])
def test_parts_of_speech_are_the_decoders_and_ctcs(weight: float) -> None:
    search = SearchConfig(name=SearchName.beam, beam_width=4, n_best=4, max_length_offset=5)
    transcriber = Transcriber(tiny_model(), LETTERS, search, ctc_weight=weight, alignments=True, parts=True)
    waveforms = [waveform for waveform, _ in utterances(*EXAMPLES)]
    for found in [
        *transcriber.transcribe_batch(waveforms),
        *transcriber.transcribe([np.zeros(0, np.float32)]),
    ]:
        for text, score, one in zip(found.texts, found.scores, found.parts, strict=True):
            whole = sum(one["parts"].values()) / one["length_penalty"] + one["coverage"]
            assert score == pytest.approx(whole, rel=1e-5)
            if weight == 1.0:
                assert list(one["parts"].values()) == (
                    [pytest.approx(score)] if len(found.posteriors) else []
                )
            elif one["parts"]:
                (ids,) = LETTERS.encode([text])
                loss = tf.nn.ctc_loss(
                    tf.constant([ids or [1]]),
                    np.log(found.posteriors)[:, np.newaxis],
                    [len(ids)],
                    [len(found.posteriors)],
                    blank_index=LETTERS.pad_id,
                )
                assert one["parts"]["ctc"] == pytest.approx(-weight * float(loss[0]), rel=1e-4)
