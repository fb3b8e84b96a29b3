"""Writes docs/reference.md, every key of the configuration, from what the program itself knows of them.

    python docs/write_reference.py            # writes it
    python docs/write_reference.py --check    # fails where it is not that of the code

A group with several choices has one table of the keys that all of them have, and one for each choice with its own keys
and what it sets otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seq2seq.config.compose import choices_made, keys_set_by, read_choices
from seq2seq.config.contents import ORDER, comment
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.reference import Entry, entry, sections
from seq2seq.config.root import TrainConfig

PAGE = Path(__file__).resolve().parent / "reference.md"
LOADER = Loader()
HEAD = """\
# Reference of the configuration

Written by `python docs/write_reference.py`; the same at the command line: `seq2seq train --help GROUP`, such as
`--help model`, `--help data=tsv`, `--help optimizer.schedule`. A choice is made by `GROUP=NAME`, a key is set by
`KEY=VALUE`; a list is written `[a,b]`, nothing is `null`.
"""


def config_with(*chosen: str) -> Any:
    config = OmegaConf.structured(TrainConfig)
    problems = read_choices(config, LOADER, chosen)
    assert not problems, problems
    return config


def entries(group: str, *chosen: str) -> list[Entry]:
    return [each for section in sections(config_with(*chosen), group) for each in section.entries]


def table(rows: Iterable[Entry]) -> Iterator[str]:
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        cells = (f"`{row.key}`", row.kind, f"`{row.default}`", row.about)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def of_choices(group: str) -> Iterator[str]:
    """The section of a group that is chosen."""
    names = LOADER.choices(group)
    of_choice = {name: entries(group, f"{group}={name}") for name in names}
    default = choices_made(LOADER, [])[group]
    keys = Counter(each.key for rows in of_choice.values() for each in rows)
    shared = {each.key: each for each in of_choice[default] if keys[each.key] == len(names)}
    yield from (f"## {group}", "", f"Keys of every choice, with the defaults of `{group}={default}`:", "")
    yield from table(shared.values())
    for name in names:
        yield from (f"### {group}={name}", "", comment(group, name), "")
        own = [each for each in of_choice[name] if each != shared.get(each.key)]
        if own:
            yield from table(own)


def of_experiments() -> Iterator[str]:
    """What each experiment sets."""
    yield from ("## experiment", "", "Choices and values that belong together.", "")
    for name in LOADER.choices("experiment"):
        yield from (f"### experiment={name}", "", comment("experiment", name), "")
        made = choices_made(LOADER, [f"experiment={name}"])
        chosen = [f"`{group}={made[group]}`" for group in ORDER if group != "experiment"]
        yield from (f"With {', '.join(chosen)}.", "")
        config = config_with(f"experiment={name}")
        yield from table(entry(config, key) for key in keys_set_by(LOADER, name))


def page() -> str:
    lines = [HEAD]
    for group in ORDER:
        lines += of_experiments() if group == "experiment" else of_choices(group)
    for group in ("training", "export"):
        (about, *_) = (section.about for section in sections(config_with(), group))
        lines += [f"## {group}", "", about, "", *table(entries(group))]
    lines += ["## seed, run_dir", "", *table(next(sections(config_with(), "")).entries)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where it would change"
    )
    check = parser.parse_args().check
    text = page()
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if check:
        sys.stderr.write("docs/reference.md is not what the code is; run python docs/write_reference.py\n")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
