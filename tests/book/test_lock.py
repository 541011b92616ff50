"""The locks pin each package once on every Python that is promised."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PYTHONS = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}
LOCKS = ["requirements.txt", "book/homework/requirements.txt"]


def environment(python, system="linux"):
    """What markers ask for, on some Python and system."""
    os_name, platform_system = SYSTEMS[system]
    return {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system,
            "os_name": os_name, "platform_system": platform_system,
            "implementation_name": "cpython", "platform_python_implementation": "CPython"}


def requirements(lock):
    """The lines of a lock without its comments and without `-e .`."""
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    lines = [re.sub(r"\s*#.*", "", line) for line in lines if not line.startswith("-e")]
    return [Requirement(line) for line in lines if line]


def pins(lock, python, system="linux"):
    """(name, version) of all that the lock installs there."""
    where = environment(python, system)
    return [(one.name, str(one.specifier).removeprefix("==")) for one in requirements(lock)
            if one.marker is None or one.marker.evaluate(where)]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_pinned_once(lock, python, system):
    names = [name for name, _ in pins(lock, python, system)]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    lines = [one.name for one in requirements(lock)]
    forked = {name for name in lines if lines.count(name) > 1}
    assert forked == {"contourpy", "numpy", "scipy"} and forked <= set(names)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_keeps_the_bounds_of_the_project(lock, python):
    """Above all those of tool.uv: the first versions with wheels for Python 3.15."""
    bounds = PROJECT["tool"]["uv"]["constraint-dependencies"] + PROJECT["project"]["dependencies"]
    versions = dict(pins(lock, python))
    for one in map(Requirement, bounds):
        if one.marker is None or one.marker.evaluate(environment(python)):
            version = versions[one.name]
            assert one.specifier.contains(version), f"{one.name} {version} on {python}"


@pytest.mark.parametrize("python", PYTHONS)
def test_grading_has_the_versions_of_the_book(python):
    book, grading = (dict(pins(lock, python)) for lock in LOCKS)
    differ = {name for name in book.keys() & grading.keys() if book[name] != grading[name]}
    assert not differ
