"""Whether everything that the installed package asks for can be had, as wheels, for other versions of Python.

    python .ci/resolve.py 3.12 3.13

pip looks at the markers of the Python that runs it, whatever version it is asked for, so they are looked at here.
"""

import subprocess
import sys
import tempfile
from importlib.metadata import requires

from packaging.requirements import Requirement

# Its parser's runtime comes as source, of Python alone, which such a question leaves out.
ONLY_SOURCE = {"hydra-core"}


def resolve(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": "test"}
    asked = map(Requirement, requires("seq2seq-tf") or [])
    asked_there = [each for each in asked if each.marker is None or each.marker.evaluate(environment)]
    wanted = [each for each in asked_there if each.name not in ONLY_SOURCE]
    with tempfile.TemporaryDirectory() as target:
        subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
                "--ignore-installed", "--only-binary=:all:", "--python-version", python, "--target", target,
                *(f"{each.name}{each.specifier}" for each in wanted),
            ],
            check=True,
        )  # fmt: skip


for version in sys.argv[1:]:
    resolve(version)
