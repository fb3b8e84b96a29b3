"""Several speech models as one: decoder and CTC."""

from __future__ import annotations

import numpy as np
import pytest

from seq2seq.config.groups.search import SearchConfig, SearchName
from seq2seq.errors import UserError
from seq2seq.models.ensemble import LOG_PROBABILITY, PROBABILITY
from seq2seq.tasks.contract import Member
from seq2seq.tasks.speech.ensemble import SpeechEnsemble, speech_ensemble
from seq2seq.tasks.speech.loss import speech_loss
from seq2seq.tasks.speech.transcriber import Transcriber, Transcription
from tests.closeness import assert_close
from tests.search.toy_language_model import Trigrams
from tests.tasks.test_speech import EXAMPLES, batch_of, examples
from tests.tiny_speech import TOKENIZER, tiny_config, tiny_model

OTHER = ("model.encoder.units=5", "model.decoder.units=7")


def transcribed(model: object, ctc_weight: float, **options: object) -> list[Transcription]:
    search = SearchConfig(name=SearchName.beam, beam_width=3, n_best=2, max_length_ratio=0.3)
    transcriber = Transcriber(model, TOKENIZER, search, ctc_weight=ctc_weight, alignments=True, **options)  # type: ignore[arg-type]
    return transcriber.transcribe_batch([waveform for waveform, _ in examples(*EXAMPLES)])


@pytest.mark.parametrize("mean", [PROBABILITY, LOG_PROBABILITY])
@pytest.mark.parametrize("ctc_weight", [0.0, 0.3, 1.0])
def test_a_model_with_itself_is_that_model(mean: str, ctc_weight: float) -> None:
    model = tiny_model()
    for one, other in zip(
        transcribed(SpeechEnsemble([model, model], mean), ctc_weight), transcribed(model, ctc_weight)
    ):
        assert one.texts == other.texts
        assert_close(one.scores, other.scores)
        assert_close(one.posteriors, other.posteriors)


def test_the_labels_of_a_frame_are_the_mean_of_both() -> None:
    models = tiny_model(), tiny_model(*OTHER)
    batch = batch_of(examples(*EXAMPLES))
    whole = SpeechEnsemble(models, PROBABILITY)
    encoded = whole.encode(batch.waveforms, batch.waveform_length)
    logits = [each.ctc_logits(each.encode(batch.waveforms, batch.waveform_length)).numpy() for each in models]
    probabilities = [np.exp(each) / np.exp(each).sum(-1, keepdims=True) for each in logits]
    assert_close(whole.ctc_logits(encoded), np.log(np.mean(probabilities, axis=0)))
    loss = speech_loss(whole, batch, False, ctc_weight=0.3, blank_id=TOKENIZER.pad_id)  # type: ignore[arg-type]
    alone = [speech_loss(each, batch, False, ctc_weight=0.3, blank_id=TOKENIZER.pad_id) for each in models]
    assert float(loss.joint.cross_entropy) < max(float(each.joint.cross_entropy) for each in alone)
    assert float(loss.ctc) < max(float(each.ctc) for each in alone)


def test_batch_mates_change_nothing_with_a_language_model() -> None:
    models = SpeechEnsemble([tiny_model(), tiny_model(*OTHER)], PROBABILITY)
    language_model = Trigrams(TOKENIZER.vocabulary_size, TOKENIZER.start_id)
    search = SearchConfig(
        name=SearchName.beam, beam_width=3, n_best=2, max_length_ratio=0.3, language_model_weight=0.5
    )
    one = Transcriber(models, TOKENIZER, search, ctc_weight=0.3, language_model=language_model)  # type: ignore[arg-type]
    waveforms = [waveform for waveform, _ in examples(*EXAMPLES)]
    together = one.transcribe_batch(waveforms)
    assert [each.texts for each in together] != [each.texts for each in transcribed(models, 0.3)]
    for waveform, expected in zip(waveforms, together):
        (found,) = one.transcribe_batch([waveform])
        assert found.texts == expected.texts
        assert_close(found.scores, expected.scores)


def test_models_that_do_not_go_together_are_named() -> None:
    def member(name: str, *overrides: str) -> Member:
        return Member(name, tiny_config(*overrides), tiny_model(*overrides))

    first = member("runs/a (best)")
    assert isinstance(speech_ensemble([first, member("runs/b", *OTHER)], PROBABILITY), SpeechEnsemble)
    with pytest.raises(UserError) as hops:
        speech_ensemble([first, member("runs/b (best)", "model.features.hop_ms=20")], PROBABILITY)
    assert str(hops.value) == (
        "search.ensemble: runs/b (best) has a memory of 4 × 80 samples a step (window 100, 4000 Hz), and runs/a (best)"
        " 4 × 40 samples a step (window 100, 4000 Hz); the models of an ensemble need the same."
    )
    with pytest.raises(UserError, match="has training without CTC, and runs/a \\(best\\) with CTC"):
        speech_ensemble([first, member("runs/b", "task.ctc_weight=0")], PROBABILITY)
