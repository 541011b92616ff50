"""Reference results and small tools that several tests share."""

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

import lmm

matplotlib.use("Agg")                                              # pictures are drawn, never shown

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb"))
REFERENCE = ROOT / "tests" / "reference"
# the registry of models that make.R fits
MODELS = json.loads((REFERENCE / "models.json").read_text())


def reference(name):
    """R's results for one model of the registry (tests/reference/name.json, made by make.R)."""
    return json.loads((REFERENCE / f"{name}.json").read_text())


def model_table(name):
    """The table of a model of the registry, its levels in R's order: sorted, or as it says."""
    data = lmm.load(MODELS[name]["data"])
    for factor, levels in MODELS[name]["factors"].items():
        levels = levels or sorted(data[factor].cat.categories)
        data[factor] = data[factor].cat.reorder_categories(levels)
    return data


def model_fit(name, **options):
    """lmm's fit of a model of the registry."""
    return lmm.fit(MODELS[name]["formula"], model_table(name), **options)


def notebook(path):
    return json.loads(path.read_text())


def source(cell):
    return "".join(cell["source"])


def printed(cell):
    """All text that a code cell has stored."""
    outputs = cell.get("outputs", [])
    return "\n".join("".join(o.get("text") or o.get("data", {}).get("text/plain", ""))
                     for o in outputs)


def missing_tool(why):
    """A reader may lack a tool: skip and say why. In CI it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@functools.cache
def r_packages():
    """The packages that R has here, name -> version."""
    if not shutil.which("Rscript"):
        missing_tool(
            "R is missing: install r-base-core and the packages r-cran-* that .ci/run names")
    code = "m <- installed.packages()[, 'Version']; cat(paste(names(m), m), sep = '\\n')"
    listed = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True,
                            check=True).stdout
    return dict(line.split() for line in listed.splitlines())


def rscript(code, packages=(), cwd=None, timeout=300):
    """What R prints when it runs `code`, text or the path of a script with its arguments in a list.

    R, or one of `packages`, that is not there is a missing tool. An error in R fails with R's own
    words.
    """
    for package in packages:
        if package not in r_packages():
            missing_tool(f"R lacks the package {package}: install r-cran-{package.lower()}")
    r_packages()
    command = ["-e", code] if isinstance(code, str) else [str(part) for part in code]
    done = subprocess.run(["Rscript", *command], capture_output=True, text=True, cwd=cwd,
                          timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def ax():
    """Axes to draw on, closed after the test."""
    import matplotlib.pyplot as plt
    yield plt.subplots()[1]
    plt.close("all")


def xy(line):
    """The points of a line in a picture: (n, 2)."""
    return np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)


@pytest.fixture
def experiment():
    """Slide 27's six observations, two methods on three tablets, with some y."""
    import pandas as pd
    order = [(i, j) for j in (1, 2, 3) for i in (1, 2)]
    return pd.DataFrame({"method": [i for i, _ in order], "block": [j for _, j in order],
                         "y": [10.4, 10.1, 10.6, 10.8, 10.2, 10.3]},
                        index=[f"y_{i}{j}" for i, j in order])


def tablets_model(name="tablets", coding="reference"):
    """y, X, Z of a tablets table without its missing rows, as arrays."""
    table = lmm.load(name).dropna()
    X = lmm.design.fixed(table, ["method"], coding).to_numpy(dtype=float)
    return table["y"].to_numpy(), X, lmm.design.random(table, "tablet").to_numpy(dtype=float)


def random_model(rng, n=14, p=2, q=4):
    """A small random model with full covariances G and R: y, X, Z, G, R."""
    def spd(k):
        A = rng.normal(size=(k, k))
        return A @ A.T + k * np.eye(k)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return rng.normal(size=n), X, rng.normal(size=(n, q)), spd(q), spd(n)


def dense(fit, gamma, scale):
    """The textbook criterion, with lme4's constant, for Gamma_k (a list) and sigma^2."""
    G = np.zeros((0, 0))
    for term, g in zip(fit.terms, gamma):
        block = np.kron(np.eye(len(term.levels)), scale * g)
        G = np.block([[G, np.zeros((len(G), len(block)))], [np.zeros((len(block), len(G))), block]])
    y, X, Z = fit.y, fit.X.to_numpy(), fit.Z.toarray()
    V = Z @ G @ Z.T + scale * np.eye(len(y))
    if fit.reml:
        return 2 * lmm.likelihood.reml(y, X, V) - X.shape[1] * np.log(2 * np.pi)
    return 2 * lmm.likelihood.ml(y, X, lmm.likelihood.gls(y, X, V), V)


def unbalanced():
    """170 rows, every cell of a x b filled, a covariate, and no balance anywhere."""
    rng = np.random.default_rng(8)
    n = 170
    data = pd.DataFrame({
        "a": rng.choice(["k", "l", "m"], n, p=[0.5, 0.3, 0.2]),
        "b": rng.choice([10, 20], n, p=[0.3, 0.7]),
        "x": rng.normal(4, 1, n), "g": rng.integers(0, 12, n)})
    data["y"] = (rng.normal(size=n) + rng.normal(size=12)[data["g"]] + (data["a"] == "l") * 0.8
                 + 0.3 * data["x"])
    return data
