"""Runs one target of all: `python -m tools.fuzz TARGET [libFuzzer's options]`, or `--list`.

What is loaded is made ready for the fuzzer first, which takes seconds: only the modules up to the
one that has the target are.
"""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module

import atheris

_MODULES = ("cards", "prompts", "replies")
Target = Callable[[bytes], None]


def main() -> None:
    """Fuzz the target that the first argument names, until libFuzzer's limits."""
    if sys.argv[1:] == ["--list"]:
        print(*(name for name, _ in _load_targets()))
        return
    wanted = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    for name, target in _load_targets():
        if name == wanted:
            atheris.Setup(sys.argv, target)
            atheris.Fuzz()
            return
    sys.exit(f"which target: {', '.join(name for name, _ in _load_targets())}")


def _load_targets() -> "Iterator[tuple[str, Target]]":
    for module in _MODULES:
        targets: dict[str, Target] = import_module(f"tools.fuzz.{module}").TARGETS
        yield from targets.items()


if __name__ == "__main__":
    main()
