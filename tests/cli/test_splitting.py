"""`seq2seq split`, and what it prints to go on with."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError
from seq2seq.tasks.readers import build_reader


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str], str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["split", *map(str, arguments)])
    captured = capsys.readouterr()
    return ended.value.code, captured.out.splitlines(), captured.err


def test_the_next_command_reads_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my corpus"
    folder.mkdir()
    path = folder / "fra.eng.txt"
    text = tmp_path / "lines.txt"
    text.write_text("".join(f"line {n}\n" for n in range(200)))
    code, lines, _ = run(capsys, text)
    assert code == 0 and lines[0] == f"train        180 lines   {tmp_path}/lines-split/train.txt"
    assert sum(1 for _ in build_reader(compose(shlex.split(lines[-1])[3:]).data, "train").pairs()) == 180
    path.write_text("".join(f"line {n}\tligne {n}\tCC-BY {n}\n" for n in range(200)))
    code, lines, _ = run(capsys, path, "--test", "0.2", "--seed", "3")
    out = folder / "fra-split"
    assert code == 0
    assert lines[:3] == [
        f"train        150 pairs   {out}/train.txt",
        f"val           10 pairs   {out}/val.txt",
        f"test          40 pairs   {out}/test.txt",
    ]
    commands = dict(line.split(maxsplit=1) for line in lines[3:])
    check, train = shlex.split(commands["next:"]), shlex.split(commands["then:"])
    assert (check[:2], train[:2]) == (["seq2seq", "check"], ["seq2seq", "train"])
    assert train[2:-1] == check[2:]
    assert train[-1] == "run_dir=runs/fra"
    config = compose(train[2:])
    assert [sum(1 for _ in build_reader(config.data, split).pairs()) for split in ("train", "val", "test")] == [
        150, 10, 40,
    ]  # fmt: skip

    code, lines, error = run(capsys, path)
    assert (code, lines) == (2, [])
    assert error == f"error: {out}/train.txt: is there already; give another --output\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.tsv"], "nothing.tsv: no such file"),
        (["."], ".: is a folder; give a file"),
        (["a.tsv", "--val", "lots"], "--val lots: must be a count (1000) or a share below the whole (0.05, 5%)"),
        (["a.tsv", "a.tsv", "--source", "en"], "--source and --target name columns of one file, and two files are"),
        (["a.tsv", "--val", "0", "--test", "0"], "nothing is to be held out of 3 pairs; give --val or --test"),
        (["a.tsv", "--source", "en"], "The columns en and 1 must both be names (of a header) or both be numbers"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.tsv").write_text("a\tb\nc\td\ne\tf\n")
    code, lines, error = run(capsys, *arguments)
    assert (code, lines) == (2, [])
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data=tsv", "data.train=x.tsv"], "`seq2seq split x.tsv`"),
        (["data=jsonl", "data.root=c", "data.train=x.jsonl"], "`seq2seq split c/x.jsonl`"),
        (["data=parallel_text", "data.train.source=a.en", "data.train.target=a.de"], "`seq2seq split a.en a.de`"),
        (["data=parallel_text", "data.train.source=[a,b]", "data.train.target=[c,d]"], "`seq2seq split FILE FILE`"),
        (["task=speech", "data=audio_table", "data.train=x y.tsv"], "`seq2seq split 'x y.tsv'`"),
        (["task=language_model", "data=text", "data.train=x.txt"], "`seq2seq split x.txt`"),
    ],
)  # fmt: skip
def test_training_data_alone_is_told_of_it(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        compose(overrides)
    (problem,) = error.value.problems
    assert problem.startswith("data.val: not given; ")
    assert problem.endswith(f"; {sentence} holds out val and test of training data")


def test_folders_are_not_split() -> None:
    with pytest.raises(ConfigError) as error:
        compose(["task=speech", "data=kaldi", "data.train=x"])
    assert error.value.problems == ["data.val: not given; a path or a list of paths"]
