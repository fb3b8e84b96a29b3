"""Speech, as the contract of tasks has it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from seq2seq.config.auto import Decision
from seq2seq.config.groups.speech import SpeechModelConfig, SpeechTaskConfig
from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.datasets.arriving import Arriving
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, SpeechBatchMaker
from seq2seq.datasets.batches.stream import WHOLE, ReplicaSharding
from seq2seq.datasets.index.utterance_index import UtteranceIndex, build_utterance_index
from seq2seq.datasets.readers.input_lines import input_names
from seq2seq.datasets.readers.lines import NotTextError
from seq2seq.datasets.readers.utterance_reader import UtteranceReader
from seq2seq.errors import UserError
from seq2seq.tasks.batching import plan_batches, shape_count
from seq2seq.tasks.contract import Member, Predictor, Task
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.evaluation import build_scorer
from seq2seq.tasks.readers import manifest_reader, splits_of
from seq2seq.tasks.sizes import MOST_UPDATES, TextCounts, count_text, run_length
from seq2seq.tasks.speech.aligner import Aligner, Alignment, read_utterances
from seq2seq.tasks.speech.augmentation import build_augment, longest_frames
from seq2seq.tasks.speech.data_report import audio_faults, describe, manifest_faults
from seq2seq.tasks.speech.ensemble import SpeechEnsemble, speech_ensemble
from seq2seq.tasks.speech.evaluator import SpeechEvaluator
from seq2seq.tasks.speech.model import SpeechModel, build_speech_model
from seq2seq.tasks.speech.plots import plot_utterances
from seq2seq.tasks.speech.predictor import SpeechPredictor, audio_reader
from seq2seq.tasks.speech.serving import SpeechServing
from seq2seq.tasks.speech.sizes import epochs_and_least, speech_sizes
from seq2seq.tasks.speech.training import SpeechTraining
from seq2seq.tasks.speech.transcriber import Transcriber, Transcription, search_weight
from seq2seq.tasks.tokenizers import Tokenizers, subword_sampling


class SpeechTask(Task):
    """See `Task`."""

    verbs = frozenset({"transcribe", "align"})
    inputs = "audio files"
    labels = ("utterance", "recognised")

    @property
    def options(self) -> SpeechTaskConfig:
        return cast(SpeechTaskConfig, self.config.task)

    @property
    def data(self) -> SpeechDataConfig:
        return cast(SpeechDataConfig, self.config.data)

    @property
    def model_options(self) -> SpeechModelConfig:
        return cast(SpeechModelConfig, self.config.model)

    def require_installed(self) -> None:
        build_scorer(self.options)

    # --- data ---

    @cached_property
    def counts(self) -> TextCounts:
        """Of the training data."""
        return count_text([text] for text in self.utterances("train").texts())

    def sizes(self) -> dict[str, Decision]:
        return speech_sizes(self.counts)

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        epochs, least = epochs_and_least(self.counts)
        return run_length(steps_per_epoch, epochs=epochs, least=least, most=most)

    def utterances(self, split: str) -> UtteranceReader:
        return cast(UtteranceReader, self.reader(split))

    def tokenizer_texts(self, side: str) -> Iterator[str]:
        return iter(self.utterances("train").texts())

    def index(
        self, tokenizers: Tokenizers, split: str, folder: Path, *, to_evaluate: bool = False
    ) -> UtteranceIndex:
        data, features = self.data, self.model_options.features
        folder = Path(data.index_dir) if data.index_dir else folder
        return build_utterance_index(
            self.utterances(split),
            name=split,
            tokenizer=tokenizers.target,
            sample_rate=features.sample_rate,
            hop_ms=features.hop_ms,
            max_seconds=data.max_seconds,
            max_target_length=data.max_target_length,
            keep_all=split != "train" or to_evaluate,
            cache=folder if data.cache else None,
            skip_broken=data.broken_audio == "skip",
        )

    def describe(self, index: UtteranceIndex, tokenizers: Tokenizers, split: str) -> DataReport:
        return describe(index, self.data, split)

    def faults_of_files(self) -> Iterator[str]:
        return manifest_faults({split: self.utterances(split).utterances() for split in splits_of(self.data)})

    def faults_of_indices(self, indices: Mapping[str, UtteranceIndex]) -> Iterator[str]:
        return audio_faults(indices)

    # --- training and evaluation ---

    def model(self, tokenizers: Tokenizers, *, gpu: bool = False) -> SpeechModel:
        return build_speech_model(
            self.model_options,
            self.config.masking,
            vocabulary_size=tokenizers.target.vocabulary_size,
            gpu=gpu,
        )

    def training(
        self, tokenizers: Tokenizers, indices: Path, sharding: ReplicaSharding = WHOLE
    ) -> SpeechTraining:
        config, augment = self.config, self.data.augment
        train = self.index(tokenizers, "train", indices)
        lengths = longest_frames(train, augment) if shape_count(config.masking) else train.frames
        batching = plan_batches(config, lengths, train.target.lengths)
        return SpeechTraining(
            self.options,
            maker=SpeechBatchMaker(
                train,
                tokenizers.target,
                augment=build_augment(augment),
                augment_from=augment.from_epoch - 1,
                sampling=subword_sampling(config.data),
                shapes=batching.shapes and batching.shapes.with_sources(train.samples),
            ),
            plan=batching.plan,
            signature=SPEECH_SIGNATURE,
            seed=config.seed,
            evaluator=lambda model: self.evaluator(model, tokenizers),
            val=self.index(tokenizers, "val", indices),
            sharding=sharding,
            blank_id=tokenizers.target.pad_id,
            train=train,
            augment_warmup=self.model_options.spec_augment.warmup_steps,
        )

    def evaluator(self, model: SpeechModel, tokenizers: Tokenizers) -> SpeechEvaluator:
        return SpeechEvaluator(
            self.transcriber(model, tokenizers),
            self.options,
            self.config.data.batch,
            shapes=shape_count(self.config.masking),
        )

    def plot(self, model: SpeechModel, tokenizers: Tokenizers, index: UtteranceIndex, folder: Path) -> None:
        plot_utterances(self.transcriber(model, tokenizers, alignments=True), index, folder)

    # --- use ---

    def ensemble(self, members: Sequence[Member], mean: str) -> SpeechEnsemble:
        return speech_ensemble(members, mean)

    def transcriber(self, model: SpeechModel, tokenizers: Tokenizers, **asked: bool) -> Transcriber:
        """See `predictor` for what can be asked for."""
        return Transcriber(
            model,
            tokenizers.target,
            self.config.search,
            ctc_weight=search_weight(self.config.search, self.options),
            language_model=self.fused,
            **asked,
        )

    def predictor(
        self,
        model: SpeechModel,
        tokenizers: Tokenizers,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> SpeechPredictor:
        if timestamps:
            self.require_ctc()
        return SpeechPredictor(
            self.transcriber(model, tokenizers, alignments=alignments, timestamps=timestamps, parts=parts),
            audio_reader(model, self.config.search),
            skip_broken=self.data.broken_audio == "skip",
        )

    def require_ctc(self) -> None:
        """
        Raises:
            UserError: the model is trained without.
        """
        if self.options.ctc_weight == 0.0:
            raise UserError(
                "This model was trained without CTC (task.ctc_weight=0), which the times of words come from."
            )

    def predict_files(
        self, predictor: Predictor, files: Sequence[str], standard_input: BinaryIO | None
    ) -> Iterator[tuple[str, Transcription]]:
        names = input_names(files, standard_input)
        listed, read = itertools.tee(names)
        arriving: Iterable[str] = Arriving(read, names.ready)
        try:
            for found in predictor.predict(arriving):
                yield next(listed), found
        except NotTextError as error:
            raise UserError(
                f"{error} Standard input holds names of audio files; audio itself is /dev/stdin."
            ) from error

    def aligner(
        self, model: SpeechModel, tokenizers: Tokenizers
    ) -> Callable[[str | Path], Iterator[Alignment]]:
        """When the words of given texts are said; see `Run.align`."""
        self.require_ctc()
        audio = audio_reader(model, self.config.search)
        aligner = Aligner(model, tokenizers.target, batch_size=self.config.search.batch_size)

        def align(manifest: str | Path) -> Iterator[Alignment]:
            path = Path(manifest).absolute()
            if not path.exists():
                raise UserError(f"{manifest}: no such file or folder.")
            reader = manifest_reader(self.data, path)
            return aligner.align(read_utterances(reader, audio, skip_broken=self.data.broken_audio == "skip"))

        return align

    def serving(self, model: SpeechModel, tokenizers: Tokenizers) -> SpeechServing:
        return SpeechServing(self.config, model, tokenizers.target)
