"""Every layer gives what it gave, and every layer has been asked."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.closeness import assert_close
from tests.goldens.cases import CASES, FILE, layer_classes, stored


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    goldens = {key: value for key, value in stored().items() if key.rpartition("/")[0] == name}
    found = tf.nest.flatten(CASES[name][1]())
    assert list(goldens) == [f"{name}/{k}" for k in range(len(found))]
    for wanted, value in zip(goldens.values(), found):
        assert_close(value, wanted)
        assert np.any(wanted)


def test_every_layer_has_a_golden() -> None:
    asked = [layer for layer, _ in CASES.values()]
    without = [base for base in layer_classes() if not any(issubclass(layer, base) for layer in asked)]
    assert not without, f"add a case to tests/goldens/cases.py for {sorted(map(str, without))}"


def test_every_golden_has_a_case() -> None:
    assert {key.rpartition("/")[0] for key in stored()} == set(CASES)
    assert FILE.stat().st_size < 200_000
