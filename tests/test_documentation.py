"""The documents lead somewhere, are all in the index, and the map of the rooms is the house's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\0")
PAGES = [ROOT / name for name in TRACKED if name.endswith(".md")]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    broken = [
        target
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).resolve().exists()
    ]
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / target).resolve() for target in LINK.findall(index.read_text())}
    assert {page for page in (ROOT / "docs").glob("*.md") if page != index} <= listed


def test_every_decision_record_is_in_its_index() -> None:
    index = ROOT / "docs/adr/README.md"
    listed = {(index.parent / target).resolve() for target in LINK.findall(index.read_text())}
    assert set((ROOT / "docs/adr").glob("0*.md")) == listed


def _names() -> set[str]:
    """What stands at the root of the package, `__init__.py` and `py.typed` aside."""
    places = {Path(name) for name in TRACKED if name.startswith("extauth/")}
    return {place.parts[1] for place in places if (ROOT / place).exists()} - {
        "__init__.py",
        "py.typed",
    }


def test_the_map_has_every_room_and_no_other() -> None:
    drawn = re.search(r"^## The rooms$.*?^```$(.*?)^```$", ARCHITECTURE, re.DOTALL | re.MULTILINE)
    assert drawn is not None
    heads = [re.split(r"  +", line)[0] for line in drawn[1].splitlines() if line[:1].strip()]
    rooms = {room.split(" ")[0] for head in heads for room in head.split(" │ ")}
    assert rooms == {name.removesuffix(".py") for name in _names()}


def test_a_stranger_keeps_the_root_in_mind() -> None:
    assert len(_names()) <= 32


def test_what_the_architecture_names_is_there() -> None:
    for name in re.findall(r"`((?:extauth/|tests/|docs/)?[\w/]+(?:\.py|/))`", ARCHITECTURE):
        if re.search("[A-Z]", name) or name == ".sluice/":
            continue
        assert any((root / name).exists() for root in (ROOT, ROOT / "extauth")), name
