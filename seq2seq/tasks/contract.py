"""What a task is to everything that runs one: its data, its model, its loss, its measures, its answers, its export.

A task is a folder with a subclass of `Task`, and a line in `seq2seq.config.tables`. Commands and runs know this
contract and no task; engines (training, search, serving) are given the parts and know neither.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple, Protocol

import numpy as np

from seq2seq.config.auto import Decision
from seq2seq.config.root import TrainConfig
from seq2seq.datasets.batches.stream import WHOLE, ReplicaSharding
from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.search import LanguageModel
from seq2seq.serving.serving_module import ServingModule
from seq2seq.serving.stored_weights import StoredWeights
from seq2seq.serving.verification import Call
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.evaluation import Evaluator
from seq2seq.tasks.readers import Reader, required_reader
from seq2seq.tasks.sizes import MOST_UPDATES, run_length
from seq2seq.tasks.tokenizers import Tokenizers, load_tokenizers, make_tokenizers
from seq2seq.tasks.training import TrainingTask


class Index(Protocol):
    """The examples of a split, tokenised and on disk."""

    unit: str  # what its examples are called, in the plural

    def __len__(self) -> int: ...

    @property
    def sizes(self) -> np.ndarray:
        """``[N]`` integers: positions that an example takes, of source and target together."""

    @property
    def digest(self) -> str:
        """Of its content, wherever the files are."""


class Prediction(Protocol):
    """What became of one input.

    Attributes:
        texts: best first. scores: one per text, the search's or its log-probability.
    """

    @property
    def texts(self) -> list[str]: ...
    @property
    def scores(self) -> list[float]: ...


class AlignedPrediction(Prediction, Protocol):
    """What was written with attention to an input.

    Attributes:
        pieces: the tokens of the best text. source_pieces: those of the input.
        alignment: ``[T, S]`` float32; None unless asked for.
    """

    @property
    def pieces(self) -> list[str]: ...
    @property
    def source_pieces(self) -> list[str]: ...
    @property
    def alignment(self) -> Any: ...


class Predictor(Protocol):
    """Answers with a model; one graph serves every batch, and the next call as well."""

    def predict(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """One `Prediction` for each input (a line, a file), in their order and as they arrive."""

    def predict_index(self, index: Any, rows: Sequence[int] | None = None) -> list[Any]:
        """The same for the examples of an index, or the given rows of it."""


class Serving(Protocol):
    """A model of the task as a SavedModel."""

    in_graph: bool  # whether text is tokenised in the graph

    def module(self, weights: StoredWeights) -> ServingModule:
        """The root of the SavedModel, with its signatures."""

    def calls(self, index: Any) -> list[Call]:
        """Examples of every signature with the checkpoint's answers, which the export must give, too."""

    def example(self, index: Any) -> dict[str, str]:
        """Inputs for a program that calls the signatures, in the run's own languages, as Python writes them."""

    def manifest(self) -> dict[str, Any]:
        """What the manifest says of this task alone; `limits`, `tokenizers` and `search` are joined with the rest."""


class Member(NamedTuple):
    """A model that decides together with others.

    Attributes:
        name: of its run, for people.
        config: of its run.
        model: with its weights.
    """

    name: str
    config: TrainConfig
    model: Any


class Task(ABC):
    """One task under one configuration.

    Args:
        config: of a run.
        fused: a language model that takes part in every search; None: none.

    Attributes:
        verbs: what its runs can be asked to do besides `predict` and `evaluate`: methods of `Run`, commands.
        inputs: what several of what `predict` takes are called: lines, audio files.
        labels: what an input and its output are called where examples are shown.
        scored: what the files are called, a line of each together, that `score` takes.
    """

    verbs: ClassVar[frozenset[str]]
    inputs: ClassVar[str]
    labels: ClassVar[tuple[str, str]]
    scored: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: TrainConfig, fused: LanguageModel | None = None) -> None:
        self.config = config
        self.fused = fused

    @property
    def name(self) -> str:
        """As `task=` has it."""
        return str(self.config.task.name)

    def require_installed(self) -> None:  # noqa: B027 (most tasks need nothing)
        """Makes sure, before there is work to lose, that what measures the outputs is installed.

        Raises:
            UserError: it is not.
        """

    def reader(self, split: str) -> Reader:
        """
        Raises:
            UserError: the configuration names no files for the split.
        """
        return required_reader(self.config.data, split)

    # --- data ---

    def sizes(self) -> dict[str, Decision]:
        """What the training data says of the keys that it may decide (`AUTO_KEYS`), but for the run's length."""
        return {}

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        """The same of how long a run is and how often it validates, with so many updates at most."""
        return run_length(steps_per_epoch, epochs=10, least=1500, most=most)

    def make_tokenizers(self, folder: Path) -> Tokenizers:
        """Trains the tokenizers of a new run, or takes those given, and saves them in a folder."""
        return make_tokenizers(self.config.data, self.tokenizer_texts, folder, self.config.seed)

    def load_tokenizers(self, folder: Path) -> Tokenizers:
        """Those that a run has saved in a folder."""
        return load_tokenizers(self.config.data, folder)

    @abstractmethod
    def tokenizer_texts(self, side: str) -> Iterator[str]:
        """What the tokenizer of a side (`source`, `target`, or `shared` by both) is trained on."""

    @abstractmethod
    def index(self, tokenizers: Tokenizers, split: str, folder: Path, *, to_evaluate: bool = False) -> Index:
        """The examples of a split. Evaluation keeps every example and its text; training what fits.

        Args:
            tokenizers: of the run.
            split: `train`, `val` or `test`.
            folder: the run's own folder of indices; `data.index_dir` goes before it.
            to_evaluate: whether a model is measured on it, as it always is on `val` and `test`.
        """

    @abstractmethod
    def describe(self, index: Any, tokenizers: Tokenizers, split: str) -> DataReport:
        """A split as training sees it."""

    def faults_of_files(self) -> Iterator[str]:
        """What looks wrong with the files of the splits, in sentences; asked for before anything is made of them."""
        yield from ()

    def faults_of_indices(self, indices: Mapping[str, Any]) -> Iterator[str]:
        """What looks wrong with the examples of the splits, in sentences.

        Args:
            indices: by split, train the first.
        """
        yield from ()

    # --- training and evaluation ---

    @abstractmethod
    def model(self, tokenizers: Tokenizers, *, gpu: bool = False) -> keras.Model:
        """A new model, its weights drawn from TensorFlow's global seed.

        Args:
            tokenizers: of the run.
            gpu: whether a GPU computes, for the choice of kernels.
        """

    @abstractmethod
    def training(
        self, tokenizers: Tokenizers, indices: Path, sharding: ReplicaSharding = WHOLE
    ) -> TrainingTask:
        """What the training loop asks.

        Args:
            tokenizers: of the run.
            indices: the folder of `index`.
            sharding: what this process takes of each batch.
        """

    @abstractmethod
    def evaluator(self, model: Any, tokenizers: Tokenizers) -> Evaluator:
        """What measures a model, a run's or an `ensemble`."""

    @abstractmethod
    def plot(self, model: Any, tokenizers: Tokenizers, index: Any, folder: Path) -> None:
        """Draws a few examples of an index into a folder."""

    # --- use ---

    def ensemble(self, members: Sequence[Member], mean: str) -> Any:
        """Several models of this task and of the same tokenizers as one, which predictor and evaluator take.

        Args:
            members: that of the run the first.
            mean: see `seq2seq.models.ensemble.mean_log_probs`.

        Raises:
            UserError: these models cannot decide together.
        """
        raise UserError(f"search.ensemble: models of task={self.name} do not decide together.")

    def language_model(self, model: Any) -> LanguageModel:
        """A model of this task as one that scores the targets of another.

        Raises:
            UserError: it is none of language.
        """
        raise UserError(f"a run of task={self.name} is no language model")

    @abstractmethod
    def predictor(
        self,
        model: Any,
        tokenizers: Tokenizers,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Predictor:
        """What answers with a model.

        Args:
            model: of the run, or an `ensemble`. tokenizers: of the run.
            alignments: whether predictions carry their alignment.
            timestamps: whether they carry the times of their words.
            parts: whether they carry what their scores are made of.

        Raises:
            UserError: this model has no such thing.
        """

    @abstractmethod
    def predict_files(
        self, predictor: Predictor, files: Sequence[str], standard_input: BinaryIO | None
    ) -> Iterator[tuple[str, Any]]:
        """Predictions for what files hold, each with the name of its input.

        Args:
            predictor: of this task.
            files: names; `-` is standard input.
            standard_input: None where the process has none.
        """

    @abstractmethod
    def serving(self, model: Any, tokenizers: Tokenizers) -> Serving:
        """The model as an export.

        Raises:
            UserError: it cannot be exported so.
        """
