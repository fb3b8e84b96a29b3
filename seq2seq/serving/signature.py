"""Signatures that an export has besides those of its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from seq2seq.config.tables import SIGNATURES
from seq2seq.errors import UserError
from seq2seq.serving.serving_module import Outputs, ServingModule
from seq2seq.serving.verification import Call


class Signature(ABC):
    """A subclass is one signature, and `seq2seq.config.tables.SIGNATURES` names it.

    Attributes:
      made_of: the signature of the task, such as ``encode``, whose inputs it takes and whose outputs it starts from.
      about: what its outputs are, by their names.
    """

    made_of: ClassVar[str]
    about: ClassVar[Mapping[str, str]]

    @abstractmethod
    def outputs(self, known: Outputs) -> Outputs:
        """Its outputs from those of ``made_of``, as part of a graph."""

    @abstractmethod
    def expected(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """The same without TensorFlow, which the export is checked against: from the checkpoint's answer, arrays of
        numbers and (nested) lists of strings."""


def add_signatures(module: ServingModule, names: Sequence[str]) -> None:
    """Adds signatures to those of a task.

    Args:
      module: with the task's.
      names: of ``SIGNATURES``.

    Raises:
      UserError: one is called like one of the task, or is made of one that the task does not have.
    """
    tasks = [name for name in module.functions if name != "serving_default"]
    for name in names:
        signature: Signature = SIGNATURES[name]()
        if hasattr(module, name):
            raise UserError(f"export.signatures: {name} is a name that every export has; give it another.")
        if signature.made_of not in tasks:
            raise UserError(
                f"export.signatures: {name} is made of {signature.made_of}, which this export does not have; it has"
                f" {', '.join(tasks)}."
            )
        module.add_made_of(name, signature.made_of, signature.outputs)
        module.names = MappingProxyType({**module.names, **signature.about})  # a dictionary would be saved


def signature_calls(names: Sequence[str], calls: Sequence[Call]) -> Iterator[Call]:
    """Calls of added signatures with what they have to answer, from the calls of a task's own."""
    for name in names:
        signature: Signature = SIGNATURES[name]()
        for call in calls:
            if call.signature == signature.made_of:
                yield Call(name, call.inputs, signature.expected(call.outputs))
