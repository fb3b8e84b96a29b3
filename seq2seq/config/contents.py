"""The table of contents that `python train.py --help` prints, made of the first sentences of conf/."""

from __future__ import annotations

import itertools
import re
from importlib import resources
from textwrap import dedent

ORDER = ("task", "data", "model", "masking", "hardware", "optimizer", "search", "experiment")


def contents() -> str:
    """The page."""
    blocks = []
    for group in ORDER:
        names = sorted(
            file.name[: -len(".yaml")]
            for file in (resources.files("seq2seq.conf") / group).iterdir()
            if file.name.endswith(".yaml")
        )
        blocks.append(
            "\n".join([f"  {group}=", *(f"    {name:<20} {first_sentence(group, name)}" for name in names)])
        )
    return _PAGE.replace("GROUPS", "\n".join(blocks))


def comment(group: str, choice: str) -> str:
    """What the file of a choice begins with; nothing where it is not of conf/."""
    file = resources.files("seq2seq.conf") / group / f"{choice}.yaml"
    if not file.is_file():
        return ""
    lines = itertools.takewhile(lambda line: line.startswith("#"), file.read_text("utf-8").splitlines())
    return " ".join(line[1:].strip() for line in lines if not line.startswith("# @package"))


def first_sentence(group: str, choice: str) -> str:
    """The first sentence of that."""
    return re.split(r"(?<=\.) (?=[A-Z])", comment(group, choice))[0]


_PAGE = dedent("""\
    Trains a sequence-to-sequence model, evaluates it, and shows examples.

        python train.py [CHOICE=NAME …] [KEY=VALUE …]        seq2seq train …  is the same, in any folder

    Choices, each a folder of conf/ (each file begins with what it is):

    GROUPS

    Keys of what was chosen, and of training itself, are set one by one:

        python train.py model.encoder.units=256 optimizer.learning_rate=5e-4 training.epochs=20 seed=2

    --help GROUP prints the keys of a group with their types, defaults and meaning: --help model, --help data=tsv,
    --help optimizer.schedule, --help training, --help export.

    Examples

        python train.py                                        the bundled sample
        python train.py data=parallel_text data.train.source=a.en data.train.target=a.de \\
            data.val.source=b.en data.val.target=b.de          your own text
        python train.py experiment=multi30k_en_de data.root=/corpora/multi30k
        python train.py init=runs/mine data=…                  begins with a run's weights; --help init
        python train.py -m model.encoder.units=128,256         a sweep, its runs under runs/
        python train.py run_dir=runs/mine                      a run by name; again, to go on with it

    --cfg job prints every key and value that a command line would train with; --config-dir DIR adds
    your own choices, laid out like conf/; --hydra-help says what else Hydra can do.
    """)
