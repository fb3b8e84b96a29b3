"""Loads exports with nothing but TensorFlow and compares their answers with those they should give.

A program of its own, started in a fresh process:

    python standalone_check.py EXPORT EXAMPLES [EXPORT EXAMPLES …]

prints a JSON object for each export. It imports nothing of seq2seq, and makes sure that nothing else does, nor
TensorFlow Addons.

EXAMPLES is an ``.npz`` file: ``calls``, JSON as bytes, and the arrays of numbers that it names. A call is
``{"signature", "inputs", "outputs"}``; an input or output is the name of an array, or a (nested) list of strings.
"""

import importlib
import importlib.abc
import json
import os
import sys
import time

BLOCKED = ("seq2seq", "tensorflow_addons")
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far numbers may be from what they should be: 1e-4 of them, and for those near 0 a little."""


class _Blocker(importlib.abc.MetaPathFinder):
    """Lets nobody import what a server does not have."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked: an export has to do without it")
        return None


def main(arguments):  # type: ignore[no-untyped-def]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.meta_path.insert(0, _Blocker())
    for name in BLOCKED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        raise SystemExit(f"{name} could be imported")
    for export, examples in zip(arguments[::2], arguments[1::2]):
        sys.stdout.write(json.dumps(check(export, examples)) + "\n")
        sys.stdout.flush()


def check(export, examples):  # type: ignore[no-untyped-def]
    """``{"calls": {signature: number}, "largest_difference", "mismatch": null or a sentence, "seconds_to_load"}``"""
    import numpy as np
    import tensorflow as tf

    start = time.perf_counter()
    loaded = tf.saved_model.load(export)
    found = {
        "seconds_to_load": time.perf_counter() - start,
        "calls": {},
        "largest_difference": 0.0,
        "mismatch": None,
    }
    with np.load(examples) as arrays:
        calls = json.loads(arrays["calls"].tobytes())
        for call in calls:
            signature = loaded.signatures[call["signature"]]
            specs = signature.structured_input_signature[1]
            inputs = {
                name: tf.constant(arrays[given] if isinstance(given, str) else given, specs[name].dtype)
                for name, given in call["inputs"].items()
            }
            outputs = signature(**inputs)
            for name, given in call["outputs"].items():
                expected = arrays[given] if isinstance(given, str) else given
                wrong, difference = compare(outputs[name].numpy(), expected)
                found["largest_difference"] = max(found["largest_difference"], difference)
                if wrong:
                    found["mismatch"] = f"{call['signature']} → {name}: {wrong}"
                    return found
            found["calls"][call["signature"]] = found["calls"].get(call["signature"], 0) + 1
    return found


def compare(answer, expected):  # type: ignore[no-untyped-def]
    """What is wrong, as a sentence or None, and the largest relative difference of numbers."""
    import numpy as np

    if isinstance(expected, list):
        strings = np.array(expected, object)
        answer = np.array([each.decode("utf-8", "replace") for each in answer.ravel()], object).reshape(
            answer.shape
        )
        if answer.shape != strings.shape:
            return f"shape {list(answer.shape)} instead of {list(strings.shape)}", 0.0
        for place in np.argwhere(answer != strings)[:1]:
            here = tuple(place)
            return f"at {list(map(int, place))} {answer[here]!r} instead of {strings[here]!r}", 0.0
        return None, 0.0
    if answer.shape != expected.shape:
        return f"shape {list(answer.shape)} instead of {list(expected.shape)}", 0.0
    answer, expected = answer.astype(np.float64), expected.astype(np.float64)
    difference = np.abs(answer - expected)
    allowed = RELATIVE * np.abs(expected) + ABSOLUTE
    relative = float((RELATIVE * difference / allowed).max()) if difference.size else 0.0
    for place in np.argwhere(~(difference <= allowed))[:1]:
        here = tuple(place)
        return f"at {list(map(int, place))} {answer[here]:g} instead of {expected[here]:g}", relative
    return None, relative


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, which is part of seq2seq
    main(sys.argv[1:])
