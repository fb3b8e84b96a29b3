"""What is typed means what it says, or gets one sentence; Hydra's grammar is nobody's business."""

from __future__ import annotations

import pytest

from seq2seq.config.compose import compose
from seq2seq.config.groups.text_data import ParallelTextConfig, TsvConfig
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.overrides import as_meant, parse, text_of
from seq2seq.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (["data.root=/a b"], "data.root", "/a b"),
        (["data.root=~/corpus"], "data.root", "~/corpus"),
        (["data.root=/Korpora/Übung"], "data.root", "/Korpora/Übung"),
        (["data.root=/data (old)"], "data.root", "/data (old)"),
        (["data.root=C:\\texts"], "data.root", "C:\\texts"),
        (["data.root=/it's"], "data.root", "/it's"),
        (["data.root=a#b;c&d!"], "data.root", "a#b;c&d!"),
        (["run_dir=runs/a=b"], "run_dir", "runs/a=b"),
        (["run_dir=run [best]"], "run_dir", "run [best]"),
        (["run_dir=a(\\"], "run_dir", "a(\\"),
        (["run_dir=a(\\'b"], "run_dir", "a(\\'b"),
        (["run_dir='runs/a=b'"], "run_dir", "runs/a=b"),
        (["run_dir=2024_11_25"], "run_dir", "2024_11_25"),
        (["run_dir=1e5"], "run_dir", "1e5"),
        (["run_dir=true"], "run_dir", "true"),
        (["run_dir=null"], "run_dir", None),
        (["data.train.source=[a.en, b.en]"], "data.train.source", ["a.en", "b.en"]),
        (["data.train.source=[ä.en, b c.en,x=1]"], "data.train.source", ["ä.en", "b c.en", "x=1"]),
        (["seed=3"], "seed", 3),
        (["seed = 3"], "seed", 3),
        (["seed= 3"], "seed", 3),
        (["seed =3"], "seed", 3),
        (["seed", "=", "3"], "seed", 3),
        (["seed=", "3"], "seed", 3),
        (["seed", "=3"], "seed", 3),
        (["seed=3\n"], "seed", 3),
        (["data.test={source: null, target: null}"], "data.test", {"source": None, "target": None}),
        (["run_dir=${oc.env:HOME}/x"], "run_dir", "${oc.env:HOME}/x"),
    ],
)
def test_works_as_meant(overrides: list[str], key: str, value: object) -> None:
    (override,), problems = parse(overrides, Loader())
    assert problems == []
    assert (override.key_or_group, override.value()) == (key, value)
    assert as_meant(as_meant(overrides)) == as_meant(overrides)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data.train.source=[a.en, b.en"], "the [ of the value is not closed by a ]"),
        (["model.encoder={units: 3"], "the { of the value is not closed by a }"),
        (["run_dir='a"], "the ' of the value is not closed by a '"),
        (['run_dir="a'], 'the " of the value is not closed by a "'),
        (["seed:=3"], "write seed=3"),
        (["seed==3"], "write seed=3"),
        (["seed:3"], "write seed=3"),
        (["data.train/source=x"], "a key has dots between its parts; write data.train.source=x"),
        (["=3"], "has no key before its ="),
        (["seed"], "cannot be read; write key=value"),
        (["run_dir=${"], "cannot be read; write key=value, in quotes if it holds any of ,:{}[]()='\""),
        (
            ["data.root=/a", "b"],
            "is no key=value; where it belongs to the one before, quote both for the shell: 'data.root=/a b'",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence(overrides: list[str], sentence: str) -> None:
    _, problems = parse(overrides, Loader())
    assert problems == [f"{overrides[-1]}: {sentence}"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("+seed=", "seed=: must be a whole number"),
        ("seed=", "seed=: must be a whole number"),
        ("+seed=3", "+seed=3: the key exists already; write it without +"),
        ("~seed", "~seed: nothing of a configuration can be taken away; give another value"),
        ("~key", "~key: nothing of a configuration can be taken away; give another value"),
        ("data.train.source=", "data.train.source=: must be a path or a list of paths"),
        ("data.train.source=[]", "data.train.source=[]: must be a path or a list of paths"),
        (
            "data.train.source=a,b",
            "data.train.source=a,b: several values are a sweep, which needs -m; a list is data.train.source=[a,b]",
        ),
        ("model.encoder.units=1=2", "model.encoder.units=1=2: must be a whole number"),
    ],
)
def test_what_is_read_and_wrong_is_one_sentence(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose([override])
    assert refused.value.problems == [sentence]


def test_an_added_key_that_is_empty_is_no_key() -> None:
    with pytest.raises(ConfigError, match=r"^key: no such key; valid: task, data"):
        compose(["+key="])


def test_a_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = compose(["data.root=~/corpus", "run_dir=~/runs/a=b", "data.train.source=[~/a.en,b.en]"])
    data = config.data
    assert isinstance(data, ParallelTextConfig)
    assert (data.root, config.run_dir) == ("/home/ada/corpus", "/home/ada/runs/a=b")
    assert (data.train.source, data.train.target) == (["/home/ada/a.en", "b.en"], "train.de")
    tsv = compose(["data=tsv", "data.train=~/a.tsv", "data.val=~no such user/b.tsv"]).data
    assert isinstance(tsv, TsvConfig)
    assert (tsv.train, tsv.val) == ("/home/ada/a.tsv", "~no such user/b.tsv")
    assert text_of("run_dir='~/a=b'") == "/home/ada/a=b"


NAMES = ("a=b", "run [best]", "ä ö", "50 %", "{x}", "a'b", 'a"b', "#1", "$HOME", "a*b?", "a\\b", "1_000")


@pytest.mark.parametrize("name", NAMES)
def test_any_folder_that_there_can_be_is_a_run_dir(name: str) -> None:
    assert text_of(*as_meant([f"run_dir=/runs/{name}"])) == f"/runs/{name}"


def test_folders_of_odd_names_are_composed() -> None:
    assert compose(["run_dir=/runs/run [best]", "data.root=/a=b"]).run_dir == "/runs/run [best]"
