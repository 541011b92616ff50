"""`lmm` installs alone from its wheel, with its data; each chapter runs in a folder of its own."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

import lmm
from _ext.site.run import build_lmm
from conftest import CHAPTERS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with nothing but the unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build_lmm(folder)
    zipfile.ZipFile(folder / wheel).extractall(folder / "site")
    return folder / "site"


def test_wheel_carries_all_data(site):
    packed = {f.name for f in (site / "lmm" / "_data").iterdir()}
    assert packed == {f.name for f in (ROOT / "data").iterdir()}


def test_the_archive_of_sources_holds_the_whole_project(tmp_path):
    copy = tmp_path / "copy"
    left_out = shutil.ignore_patterns("__pycache__", ".*_cache", ".ipynb_checkpoints", ".DS_Store")
    for folder in (".binder", ".ci", ".github", "benchmarks", "book", "data", "lmm", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=left_out)
    for path in ROOT.iterdir():
        if path.is_file() and path.name not in (".git", ".DS_Store"):
            shutil.copy(path, copy)
    known = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=copy, check=True,
                   capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert not known - packed


def test_editors_see_what_lmm_offers(site):
    """They do not follow `__getattr__`: they read the imports for them, if there is a py.typed."""
    assert (site / "lmm" / "py.typed").is_file()
    tree = ast.parse((site / "lmm" / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If)
                 and node.test.id == "TYPE_CHECKING")
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert sorted(told) == sorted(lmm.__all__)
    for name, module in told.items():
        assert module == lmm.HOME.get(name, "lmm"), name
        assert getattr(lmm, name) is getattr(importlib.import_module(module), name)


def test_every_chapter_runs_elsewhere_with_lmm_from_the_wheel(site, tmp_path):
    for path in CHAPTERS:
        shutil.copy(path, tmp_path)
    environment = os.environ | {"PYTHONPATH": str(site)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    where = subprocess.run([sys.executable, "-c", "import lmm; print(lmm.__file__)"], cwd=tmp_path,
                           env=environment, check=True, capture_output=True, text=True).stdout
    assert where.startswith(str(site))
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path, "--nbval",
               "--nbval-current-env", "--nbval-cell-timeout=120", "-n", "2", "--dist", "loadfile",
               "-q", tmp_path]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
