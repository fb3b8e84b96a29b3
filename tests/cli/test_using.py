"""What is done with a trained run: evaluate, predict, align, score, average."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seq2seq.errors import UserError
from seq2seq.tasks.speech.alignment_files import TSV_HEADER, WordSpan
from tests.cli.conftest import FakeRun, Outcome


def test_evaluate(run_cli: Any, run_folder: Path) -> None:
    assert run_cli("evaluate", str(run_folder), "--split", "val").out.splitlines() == [
        "loss             1.25",
        "bleu            31.50   sig|val",
    ]


@pytest.mark.parametrize("name", ["dev", "valid", "validation"])
def test_the_validation_data_has_other_names(name: str, run_cli: Any, run_folder: Path) -> None:
    outcome = run_cli("evaluate", str(run_folder), "--split", name, "--json")
    assert list(json.loads(outcome.out)) == ["val", "signatures"]


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


def test_a_text_stays_on_its_line(run_cli: Any, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer with bytes can write what would end it."""
    answer = SimpleNamespace(texts=["a\nb\tc\rd\u2028e"], scores=[0.0])
    monkeypatch.setattr(FakeRun, "predict", lambda self, lines: (answer for _ in lines))
    assert run_cli("predict", str(run_folder), stdin=b"x\n").out == "a b c d\u2028e\n"


def test_text_for_a_run_of_translation_is_text(run_cli: Any, run_folder: Path, tmp_path: Path) -> None:
    for name, content in (("a.wav", b"RIFF\xff\xff\0\0WAVE"), ("b.en", "zwei".encode("utf-16"))):
        (tmp_path / name).write_bytes(content)
        outcome = run_cli("predict", str(run_folder), str(tmp_path / name))
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"error: {tmp_path / name}, line 1: this is not UTF-8 ")
        assert outcome.err.endswith("The run is one of translation, which takes lines of text.\n")


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
    said = "error: Timestamps are of speech; a translation has none.\n"
    assert outcome == Outcome(2, "", said)
    for option in (["--scores"], ["--n-best", "2"]):
        outcome = run_cli("predict", str(run_folder), "--timestamps", *option, stdin=b"a\n")
        assert outcome.code == 2
        assert outcome.err.startswith("error: --timestamps are of the best text alone")
    outcome = run_cli("predict", str(run_folder), "--parts", "--scores", stdin=b"a\n")
    assert (outcome.code, outcome.err.count("--parts print scores and texts; leave out")) == (2, 1)


def test_predict_timestamps_name_what_has_none(
    run_cli: Any, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict_files(
        self: FakeRun, files: Iterable[str], _: Any, *, timestamps: bool, **others: bool
    ) -> Iterator[Any]:
        assert timestamps
        for file in files:
            text = Path(file).read_text()
            spans = [WordSpan(text, 0.0, 0.5)] if text == "fine" else None
            yield file, SimpleNamespace(texts=[text], spans=spans)

    monkeypatch.setattr(FakeRun, "predict_files", predict_files)
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


def test_align_leaves_no_part_of_a_table(
    run_cli: Any, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: FakeRun, manifest: Path) -> Iterator[Any]:
        yield from align(self, manifest)
        raise UserError("the third is damaged")

    align = FakeRun.align
    monkeypatch.setattr(FakeRun, "align", stopped)
    manifest, output = tmp_path / "manifest", tmp_path / "words.tsv"
    manifest.write_text("x y")
    output.write_text("of yesterday")
    outcome = run_cli("align", str(run_folder), str(manifest), "--output", str(output))
    assert outcome == Outcome(2, "", "error: the third is damaged\n")
    assert output.read_text() == "of yesterday"


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
