"""Lint of the four doors: ways around them that types and imports cannot see. Prints file:line and what to use instead.

Exit status 1 when something is found. `make check` runs it; tests/walls/test_planted.py shows that it finds.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SQL_CALLS = {"cursor", "raw", "extra", "RawSQL", "RunSQL"}
DEFER_CALLS = {"defer", "defer_async", "configure_task", "batch_defer"}
BYPASSES = {"_base_manager", "_raw_delete", "_do_insert", "_do_update", "save_base"}


def may_write_sql(path: Path) -> bool:
    """Hand-written SQL lives in the kernel, in a room's selectors_sql, in migrations, and in database plumbing."""
    plumbing = {"selectors_sql", "kernel", "migrations", "runway", "tests"}
    return path.name == "selectors_sql.py" or bool(plumbing & set(path.parts))


def findings(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """(line, sentence) for one file; `path` is relative to the repository."""
    in_kernel = "kernel" in path.parts
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else ""
        called = _called(node)
        if called in SQL_CALLS and not may_write_sql(path):
            yield node.lineno, f"{called}(): hand-written SQL belongs in selectors_sql.py of the room"  # type: ignore[attr-defined]
        if called in DEFER_CALLS and not in_kernel and not _is_queryset_defer(node):
            yield node.lineno, f"{called}(): cause effects with emit(topic, id=…)"  # type: ignore[attr-defined]
        if name in BYPASSES and not in_kernel:
            yield node.lineno, f"{name}: goes around the guarded managers"  # type: ignore[attr-defined]


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _is_queryset_defer(node: ast.AST) -> bool:
    """`rows.defer("field")` names fields; a job's defer names values."""
    return isinstance(node, ast.Call) and bool(node.args) and not node.keywords


def check(root: Path) -> list[str]:
    """One line per finding in the whole tree."""
    lines = []
    for path in sorted((root / "portal").rglob("*.py")):
        relative = path.relative_to(root)
        if "tests" not in relative.parts:
            found = findings(relative, path.read_text(encoding="utf-8"))
            lines += [f"{relative}:{line}: {sentence}" for line, sentence in found]
    return lines


def main() -> int:
    lines = check(ROOT)
    print("\n".join(lines) or "Doors: nobody goes around them.")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
