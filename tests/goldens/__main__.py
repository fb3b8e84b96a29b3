"""Writes ``goldens.npz``, and says what is new, gone or changed."""

from __future__ import annotations

import sys

import numpy as np

from tests.goldens.cases import FILE, computed, stored


def main() -> None:
    before, after = stored() if FILE.exists() else {}, computed()
    np.savez_compressed(FILE, **after)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            print(f"gone     {name}")
        elif name not in before:
            print(f"new      {name}")
        elif before[name].shape != after[name].shape or not np.allclose(
            before[name], after[name], 1e-5, 1e-5
        ):
            print(f"changed  {name}")


if __name__ == "__main__":
    sys.exit(main())
