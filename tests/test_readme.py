"""The README says what is there."""

import re
from pathlib import Path

from bot.settings import list_setting_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def read_tree():
    """The paths of the tree block, from its indentation."""
    block = README.split("## The tree\n\n```\n")[1].split("```")[0]
    parents, paths = [], set()
    for line in block.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name]
        paths.add("".join(parents))
    return paths


def test_the_tree_has_a_line_for_every_module_and_no_other():
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("bot", "personas", "storage")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    named = {path for path in read_tree() if path.endswith(".py")}
    assert named - {"bot/cli/__init__.py"} == modules


def test_every_path_of_a_message_exists():
    paths = re.findall(r"`((?:bot|storage)/[\w/.]+)`", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_settings_named_in_the_documents_exist():
    texts = [README, *(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))]
    named = {name for text in texts for name in re.findall(r"TROUPE_\w+", text)}
    assert named
    assert named - set(list_setting_names()) == set()


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make (\w+)", README)) | set(
        re.findall(r"^make (\w+)", README, re.MULTILINE)
    )
    assert targets
    assert [name for name in targets if f"\n{name}:" not in makefile] == []
