"""A signature of the SavedModel: a class, and a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.tables import SIGNATURES
from seq2seq.errors import UserError
from seq2seq.runs.export import export
from seq2seq.serving.manifest import examples
from tests.contracts.extension.conftest import Extended
from tests.runs.tiny import LINES


@pytest.mark.slow
def test_a_signature_goes_the_whole_way(
    extended: Extended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, way = extended.examples["Signature"], extended.way
    answer = way.module.signatures["characters"](text=LINES)
    assert answer["characters"].numpy().tolist() == [len(text) for text in way.texts]
    calls = way.exported.manifest["verification"]["calls"]
    assert calls["characters"] == calls["translate"]
    assert calls["embed"] == calls["encode"] > 0
    described = way.exported.manifest["signatures"]["characters"]["outputs"]
    assert described["characters"]["about"] == "of the best text"

    scope: dict[str, object] = {}
    program = examples(way.exported.manifest, way.exported_to, way.exported.example)
    exec("\n".join(program), scope)  # what is printed calls the new ones, too

    ids, lengths = [[5, 6, 0], [4, 0, 0]], [2, 1]
    known = way.module.signatures["encode"](ids=ids, lengths=lengths)
    memory = known["memory"].numpy()
    vector = way.module.signatures["embed_mean"](ids=ids, lengths=lengths)["vector"]
    np.testing.assert_allclose(vector, [memory[0, :2].mean(axis=0), memory[1, 0]], rtol=1e-6)

    monkeypatch.setattr(module.Characters, "made_of", "transcribe")
    with pytest.raises(UserError, match="characters is made of transcribe, which this export does not have"):
        export(way.run, tmp_path / "3")
    monkeypatch.setitem(SIGNATURES, "encode", module.Characters)
    monkeypatch.setattr(way.run.config.export, "signatures", ["encode"])
    with pytest.raises(UserError, match="encode is a name that every export has"):
        export(way.run, tmp_path / "4")
