"""All that is not public of Hydra and needed here, in one place.

Hydra's public `compose` works on one state for the whole process, so that nothing can be composed while a Hydra
application runs; and it has no way to give a folder of further choices, or to say what a file holds before it is
composed, which one clear sentence about a mistake needs. Hydra's own loader, public as `ConfigLoader` but for its
construction, has all three.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig

from seq2seq.config.store import SCHEMA_SUFFIX, register
from seq2seq.errors import ConfigError

CONFIG_MODULE = "pkg://seq2seq.conf"
CONFIG_NAME = "train"
VERSION_BASE = "1.3"


class _Repository(ConfigRepository):
    """Its copies, which Hydra makes at each question, share its sources: these hold every schema, and never change."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Repository:
        return copy.copy(self)


class Loader(ConfigLoaderImpl):
    """Reads conf/ and the user's own choices; of its own, so that composing works inside a Hydra application, too.

    Args:
        config_dir: a folder of further choices, laid out like conf/ (Hydra's `--config-dir`).

    Raises:
        ConfigError: `config_dir` is no folder.
    """

    def __init__(self, config_dir: str | None = None) -> None:
        register()
        version.setbase(VERSION_BASE)
        search_path = create_config_search_path(CONFIG_MODULE)
        if config_dir is not None:
            if not Path(config_dir).is_dir():
                raise ConfigError([f"--config-dir {config_dir}: no such folder"])
            folder = f"file://{Path(config_dir).resolve()}"
            search_path.prepend(
                provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema")
            )
        super().__init__(search_path)
        self.repository = _Repository(search_path)
        self._repositories: dict[tuple[str, ...], Any] = {}

    def groups(self) -> list[str]:
        """Where something can be chosen."""
        return [group for group in self.list_groups("") if group != "hydra"]

    def choices(self, group: str, overrides: list[str] | None = None) -> list[str]:
        """What can be chosen in a group, the user's own files included."""
        names = self.get_group_options(group, ObjectType.CONFIG, CONFIG_NAME, overrides)
        return sorted(name for name in names if not name.endswith(SCHEMA_SUFFIX))

    def composed(self, overrides: list[str]) -> DictConfig:
        """What Hydra makes of the overrides."""
        return self.load_configuration(CONFIG_NAME, overrides, RunMode.RUN)

    def defaults(self, overrides: list[str]) -> Any:
        """The files that the overrides choose, in the order in which they are put together, and the choices made."""
        return self.compute_defaults_list(CONFIG_NAME, overrides, RunMode.RUN)

    def read(self, path: str, overrides: list[str] | None = None) -> ConfigResult | None:
        """A file of choices, or a type that stands for one; None where there is none of that name."""
        _, repository = self._parse_overrides_and_create_caching_repo(CONFIG_NAME, overrides or [])
        return repository.load_config(path)

    def _load_configuration_impl(self, *arguments: Any, **options: Any) -> DictConfig:
        """By files read anew: what is composed shares its nodes with them."""
        self._repositories.clear()
        try:
            return super()._load_configuration_impl(*arguments, **options)
        finally:
            self._repositories.clear()

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[Any, Any]:
        """Files are read once, not at every question."""
        known = tuple(text for text in overrides if "hydra.searchpath" in text)
        if known not in self._repositories:
            _, self._repositories[known] = super()._parse_overrides_and_create_caching_repo(
                config_name, overrides
            )
        return OverridesParser.create().parse_overrides(overrides), self._repositories[known]


def hydra_arguments() -> argparse.ArgumentParser:
    """The parser of Hydra's own options (`--multirun`, `--config-dir` …)."""
    return get_args_parser()
