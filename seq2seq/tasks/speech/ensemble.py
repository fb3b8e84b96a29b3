"""Several speech models as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import tensorflow as tf

from seq2seq.audio.features import LogMel
from seq2seq.config.groups.speech import SpeechTaskConfig
from seq2seq.encoders.encoder import Encoder, EncoderOutput
from seq2seq.errors import UserError
from seq2seq.models.ensemble import Ensemble, mean_log_probs
from seq2seq.tasks.contract import Member
from seq2seq.tasks.speech.model import SpeechModel


class SpeechEnsemble(Ensemble):
    """See ``Ensemble``; CTC's labels of a frame are what the members think together, too."""

    members: list[SpeechModel]

    @property
    def features(self) -> LogMel:
        """Those of the first member; the others hear as many samples and have as many frames."""
        return self.members[0].features

    @property
    def encoder(self) -> Encoder:
        """That of the first member, for the time that a step of the memory takes."""
        return self.members[0].encoder

    def ctc_logits(self, encoded: EncoderOutput) -> tf.Tensor:
        """``[B, S, V]``, log-probabilities of every step of the memory."""
        each = zip(self.members, self.encoded_by_each(encoded))
        return mean_log_probs([member.ctc_logits(own) for member, own in each], self.mean)


def speech_ensemble(members: Sequence[Member], mean: str) -> SpeechEnsemble:
    """Members as one model.

    Raises:
        UserError: they cut audio into other steps, or some were trained without CTC.
    """
    first = members[0]
    for member in members[1:]:
        for what, here, there in zip(("a memory of", "training"), _kind(first), _kind(member)):
            if here != there:
                raise UserError(
                    f"search.ensemble: {member.name} has {what} {there}, and {first.name} {here}; the models of an"
                    " ensemble need the same."
                )
    return SpeechEnsemble([member.model for member in members], mean)


def _kind(member: Member) -> tuple[str, str]:
    options, task = member.model.features.options, cast(SpeechTaskConfig, member.config.task)
    steps = (
        f"{member.model.encoder.time_reduction} × {options.hop} samples a step (window {options.window},"
        f" {options.sample_rate} Hz)"
    )
    return steps, "with CTC" if task.ctc_weight else "without CTC"
