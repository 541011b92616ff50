"""`lmm` installs alone from its wheel, with its data, and every chapter then runs in a folder of its own."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

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


def test_every_chapter_runs_elsewhere_with_lmm_from_the_wheel(site, tmp_path):
    for path in CHAPTERS:
        shutil.copy(path, tmp_path)
    environment = os.environ | {"PYTHONPATH": str(site)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    where = subprocess.run([sys.executable, "-c", "import lmm; print(lmm.__file__)"], cwd=tmp_path, env=environment,
                           check=True, capture_output=True, text=True).stdout
    assert where.startswith(str(site))
    run = subprocess.run([sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path, "--nbval",
                          "--nbval-current-env", "--nbval-cell-timeout=120", "-n", "2", "--dist", "loadfile", "-q",
                          tmp_path],
                         cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
