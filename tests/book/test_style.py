"""The code as ruff wants it: short lines, one statement a line, nothing unused."""

import importlib.util
import subprocess
import sys

from conftest import ROOT, missing_tool


def test_ruff_finds_nothing():
    if importlib.util.find_spec("ruff") is None:
        missing_tool("ruff is not installed")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format",
               "concise", "."]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
