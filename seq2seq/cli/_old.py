"""The command line. TensorFlow and what needs it are imported inside commands, so that `--help` is quick."""

from __future__ import annotations

import functools
import itertools
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List, NoReturn, Optional

import typer

from seq2seq import __version__
from seq2seq.errors import ConfigError, PreemptedError, UserError, WorkerLostError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seq2seq.runs.use import Run
    from seq2seq.tasks.aligner import Alignment
    from seq2seq.tasks.transcriber import Transcription
    from seq2seq.tasks.translator import Prediction

USER_ERROR, TRY_AGAIN, INTERRUPTED, BROKEN_PIPE = 2, 75, 130, 141

#: What may be overridden for a run that is trained: how it is searched, where it runs, which files it reads.
_USABLE = re.compile(
    r"^(search|hardware)(=|\.)|^data\.(root|val|test|index_dir|batch|broken_audio)\b|^task\.(metric_on|lowercase_metric)="
)

app = typer.Typer(
    help="Train, evaluate and use LSTM sequence-to-sequence models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The entry point; does not return."""
    # TensorFlow's C++ side logs an error for each GPU library that it lacks; what is fatal still shows.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings(
        "ignore", message=r"\s*TensorFlow Addons"
    )  # its end of life is known, see pyproject.toml
    logger = logging.getLogger("seq2seq")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler(_CurrentStderr())  # standard output is for what was asked for
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    app(args=None if arguments is None else list(arguments), prog_name="seq2seq")


class _CurrentStderr:
    """Whatever `sys.stderr` is when a line is written: a progress bar puts itself there, and lines above itself."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


# --- errors ---


@contextmanager
def ending_well() -> Iterator[None]:
    """A mistake of the user's, Ctrl-C or a reader that went away ends the program without a traceback."""
    try:
        yield
        sys.stdout.flush()
    except WorkerLostError as error:
        typer.echo(f"error: {error}", err=True)
        os._exit(TRY_AGAIN)  # TensorFlow would wait for the worker that is gone
    except UserError as error:
        _refuse(error)
    except PreemptedError:
        _exit(TRY_AGAIN)
    except KeyboardInterrupt:
        _exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would complain
        _exit(BROKEN_PIPE)
    except Exception as error:
        if not type(error).__module__.startswith(("hydra.", "omegaconf.")):
            raise
        from seq2seq.config.compose import first_line

        _refuse(UserError(first_line(error)))


def _refuse(error: UserError) -> NoReturn:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    if len(problems) == 1:
        typer.echo(f"error: {problems[0]}", err=True)
    else:
        typer.echo(f"error: {len(problems)} things are wrong:", err=True)
        for problem in problems:
            typer.echo(f"  {problem}", err=True)
    _exit(USER_ERROR)


def _exit(code: int) -> NoReturn:
    raise SystemExit(code)


def command(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a command whose errors end well."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @app.command(**options)
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            with ending_well():
                function(*args, **kwargs)

        return run

    return register


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


# --- train, check ---


@command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
    },
    add_help_option=False,
)
def train(context: typer.Context) -> None:
    """Train a model, evaluate it, show examples."""
    from hydra._internal.utils import get_args_parser

    arguments = context.args
    options = get_args_parser().parse_args(arguments)
    if not (options.help or options.hydra_help or options.shell_completion or options.info):
        run_dir = None if options.multirun or options.cfg else _run_to_continue(options.overrides)
        if run_dir is not None:
            return _continue(run_dir, options.overrides)
        from seq2seq.config.compose import config_loader, refuse

        refuse(options.overrides, config_loader(options.config_dir), multirun=options.multirun)
    _through_hydra(arguments)


def _run_to_continue(overrides: Sequence[str]) -> Optional[Path]:
    """The run that `run_dir=` names, where it exists and no choice is made anew.

    With choices (`data=…`, `experiment=…`) a configuration is composed as for a new run, and training refuses
    what differs from the run's.
    """
    given = dict(text.split("=", 1) for text in overrides if "=" in text)
    path = Path(given.get("run_dir", "").strip("'\"") or os.devnull, "config.yaml")
    keys = [key for key in given if key != "run_dir"]
    return path.parent if path.is_file() and all("." in key or key == "seed" for key in keys) else None


def _continue(run_dir: Path, overrides: Sequence[str]) -> None:
    """Go on with a run: what is not given now is as it was."""
    from seq2seq.config.saved import load

    config = load(run_dir, overrides)
    from seq2seq.runs.train import train

    train(config)


def _through_hydra(arguments: Sequence[str]) -> None:
    import hydra

    from seq2seq.config.compose import CONFIG_MODULE, CONFIG_NAME, VERSION_BASE
    from seq2seq.config.store import register

    register()
    os.environ.setdefault(
        "HYDRA_FULL_ERROR", "1"
    )  # Hydra raises what it would otherwise print and leave with
    sys.argv = ["train.py" if sys.argv[0].endswith("train.py") else "seq2seq train", *arguments]
    hydra.main(config_path=CONFIG_MODULE, config_name=CONFIG_NAME, version_base=VERSION_BASE)(_job)()


def _job(composed: DictConfig) -> None:
    """One training, as Hydra starts it: on its own, or as one of a sweep."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from seq2seq.config.compose import finish

    with ending_well():
        config = finish(composed)
        job = HydraConfig.get()
        if job.mode == RunMode.MULTIRUN:
            config.run_dir = str(Path(config.run_dir or job.sweep.dir, str(job.job.num)))
        from seq2seq.runs.train import train

        train(config)


@command()
def check(
    overrides: Optional[List[str]] = typer.Argument(None, help="As for train: data=… data.root=… …"),
    config_dir: Optional[str] = typer.Option(None, "--config-dir", help="A folder of further choices."),
) -> None:
    """Look at data and configuration before a long run.

    Prints counts, lengths, how much of the text the vocabulary covers, and what would be wrong.
    """
    from seq2seq.config.compose import compose

    config = compose(overrides or [], config_dir)
    from seq2seq.runs.check import report

    logging.getLogger("seq2seq").setLevel(logging.WARNING)  # the report says it better
    for line in report(config):
        typer.echo(line)


# --- a trained run ---

RUN = typer.Argument(..., metavar="RUN", help="The folder of a run.")
OVERRIDES = typer.Argument(None, metavar="KEY=VALUE", help="search.beam_width=10, data.test.source=…, …")
CHECKPOINT = typer.Option(
    None,
    "--checkpoint",
    help="best, latest, or a name in RUN/checkpoints; without it, what the run ended with.",
)


class Split(str, Enum):
    train = "train"
    val = "val"
    test = "test"


@command()
def evaluate(
    run_dir: Path = RUN,
    overrides: Optional[List[str]] = OVERRIDES,
    split: Split = typer.Option(Split.test, "--split", help="Which part of the data."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Measure a run on a split of its data."""
    evaluation = _load(run_dir, overrides, checkpoint).evaluate(split.value)
    if as_json:
        found = {split.value: evaluation.metrics, "signatures": evaluation.signatures}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, value in evaluation.metrics.items():
        typer.echo(f"{name:<12} {value:8.2f}   {evaluation.signatures.get(name, '')}".rstrip())


@command()
def predict(
    run_dir: Path = RUN,
    inputs: Optional[List[str]] = typer.Argument(
        None,
        metavar="FILE|-",
        help="Text, a line each (.gz too), or files of sound; - or nothing is standard input, lines of text or names"
        " of files of sound. KEY=VALUE as in evaluate.",
    ),
    n_best: Optional[int] = typer.Option(
        None, "--n-best", min=1, help="So many translations of each line, as LINE<tab>TEXT, best first."
    ),
    scores: bool = typer.Option(False, "--scores", help="Put the score and a tab before each text."),
    alignments: Optional[Path] = typer.Option(
        None, "--alignments", help="Write the attention of each line to DIR/LINE.tsv.", metavar="DIR"
    ),
    timestamps: bool = typer.Option(
        False, "--timestamps", help="Of sound: print each word with its start and end in seconds, as TSV."
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Translate lines of text, or write down what is said in files of sound."""
    given = inputs or []
    overrides = [text for text in given if _USABLE.match(text)]
    files = [text for text in given if text not in overrides] or ["-"]
    for path in files:
        if path != "-" and not Path(path).is_file():
            raise UserError(f"{path}: no such file; give files of text or of sound, or - for standard input")
    if timestamps and (n_best is not None or scores):
        raise UserError("--timestamps are of the best text alone; leave out --n-best and --scores")
    if n_best is not None:
        overrides.append(f"search.n_best={n_best}")
    run = _load(run_dir, overrides, checkpoint)
    if alignments is not None:
        _make_folder(alignments)
    wanted = alignments is not None
    names: Iterator[str] = iter(())
    if run.hears:
        listed = (name for file in files for name in (_lines(["-"]) if file == "-" else [file]))
        names, read = itertools.tee(listed)
        predictions: Iterator[Any] = run.transcribe(read, alignments=wanted, timestamps=timestamps)
    elif timestamps:
        raise UserError(f"{run_dir} is a run of task=translation; --timestamps are of speech")
    else:
        predictions = run.predict(_lines(files), alignments=wanted)
    if timestamps:
        return _write_timestamps(names, predictions, alignments)
    for number, prediction in enumerate(predictions, start=1):
        for text, score in zip(prediction.texts, prediction.scores):
            fields = [str(number)] if n_best is not None else []
            fields += [f"{score:.4f}"] if scores else []
            sys.stdout.write("\t".join([*fields, text]) + "\n")
        sys.stdout.flush()  # a line is of use to a reader once it is there
        if alignments is not None:
            _write_alignment(alignments / f"{number}.tsv", prediction)


class Format(str, Enum):
    tsv = "tsv"
    textgrid = "textgrid"


@command()
def align(
    run_dir: Path = RUN,
    manifest: Path = typer.Argument(
        ...,
        metavar="MANIFEST",
        help="Sound with its texts: a table, JSONL, or a folder of Kaldi's or LibriSpeech's layout.",
    ),
    overrides: Optional[List[str]] = OVERRIDES,
    output: Optional[Path] = typer.Option(
        None,
        "--output",
        metavar="FILE|DIR",
        help="Of tsv the file, in place of standard output; of textgrid the folder, with a file for each utterance.",
    ),
    form: Format = typer.Option(Format.tsv, "--format", help="A table, or Praat's TextGrid."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Find when each word of given texts is said."""
    if form is Format.textgrid and output is None:
        raise UserError("--format textgrid needs --output DIR, for a file of each utterance")
    alignments = _load(run_dir, overrides, checkpoint).align(manifest)
    if form is Format.tsv:
        _write_table(alignments, output)
    else:
        assert output is not None
        _write_text_grids(alignments, output)


@command()
def score(
    run_dir: Path = RUN,
    source: Path = typer.Argument(..., metavar="SOURCE", help="Text, a line each (.gz too)."),
    target: Path = typer.Argument(..., metavar="TARGET", help="Its translation, line by line."),
    overrides: Optional[List[str]] = OVERRIDES,
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Print the log-probability of each given translation."""
    run = _load(run_dir, overrides, checkpoint)
    from seq2seq.datasets.readers.parallel_text import ParallelText

    for value in run.score(ParallelText([source], [target]).pairs()):
        sys.stdout.write(f"{value:.6f}\n")


@command()
def average(
    run_dir: Path = RUN,
    last: int = typer.Option(5, "--last", min=2, help="How many of the kept checkpoints."),
) -> None:
    """Average the weights of a run's last checkpoints."""
    _require_run(run_dir)
    from seq2seq.runs.use import average as average_checkpoints

    typer.echo(average_checkpoints(run_dir, last))


@command(name="convert-tf1")
def convert_tf1(
    source: Path = typer.Argument(
        ..., metavar="CHECKPOINT", help="TensorFlow 1's: prefix or folder. With --back: FILE.npz or RUN."
    ),
    scopes: List[str] = typer.Option(
        [], "--scope", help="Of an LSTM cell, such as encoder/rnn/lstm_cell; without it, they are listed."
    ),
    forget_bias: float = typer.Option(
        1.0, "--forget-bias", help="Which TensorFlow 1's cell adds at run time."
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", metavar="FILE", help="Write FILE.npz; with --back, a checkpoint of that prefix."
    ),
    into: Optional[Path] = typer.Option(
        None, "--into", metavar="RUN", help="Put the weights into a run, as a new checkpoint of it."
    ),
    layers: List[str] = typer.Option(
        [], "--layer", metavar="NAME", help="Of the run, one for each --scope: encoder/forward_0, …"
    ),
    back: bool = typer.Option(False, "--back", help="The other way: from ours to TensorFlow 1."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Bring an LSTM's weights from a TensorFlow 1 checkpoint, or back."""
    from seq2seq.interop.convert_tf1 import convert

    for line in convert(
        source,
        scopes=scopes,
        layers=layers,
        forget_bias=forget_bias,
        output=output,
        into=into,
        back=back,
        checkpoint=checkpoint,
    ):
        typer.echo(line)


@command()
def export(
    run_dir: Path = RUN,
    target: Path = typer.Argument(
        ..., metavar="DIR", help="exported/1: a new folder, whose name is a version."
    ),
    overrides: Optional[List[str]] = typer.Argument(
        None, metavar="KEY=VALUE", help="export.tokenizer=in_graph, export.precision=bfloat16, search=beam, …"
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Write a SavedModel that a stock TensorFlow server loads, checked against the run."""
    from seq2seq.serving.manifest import examples, refuse_existing, weights_in_words

    refuse_existing(target)
    run = _load(run_dir, overrides, checkpoint, usable=re.compile(rf"{_USABLE.pattern}|^export\."))
    from seq2seq.serving.export import export as export_run

    exported = export_run(run, target, checkpoint=checkpoint)
    for line in examples(exported.manifest, target):
        typer.echo(line)
    typer.echo(weights_in_words(exported.manifest["weights"]))
    typer.echo(f"wrote and checked {target}: {exported.size / 1e6:.1f} MB, {exported.seconds:.0f} s")


@command()
def inspect(
    target: Path = typer.Argument(..., metavar="DIR", help="What export wrote, such as exported/1."),
) -> None:
    """Say in words what an export is: its signatures, defaults and how it was checked."""
    from seq2seq.serving.manifest import describe, read_manifest

    for line in describe(read_manifest(target)):
        typer.echo(line)


@command()
def doctor() -> None:
    """Print versions, devices, and what will run on them."""
    from seq2seq.runs.doctor import examine

    for name, finding in examine():
        typer.echo(f"{name:<22} {finding}")


def _load(
    run_dir: Path,
    overrides: Optional[Sequence[str]],
    checkpoint: Optional[str],
    usable: re.Pattern[str] = _USABLE,
) -> Run:
    overrides = list(overrides or [])
    foreign = [text for text in overrides if not usable.match(text)]
    if foreign:
        allowed = "a trained run takes search.…, hardware.…, data.root=…, data.val.… and data.test.…"
        raise ConfigError([f"{text}: {allowed}" for text in foreign])
    _require_run(run_dir)
    from seq2seq.runs.use import load_run

    return load_run(run_dir, overrides, checkpoint)


def _require_run(run_dir: Path) -> None:
    """Says what is missing before TensorFlow is loaded."""
    if not (run_dir / "config.yaml").is_file():
        raise UserError(f"{run_dir}: holds no run (no config.yaml); RUN is a folder made by `seq2seq train`")


def _lines(files: Sequence[str]) -> Iterator[str]:
    """The lines of files and of standard input.

    Raises:
        UserError: with file and line, where text is not UTF-8; where standard input is empty.
    """
    from seq2seq.datasets.readers.lines import file_lines, stream_lines

    for file in files:
        if file != "-":
            yield from file_lines(Path(file))
            continue
        empty = True
        for line in stream_lines(sys.stdin.buffer, "standard input"):
            empty = False
            yield line
        if empty:
            raise UserError("standard input is empty; give lines of text, or a file's name")


def _make_folder(folder: Path, option: str = "--alignments") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {folder}: {error.strerror}") from error


def _write_timestamps(
    names: Iterator[str], predictions: Iterator[Transcription], alignments: Optional[Path]
) -> None:
    """The words of each file, as TSV; files without any are named at the end."""
    from seq2seq.tasks.alignment_files import TSV_HEADER, tsv_lines

    without = []
    sys.stdout.write(TSV_HEADER)
    for number, (name, prediction) in enumerate(zip(names, predictions), start=1):
        sys.stdout.write(tsv_lines(name, prediction.spans or []))
        sys.stdout.flush()
        if not prediction.spans:
            without.append(f"{name} ({prediction.texts[0] or 'nothing recognised'})")
        if alignments is not None:
            _write_alignment(alignments / f"{number}.tsv", prediction)
    if without:
        typer.echo(f"{len(without)} files without timestamps: {', '.join(without[:20])}", err=True)


def _write_table(alignments: Iterator[Alignment], output: Optional[Path]) -> None:
    from seq2seq.tasks.alignment_files import TSV_HEADER, tsv_lines

    try:
        with nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8") as stream:
            stream.write(TSV_HEADER)
            for alignment in alignments:
                stream.write(tsv_lines(alignment.name, alignment.spans or []))
    except OSError as error:
        if output is None:
            raise
        raise UserError(f"--output {output}: {error.strerror}") from error


def _write_text_grids(alignments: Iterator[Alignment], folder: Path) -> None:
    """A file for each utterance that has an alignment, in the folders that its name holds."""
    from seq2seq.tasks.alignment_files import text_grid

    _make_folder(folder, "--output")
    written: dict[Path, str] = {}
    for name, spans, duration, _ in alignments:
        if spans is None:
            continue
        path = folder.joinpath(
            *(part for part in f"{name}.TextGrid".split("/") if part not in ("", ".", ".."))
        )
        if path in written:
            raise UserError(f"{path} would be of {written[path]} and of {name}; give them other ids")
        written[path] = name
        _make_folder(path.parent, "--output")
        try:
            path.write_text(text_grid(spans, duration), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error


def _write_alignment(path: Path, prediction: Prediction | Transcription) -> None:
    """A row for each piece of the best translation, a column for each piece of the source."""
    if prediction.alignment is None:
        raise UserError("--alignments: this model has no attention to show (task.ctc_weight=1)")
    rows = ["\t".join(["", *prediction.source_pieces])]
    for piece, weights in zip(prediction.pieces, prediction.alignment):
        rows.append("\t".join([piece, *(f"{weight:.4f}" for weight in weights)]))
    try:
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


if __name__ == "__main__":
    main()
