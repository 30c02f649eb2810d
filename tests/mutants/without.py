"""The suite tried on a copy of our node from which one check is removed.

    python tests/mutants/without.py [--keep FOLDER] FILE TEXT [arguments of `sopro-conformance run`]

FILE is a module of this checkout, TEXT a part of the line in which the check begins: an `if` that
raises, or a call that does. The copy is made in a temporary folder, or in FOLDER, which is left
there for a replay. What is removed from it is shown as a difference, and the suite runs against it
(profile reader, unless it is told otherwise). Nothing of this checkout is changed.
"""

import argparse
import ast
import difflib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("protocol", "registry", "node", "cli")
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "vectors", "deploy")


class NoCheckError(ValueError):
    """There is nothing that could be removed; the text says why."""


def remove_check(source: str, text: str) -> str:
    """Return the source of a module without the one statement that begins in a line with a text.

    Raises:
        NoCheckError: no such statement, or several, or one whose removal is no removal of a check.
    """
    lines = source.splitlines(keepends=True)
    found = [
        one
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.stmt) and text in lines[one.lineno - 1]
    ]
    if len({one.lineno for one in found}) != 1:
        raise NoCheckError(f"{text!r}: expected one line in which a statement begins so")
    check = found[0]  # the outermost
    is_check = (isinstance(check, ast.If) and not check.orelse) or isinstance(
        check, ast.Expr | ast.Raise
    )
    if not is_check:
        raise NoCheckError(f"{text!r}: expected an 'if' without 'else', a call or a 'raise'")
    indent = lines[check.lineno - 1][: check.col_offset]
    return "".join(
        [*lines[: check.lineno - 1], f"{indent}pass\n", *lines[check.end_lineno or check.lineno :]]
    )


def copy_without(folder: Path, file: Path, text: str) -> str:
    """Copy the node into a folder, without one check of one module; return the difference.

    Raises:
        NoCheckError: it has no such check.
    """
    inside = file.resolve().relative_to(ROOT)
    before = (ROOT / inside).read_text("utf-8")
    after = remove_check(before, text)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
    (folder / inside).write_text(after, "utf-8")
    sides = (one.splitlines(keepends=True) for one in (before, after))
    return "".join(difflib.unified_diff(*sides, str(inside), f"{inside} of the copy"))


def write_adapter(folder: Path) -> str:
    """Put an adapter into a copy, so that it is gone with it; return its command.

    One beside it would find the node of this checkout instead, which has the check.
    """
    file = folder / "adapter.py"
    places = [str(folder / name) for name in FOLDERS]
    # The node is started with the same Python, which finds the copy by this alone.
    file.write_text(
        f"import os, sys\n\nsys.path[:0] = {places!r}\n"
        f"os.environ['PYTHONPATH'] = {os.pathsep.join(places)!r}\n\n"
        "from sopro_cli.adapter import adapter\n\nadapter(args=[])\n",
        "utf-8",
    )
    return shlex.join([sys.executable, str(file)])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Try the suite on a node without one check.")
    parser.add_argument("file", type=Path, help="a module of this checkout")
    parser.add_argument("text", help="part of the line in which the check begins")
    parser.add_argument("--keep", type=Path, help="where the copy is left for a replay")
    chosen, rest = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sopro-without-") as name:
        folder: Path = chosen.keep or Path(name)
        try:
            sys.stdout.write(copy_without(folder.resolve(), chosen.file, chosen.text) + "\n")
        except (ValueError, OSError, SyntaxError) as error:
            parser.error(str(error))
        sys.stdout.flush()
        command = [sys.executable, "-m", "sopro_conformance.main", "run"]
        command += ["--adapter", write_adapter(folder.resolve()), *rest]
        code = subprocess.run(command, check=False).returncode
        if not chosen.keep:
            sys.stdout.write("\nThe copy is gone; for a replay run this with --keep FOLDER\n")
        return code


if __name__ == "__main__":
    sys.exit(main())
