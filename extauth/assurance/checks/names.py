"""Names of tiers, roles and models: used and not defined, defined and never used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.data import data_files, read_data
from extauth.assurance.checks.literals import literals
from extauth.assurance.checks.place import told
from extauth.assurance.findings import Check, Diagnostic, Severity
from extauth.compiler.document import Document, read_document
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extauth.assurance.checks.syntax import Syntax
    from extauth.compiler.document import Place
    from extauth.compiler.repository import Repository
    from extauth.policy.cases import Case

KINDS = ("tiers", "roles", "models")
# `routing` is by model, at its top; every other table says in a key what it is by.
_BY_MODEL = "routing"


class Mention(msgspec.Struct, frozen=True):
    """A name where it stands. A name that ends in `*` stands for all that begin so.

    `kind` is one of KINDS.
    """

    kind: str
    text: str
    file: str | None = None
    line: int | None = None

    def means(self, name: str) -> bool:
        """Return whether this mention is, or stands for, `name`."""
        return name.startswith(self.text[:-1]) if self.text.endswith("*") else name == self.text


def check_names(repository: Repository, syntax: Syntax, cases: Sequence[Case] | None) -> Check:
    """Report names that are not defined as errors, and names that nothing uses as warnings.

    Tiers and roles are defined by the top keys of that name in the data, models by the
    configuration. A kind without any definition is not checked. A case uses names, and may use
    undefined ones: what happens then is worth a case. Where the cases (None) or a rule can't be
    read, unused names are not reported.
    """
    defined, used = _named(repository)
    used += [
        Mention(kind, text, module.file, line)
        for module in syntax.modules
        for kind, text, line in literals(module)
    ]
    whole = cases is not None and not syntax.faults
    tried = list(_tried(cases or ()))
    found: list[Diagnostic] = []
    for kind in KINDS:
        there = {name.text: name for name in defined if name.kind == kind}
        uses = [name for name in used if name.kind == kind]
        if there:
            found += _undefined(kind, there, uses)
        if there and whole:
            found += _unused(kind, there, uses + [name for name in tried if name.kind == kind])
    return Check("names", "Tiers, roles and models", findings=tuple(found))


def _undefined(
    kind: str, there: Mapping[str, Mention], uses: Sequence[Mention]
) -> Iterator[Diagnostic]:
    for use in dict.fromkeys(uses):
        if any(use.means(name) for name in there):
            continue
        yield Diagnostic(
            f"there is no {kind[:-1]} {use.text}; there are {', '.join(sorted(there))}",
            file=use.file,
            line=use.line,
        )


def _unused(
    kind: str, there: Mapping[str, Mention], uses: Sequence[Mention]
) -> Iterator[Diagnostic]:
    for name, place in there.items():
        if not any(use.means(name) for use in uses):
            yield Diagnostic(
                f"nothing uses the {kind[:-1]} {name}: no key, no data, no rule, no case",
                level=Severity.WARNING,
                file=place.file,
                line=place.line,
            )


def _named(repository: Repository) -> tuple[list[Mention], list[Mention]]:
    """Return the names that data and configuration define, and those that they use."""
    defined: list[Mention] = []
    used: list[Mention] = []
    for document, prefix in _documents(repository):
        for place in document.lines:
            whole = (*prefix, *place)
            kind = str(whole[0]) if len(whole) == 2 else ""
            if kind in KINDS:
                text, line = str(whole[1]), document.line(place)
                defined.append(Mention(kind, text, told(document.file), line))
            else:
                used += _used(document, prefix, place)
    config = repository.config or repository.root / "catalog.yaml"
    try:
        document = read_document(config)
    except ConfigurationError:
        return defined, used
    for name in repository.catalog:
        line = document.line(("models", name))
        defined.append(Mention("models", name, told(config), line))
    keys = repository.configuration.settings.identity.demo_keys if repository.configuration else ()
    for index, key in enumerate(keys):
        line = document.line(("identity", "demo_keys", index))
        used.append(Mention("tiers", key.tier, told(config), line))
        used += [Mention("roles", role, told(config), line) for role in key.roles]
    return defined, used


def _documents(repository: Repository) -> Iterator[tuple[Document, Place]]:
    """Yield every file of data that can be read, and where OPA puts it."""
    for file in data_files(repository.root):
        try:
            document = read_data(file)
        except ConfigurationError:
            continue
        if isinstance(document.value, dict):
            yield document, file.relative_to(repository.root / "data").parts[:-1]


def _used(document: Document, prefix: Place, place: Place) -> Iterator[Mention]:
    """Yield the names that the node at `place` uses: as a key of a table, in a list, as a value."""
    whole = (*prefix, *place)
    above = str(whole[-2]) if len(whole) > 1 else ""
    text: object = None
    kind = above
    if isinstance(place[-1] if place else None, int):
        # `exempt_roles` is a list of roles.
        kind = next((one for one in KINDS if above == one or above.endswith(f"_{one}")), "")
        text = _value(document, place)
    elif len(whole) > 2 and kind in KINDS:
        text = whole[-1]
    elif len(whole) == 2 and whole[0] == _BY_MODEL:
        kind, text = "models", whole[1]
    elif whole and f"{whole[-1]}s" in KINDS:
        kind, text = f"{whole[-1]}s", _value(document, place)
    if kind in KINDS and isinstance(text, str):
        yield Mention(kind, text, told(document.file), document.line(place))


def _value(document: Document, place: Place) -> object:
    value: object = document.value
    for step in place:
        value = value[step]  # type: ignore[index]  # the place is one of the document's
    return value


def _tried(cases: Sequence[Case]) -> Iterator[Mention]:
    for case in cases:
        yield Mention("tiers", case.facts.principal.tier)
        for role in case.facts.principal.roles:
            yield Mention("roles", role)
        if case.facts.model is not None:
            yield Mention("models", case.facts.model.name)
