"""make.R makes the stored reference results anew, to the tolerances that the tests use."""

import json

import pytest

from conftest import MODELS, REFERENCE, reference, rscript

PACKAGES = ["lme4", "nlme", "lmerTest", "pbkrtest", "emmeans", "jsonlite", "numDeriv"]
ANEW = ["hplc2", "dyestuff2", "pastes", "oats_split", "sleep_corr"]
# relative tolerances, by the part of the file; the tests of lmm use the same
TOLERANCE = {"REML": 1e-8, "ML": 1e-8, "vcov": 1e-7, "ranef": 1e-7, "profile_ci": 3e-4}
WHERE_IT_WAS_MADE = {"R", "packages"}


def test_every_model_of_the_registry_has_its_file():
    assert sorted(path.stem for path in REFERENCE.glob("*.json")) == sorted([*MODELS, "models"])
    assert all(reference(name)["model"] == name for name in MODELS)


def numbers(part, path=()):
    """All values of a file with their paths."""
    if isinstance(part, dict | list):
        items = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in items:
            yield from numbers(value, (*path, key))
    else:
        yield path, part


@pytest.fixture(scope="module")
def anew(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    rscript([REFERENCE / "make.R", "--out", folder, *ANEW], PACKAGES)
    return folder


@pytest.mark.parametrize("name", ANEW)
def test_made_anew_the_results_are_the_same(anew, name):
    got = dict(numbers(json.loads((anew / f"{name}.json").read_text())))
    expected = dict(numbers(reference(name)))
    assert got.keys() == expected.keys()
    for path, value in expected.items():
        if path[0] in WHERE_IT_WAS_MADE:
            continue
        if not isinstance(value, float):
            assert got[path] == value, path
            continue
        rel = max([TOLERANCE[part] for part in path if part in TOLERANCE], default=1e-6)
        assert got[path] == pytest.approx(value, rel=rel, abs=1e-10), path


def test_an_unknown_model_is_named(tmp_path):
    with pytest.raises(AssertionError, match="not in models.json: planks9"):
        rscript([REFERENCE / "make.R", "--out", tmp_path, "planks9"], PACKAGES)
