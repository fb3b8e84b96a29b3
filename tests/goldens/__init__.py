"""What every layer computed when it was last looked at, from weights and inputs that a formula gives.

``python -m tests.goldens`` computes ``goldens.npz`` anew; do so only where a layer is meant to compute something else,
and say in the commit why. A new layer needs a case in ``cases.py``.
"""
