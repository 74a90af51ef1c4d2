"""The source of the gateway as a list, for the tests that guard its shape.

Does: names every module and parses it.
Touches: the source files, reading.
Does not: import them.
"""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def modules() -> tuple[Path, ...]:
    """Every Python file of the package, sorted."""
    return tuple(sorted((ROOT / "gateway").rglob("*.py")))


def name(module: Path) -> str:
    """`gateway/edge/watch.py` for messages and parameter ids."""
    return str(module.relative_to(ROOT))


@cache
def tree(module: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def imported(module: Path) -> set[str]:
    """Top-level names of everything that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
