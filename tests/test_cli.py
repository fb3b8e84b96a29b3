"""The command line's shell, with stand-ins for training and for a trained run: nothing here needs TensorFlow."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.saved import to_yaml
from seq2seq.config.schema import TrainConfig
from seq2seq.errors import PreemptedError, UserError
from seq2seq.tasks.alignment_files import TSV_HEADER, WordSpan

ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "argv", ["seq2seq"])  # Hydra's own parser reads it
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return Outcome(int(left.value.code or 0), output.out, output.err)

    return run


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """What training was called with."""
    configs: list[TrainConfig] = []
    module = ModuleType("seq2seq.runs.train")
    module.train = configs.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return configs


class Alignment(NamedTuple):
    """As that of `seq2seq.tasks.aligner`, which needs TensorFlow."""

    name: str
    spans: Any
    duration: float
    unknown: bool


class FakeRun:
    """Translates a line into its words in reverse, and as many more as the n-best list asks for."""

    hears = False

    def __init__(self, n_best: int) -> None:
        self.n_best = n_best

    def evaluate(self, split: str) -> SimpleNamespace:
        return SimpleNamespace(metrics={"loss": 1.25, "bleu": 31.5}, signatures={"bleu": f"sig|{split}"})

    def predict(self, lines: Iterable[str], alignments: bool = False) -> Iterator[SimpleNamespace]:
        for line in lines:
            pieces = line.split()
            yield SimpleNamespace(
                texts=[" ".join(pieces[::-1]) + "!" * rank for rank in range(self.n_best)],
                scores=[-0.5 - rank for rank in range(self.n_best)],
                pieces=pieces[::-1],
                source_pieces=pieces,
                alignment=np.eye(len(pieces))[::-1] if alignments else None,
            )

    def align(self, manifest: Path) -> Iterator[Alignment]:
        spans = [WordSpan("a", 0.0, 0.5), WordSpan("b", 0.5, 0.75)]
        names = manifest.read_text().split()
        return (Alignment(name, None if name == "hasty" else spans, 1.0, False) for name in names)

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[float]:
        return (-float(len(source) + len(target)) for source, target in pairs)


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and a stand-in for what opens runs."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(to_yaml(compose(["seed=7", "model.encoder.units=16"])))
    module = ModuleType("seq2seq.runs.use")

    def load_run(path: Path, overrides: list[str], checkpoint: str | None) -> FakeRun:
        if checkpoint == "gone":
            raise UserError("no such checkpoint")
        from seq2seq.config.saved import load

        return FakeRun(load(path, overrides).search.n_best)

    module.load_run = load_run  # type: ignore[attr-defined]
    module.average = lambda path, last: Path(path) / f"average-{last}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return folder


# --- the shell ---


def test_help_lists_the_commands_and_loads_no_tensorflow() -> None:
    code = (
        "import sys\nfrom seq2seq import cli\n"
        "try:\n    cli.main(['--help'])\n"
        "except SystemExit:\n    print(sorted({'tensorflow', 'hydra', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in (
        "train",
        "check",
        "evaluate",
        "predict",
        "align",
        "score",
        "average",
        "convert-tf1",
        "doctor",
    ):
        assert f"\n  {name} " in done.stdout
    assert done.stdout.endswith("[]\n")


def test_version(run_cli: Any) -> None:
    from seq2seq import __version__

    assert run_cli("--version") == Outcome(0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    "arguments", [("fly",), ("evaluate",), ("evaluate", "x", "--split", "dev"), ("train", "--fly")]
)
def test_misuse_leaves_with_2(arguments: tuple[str, ...], run_cli: Any) -> None:
    outcome = run_cli(*arguments)
    assert outcome.code == 2
    assert outcome.err


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (UserError("data.root=x: no such folder"), 2, "error: data.root=x: no such folder\n"),
        (KeyboardInterrupt(), 130, ""),
        (PreemptedError(), 75, ""),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_endings(
    raised: BaseException,
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "dup2", lambda *_: None)  # the test's own output stays
    with pytest.raises(SystemExit) as left, cli.ending_well():
        raise raised
    assert left.value.code == code
    assert capfd.readouterr().err == said


def test_mistakes_of_the_program_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), cli.ending_well():
        _ = 1 / 0


def test_a_reader_that_goes_away_is_no_error(run_folder: Path) -> None:
    code = (
        "import sys\nfrom seq2seq import cli\n"
        "with cli.ending_well():\n"
        "    for _ in range(100000):\n        sys.stdout.write('a line of text\\n')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


# --- train ---


def test_train_composes_and_trains(run_cli: Any, trained: list[TrainConfig], tmp_path: Path) -> None:
    outcome = run_cli("train", "model.encoder.units=32", "search=beam", f"run_dir={tmp_path}/new")
    assert outcome == Outcome(0, "", "")
    assert trained == [compose(["model.encoder.units=32", "search=beam", f"run_dir={tmp_path}/new"])]


def test_train_leaves_nothing_but_the_run(
    run_cli: Any, trained: list[TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("train").code == 0
    assert len(trained) == 1
    assert list(tmp_path.iterdir()) == []


def test_train_refuses_with_every_sentence(run_cli: Any, trained: list[TrainConfig]) -> None:
    outcome = run_cli("train", "model.encodr.units=3", "data=tvs")
    assert (outcome.code, outcome.out, trained) == (2, "", [])
    lines = outcome.err.splitlines()
    assert lines[0] == "error: 2 things are wrong:"
    assert [line.split(":")[0] for line in lines[1:]] == ["  data=tvs", "  model.encodr.units"]


def test_a_mistake_during_training_is_one_sentence(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("seq2seq.runs.train")

    def train(config: TrainConfig) -> None:
        raise UserError("train.en, line 3: not UTF-8")

    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert run_cli("train") == Outcome(2, "", "error: train.en, line 3: not UTF-8\n")


def test_mistakes_in_hydras_own_keys_are_one_sentence(run_cli: Any, trained: list[TrainConfig]) -> None:
    outcome = run_cli("train", "hydra.verbos=true")
    assert (outcome.code, trained) == (2, [])
    assert outcome.err.startswith("error: ")
    assert len(outcome.err.splitlines()) == 1


def test_a_sweep_gives_each_job_its_own_folder(
    run_cli: Any, trained: list[TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("train", "-m", "model.encoder.units=8,16").code == 0
    assert [config.model.encoder.units for config in trained] == [8, 16]
    folders = [Path(str(config.run_dir)) for config in trained]
    assert [folder.name for folder in folders] == ["0", "1"]
    assert folders[0].parent == folders[1].parent
    assert folders[0].parent.parent == Path("runs")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    trained.clear()
    assert run_cli("train", "-m", "seed=1,2", "run_dir=mine").code == 0
    assert [config.run_dir for config in trained] == ["mine/0", "mine/1"]


def test_a_run_that_exists_goes_on_as_it_was(
    run_cli: Any, trained: list[TrainConfig], run_folder: Path
) -> None:
    assert run_cli("train", f"run_dir={run_folder}", "training.epochs=20").code == 0
    (config,) = trained
    assert (config.seed, config.model.encoder.units, config.training.epochs) == (7, 16, 20)
    assert config.run_dir == str(run_folder)


def test_choices_for_a_run_that_exists_are_composed_anew(
    run_cli: Any, trained: list[TrainConfig], run_folder: Path
) -> None:
    assert run_cli("train", f"run_dir={run_folder}", "model=translation").code == 0
    assert trained[0].seed == compose([]).seed != 7  # a difference that training then refuses by name


def test_train_help_is_the_table_of_contents(run_cli: Any) -> None:
    outcome = run_cli("train", "--help")
    assert outcome.code == 0
    groups = outcome.out.split("\n  experiment=\n")
    assert len(groups) == 2
    assert {"an4", "multi30k_en_de"} <= {
        line.split()[0] for line in groups[1].splitlines() if line[:4] == "    "
    }
    assert "$" not in outcome.out


def test_train_prints_a_configuration(run_cli: Any) -> None:
    outcome = run_cli("train", "--cfg", "job", "seed=3")
    assert outcome.code == 0
    assert "\nseed: 3\n" in outcome.out


def test_train_py_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "model.encodr.units=3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: model.encodr.units: no such key; did you mean model.encoder.units?")


# --- a trained run ---


def test_evaluate(run_cli: Any, run_folder: Path) -> None:
    assert run_cli("evaluate", str(run_folder), "--split", "val").out.splitlines() == [
        "loss             1.25",
        "bleu            31.50   sig|val",
    ]


def test_evaluate_as_json(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("evaluate", str(run_folder), "--json", "search.beam_width=10")
    assert json.loads(outcome.out) == {
        "test": {"loss": 1.25, "bleu": 31.5},
        "signatures": {"bleu": "sig|test"},
    }


@pytest.mark.parametrize("command", ["evaluate", "predict", "score", "average"])
def test_a_folder_without_a_run(command: str, run_cli: Any, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a\n")
    arguments = {"predict": [str(text)], "score": [str(text), str(text)]}.get(command, [])
    outcome = run_cli(command, str(tmp_path), *arguments)
    assert outcome.code == 2
    assert "holds no run" in outcome.err


@pytest.mark.parametrize(
    "override", ["model.encoder.units=3", "data.tokenizer.lowercase=true", "model=translation"]
)
def test_what_a_trained_run_does_not_take(override: str, run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("evaluate", str(run_folder), override)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {override}: a trained run takes search")


def test_a_wrong_search_is_refused_like_in_training(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("evaluate", str(run_folder), "search.beam_widht=10")
    assert outcome.code == 2
    assert "did you mean search.beam_width?" in outcome.err


def test_predict_reads_standard_input(run_cli: Any, run_folder: Path) -> None:
    text = "zwei Hunde\n\nüber drei\u2028Wiesen\r\nohne Ende"
    outcome = run_cli("predict", str(run_folder), "-", stdin=text.encode())
    assert outcome == Outcome(0, "Hunde zwei\n\nWiesen drei über\nEnde ohne\n", "")
    assert run_cli("predict", str(run_folder), stdin=text.encode()) == outcome


def test_predict_reads_files_and_overrides(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("a b\n")
    second.write_text("c d\n")
    outcome = run_cli("predict", str(run_folder), str(first), str(second), "search.beam_width=4")
    assert outcome.out == "b a\nd c\n"


def test_predict_n_best_and_scores(run_cli: Any, run_folder: Path) -> None:
    run, lines = str(run_folder), b"a b\nc\n"
    assert run_cli("predict", run, "--scores", stdin=lines).out == "-0.5000\tb a\n-0.5000\tc\n"
    assert run_cli("predict", run, "--n-best", "2", stdin=lines).out == "1\tb a\n1\tb a!\n2\tc\n2\tc!\n"
    outcome = run_cli("predict", run, "--n-best", "1", "--scores", stdin=lines)
    assert outcome.out == "1\t-0.5000\tb a\n2\t-0.5000\tc\n"


def test_predict_alignments(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "alignments"
    assert run_cli("predict", str(run_folder), "--alignments", str(folder), stdin=b"a b\nc\n").code == 0
    assert (folder / "1.tsv").read_text() == "\ta\tb\nb\t0.0000\t1.0000\na\t1.0000\t0.0000\n"
    assert sorted(path.name for path in folder.iterdir()) == ["1.tsv", "2.tsv"]


def test_predict_on_nothing(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("predict", str(run_folder), "-")
    assert outcome == Outcome(2, "", "error: standard input is empty; give lines of text, or a file's name\n")


def test_predict_on_text_that_is_not_utf8(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("predict", str(run_folder), "-", stdin=b"gut\nsch\xf6n\n")
    assert (outcome.code, outcome.out) == (2, "gut\n")
    assert outcome.err.startswith("error: standard input, line 2: ")


def test_predict_on_a_missing_file(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("predict", str(run_folder), "nowhere.txt")
    assert outcome.code == 2
    assert outcome.err.startswith("error: nowhere.txt: no such file")


def test_predict_alignments_into_a_file(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    outcome = run_cli("predict", str(run_folder), "--alignments", str(tmp_path / "taken"), stdin=b"a\n")
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: --alignments {tmp_path / 'taken'}: ")


def test_predict_timestamps_of_text(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("predict", str(run_folder), "--timestamps", stdin=b"a\n")
    said = f"error: {run_folder} is a run of task=translation; --timestamps are of speech\n"
    assert outcome == Outcome(2, "", said)
    for option in (["--scores"], ["--n-best", "2"]):
        outcome = run_cli("predict", str(run_folder), "--timestamps", *option, stdin=b"a\n")
        assert outcome.code == 2
        assert outcome.err.startswith("error: --timestamps are of the best text alone")


def test_predict_timestamps_name_what_has_none(
    run_cli: Any, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transcribe(self: FakeRun, files: Iterable[str], alignments: bool, timestamps: bool) -> Iterator[Any]:
        assert timestamps
        for file in files:
            text = Path(file).read_text()
            spans = [WordSpan(text, 0.0, 0.5)] if text == "fine" else None
            yield SimpleNamespace(texts=[text], spans=spans)

    monkeypatch.setattr(FakeRun, "hears", True)
    monkeypatch.setattr(FakeRun, "transcribe", transcribe, raising=False)
    files = [tmp_path / f"{name}.wav" for name in ("fine", "long", "none")]
    for file, text in zip(files, ("fine", "far too much", "")):
        file.write_text(text)
    outcome = run_cli("predict", str(run_folder), *map(str, files), "--timestamps")
    assert outcome.code == 0
    assert outcome.out == f"name\tstart\tend\tword\n{files[0]}\t0.000\t0.500\tfine\n"
    listed = f"{files[1]} (far too much), {files[2]} (nothing recognised)"
    assert outcome.err == f"2 files without timestamps: {listed}\n"


def test_align_writes_a_table(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    manifest, output = tmp_path / "manifest", tmp_path / "words.tsv"
    manifest.write_text("x hasty y")
    table = TSV_HEADER + "".join(f"{name}\t0.000\t0.500\ta\n{name}\t0.500\t0.750\tb\n" for name in "xy")
    assert run_cli("align", str(run_folder), str(manifest)) == Outcome(0, table, "")
    assert run_cli("align", str(run_folder), str(manifest), "--output", str(output)) == Outcome(0, "", "")
    assert output.read_text() == table
    outcome = run_cli("align", str(run_folder), str(manifest), "--output", str(tmp_path))
    assert outcome == Outcome(2, "", f"error: --output {tmp_path}: Is a directory\n")


def test_align_writes_text_grids(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    manifest, output = tmp_path / "manifest", tmp_path / "grids"
    arguments = ("align", str(run_folder), str(manifest), "--format", "textgrid")
    manifest.write_text("x hasty deep/y.1 ../../z /etc/w")
    assert (
        run_cli(*arguments).err
        == "error: --format textgrid needs --output DIR, for a file of each utterance\n"
    )
    assert run_cli(*arguments, "--output", str(output)) == Outcome(0, "", "")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.TextGrid")}
    assert written == {f"grids/{name}.TextGrid" for name in ("x", "deep/y.1", "z", "etc/w")}
    assert 'text = "b"' in (output / "z.TextGrid").read_text()
    manifest.write_text("x ../x")
    outcome = run_cli(*arguments, "--output", str(output))
    assert (outcome.code, outcome.err.count("would be of x and of ../x")) == (2, 1)


def test_score(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("ab\nc\n")
    target.write_text("xyz\nx\n")
    assert run_cli("score", str(run_folder), str(source), str(target)).out == "-5.000000\n-2.000000\n"
    target.write_text("xyz\n")
    outcome = run_cli("score", str(run_folder), str(source), str(target))
    assert outcome.code == 2
    assert "has 2 and" in outcome.err


def test_average_names_the_checkpoint(run_cli: Any, run_folder: Path) -> None:
    assert run_cli("average", str(run_folder), "--last", "3").out == f"{run_folder}/average-3\n"


def test_a_missing_checkpoint_is_one_sentence(run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("evaluate", str(run_folder), "--checkpoint", "gone")
    assert outcome == Outcome(2, "", "error: no such checkpoint\n")
