"""Lists the packages; pyproject.toml cannot both find them and name two that lie in folders of their own."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["seq2seq", "seq2seq.*"]), "seq2seq.conf", "seq2seq.sample"])
