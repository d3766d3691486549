"""A directory of policies as a security team keeps it: in git, with or without a configuration.

<root>/
  gateway/       rules and their tests
  data/          what the rules read
  schemas/       what each file of data/ may hold
  cases/         decision cases
  catalog.yaml   the models, where no gateway.yaml tells them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extauth.compiler.configuration import read_configuration
from extauth.compiler.document import read_document
from extauth.compiler.policies import catalog_of, compile_policies
from extauth.errors import ConfigurationError
from extauth.rego.source import require_files
from extauth.settings import Overrides

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.compiler.configuration import Configuration

CONFIG = "gateway.yaml"
CATALOG = "catalog.yaml"


class Repository(msgspec.Struct, frozen=True):
    """The place of policies, and the models that they are for.

    `root` holds `gateway/`. `catalog` is `data.catalog.models`. `config` is the configuration
    that uses these policies, with `configuration`, what it says; both None where there is only a
    catalog.
    """

    root: Path
    catalog: Mapping[str, Any]
    config: Path | None = None
    configuration: Configuration | None = None

    @classmethod
    def find(cls, directory: Path) -> Repository:
        """The policies in `directory`, or those that the gateway.yaml in it or above it names.

        Raises ConfigurationError, with file and line where there is one.
        """
        if not directory.is_dir():
            raise ConfigurationError("no such directory", file=directory)
        for config in (directory / CONFIG, directory.parent / CONFIG):
            if config.is_file():
                configuration = read_configuration(config, Overrides())
                own = configuration.policies.resolve() == directory.resolve()
                if own or config.parent == directory:
                    require_files(configuration.policies)
                    return cls(
                        configuration.policies,
                        catalog_of(configuration.settings),
                        config,
                        configuration,
                    )
        if not (directory / "gateway").is_dir():
            raise ConfigurationError(
                f"holds no policies; expected the directory gateway/ or a {CONFIG}", file=directory
            )
        require_files(directory)
        return cls(directory, _catalog(directory / CATALOG))

    def build(self, opa: Path) -> dict[str, bytes]:
        """See `compile_policies`."""
        return compile_policies(self.root, self.catalog, opa)


def _catalog(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        raise ConfigurationError(
            f"is missing: without a {CONFIG} it tells the models that policies are for", file=file
        )
    value: object = read_document(file).value
    models = value.get("models") if isinstance(value, dict) else None
    if not isinstance(models, dict):
        raise ConfigurationError("expected `models:`, a mapping by name", file=file)
    return models
