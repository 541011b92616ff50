"""The plan of the package: imports run one way, without circles."""

import ast
import graphlib
import importlib

import pytest

from conftest import ROOT

SLIDES = {"lmm.design", "lmm.moments", "lmm.likelihood", "lmm.henderson", "lmm.shrinkage",
          "lmm.check"}
NAMES = {"lmm.influence": "lmm.inference.influence", "lmm.diagnostics": "lmm.plots.diagnostics"}
ALLOWED = {                       # what a part may import of `lmm`, besides itself
    "slides": set(),
    "engine": {"slides"},
    "inference": {"slides", "engine"},
    "model": {"slides", "engine", "inference"},
}


def modules():
    """Name -> file of each module; `lmm` itself only hands on what the others define."""
    out = {}
    for path in sorted((ROOT / "lmm").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in out.items() if name != "lmm"}


def imports():
    """Name -> the modules of `lmm` that it imports, also inside functions."""
    files = modules()
    out = {}
    for name, path in files.items():
        out[name] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                out[name] |= {alias.name for alias in node.names if alias.name in files}
            if isinstance(node, ast.ImportFrom):
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                out[name] |= {given if given in files else node.module
                              for given in full} & set(files)
    return out


def part(name):
    if name in SLIDES:
        return "slides"
    return "model" if name in ("lmm.model", "lmm.summary", "lmm.tables",
                               "lmm.planning") else name.split(".")[1]


def test_no_module_imports_itself_by_way_of_others():
    list(graphlib.TopologicalSorter(imports()).static_order())   # raises CycleError with the circle


@pytest.mark.parametrize("layer", ALLOWED)
def test_imports_run_one_way(layer):
    found = {(name, other) for name, others in imports().items() if part(name) == layer
             for other in others}
    assert {name for name in imports() if part(name) == layer}
    assert not {(name, other) for name, other in found
                if part(other) not in ALLOWED[layer] | {layer}}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_users_stay(name):
    assert importlib.import_module(name) is importlib.import_module(NAMES[name])
