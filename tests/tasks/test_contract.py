"""No part but tables and the configuration asks which task it serves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import seq2seq
from seq2seq.tasks.table import TASKS

PACKAGE = Path(seq2seq.__file__).parent
KINDS = (
    "Config",
    "Model",
    "Index",
    "Metric",
    "Reader",
    "Scorer",
    "Signature",
    "Task",
    "Tokenizer",
    "Training",
)


def questions(tree: ast.AST) -> Iterator[str]:
    """`isinstance` of such a type, and comparisons with the name of a task."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            types = [ast.unparse(part) for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)]
            if any(name.endswith(KINDS) for name in types):
                yield ast.unparse(node)
        elif isinstance(node, ast.Compare):
            parts = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
            if any(isinstance(part, ast.Constant) and part.value in TASKS for part in parts):
                yield ast.unparse(node)


def test_what_counts_as_a_question() -> None:
    asked = (
        "isinstance(model, SpeechModel)",
        "isinstance(x, (A, TsvConfig))",
        "name == 'speech'",
        "a in ('speech',)",
    )
    other = "isinstance(value, str)", "{'speech': 1}", "name == 'greedy'"
    assert [len(list(questions(ast.parse(code)))) for code in (*asked, *other)] == [1] * 4 + [0] * 3


def test_nobody_asks() -> None:
    found = {
        str(path.relative_to(PACKAGE)): list(questions(ast.parse(path.read_text(encoding="utf-8"))))
        for path in PACKAGE.rglob("*.py")
        if "config" not in path.relative_to(PACKAGE).parts
    }
    assert {path: asked for path, asked in found.items() if asked} == {}
