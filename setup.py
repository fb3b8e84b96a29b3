"""Everything else is in pyproject.toml, which cannot both find packages and name two that live in folders of their own."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["seq2seq", "seq2seq.*"]), "seq2seq.conf", "seq2seq.sample"])
