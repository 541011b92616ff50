"""Random terms whose variances the data cannot tell, from one another or from the fixed effects."""

import numpy as np
import pandas as pd
import pytest

import lmm

rng = np.random.default_rng(5)
PLANKS = lmm.load("planks").assign(d=lmm.load("planks")["depth"].astype(float))
HERDS = pd.DataFrame({"herd": np.repeat(np.arange(6), 10), "y": rng.normal(size=60)})
HERDS["diet"], HERDS["house"] = HERDS["herd"].map(str), HERDS["herd"] // 2


# Terms that the fixed part gives ---------------------------------------------------------------

GIVEN = {
    "a herd a diet": ("y ~ diet + (1 | herd)", HERDS, r"all random effects of \(1 \| herd\)"),
    "a diet for each herd and a slope": (
        "humidity ~ plank * d + (1 | plank)", PLANKS, r"all random effects of \(1 \| plank\)"),
    "one of two": ("humidity ~ plank + d + (d | plank)", PLANKS,
                   r"all random effects of Intercept in \(d \| plank\)"),
    "the other": ("humidity ~ plank:d + (d | plank)", PLANKS,
                  r"all random effects of (Intercept, )?d in \(d \| plank\)"),
    "both": ("humidity ~ plank * d + (d | plank)", PLANKS,
             r"all random effects of Intercept, d in"),
    "a slope": ("humidity ~ plank:d + (0 + d | plank)", PLANKS,
                r"all random effects of \(0 \+ d \| plank\)"),
    "a mixture": ("humidity ~ plank:d + (0 + I(d - 5) + d | plank)", PLANKS,
                  "all random effects of"),
    "combinations": ("humidity ~ width * depth + (1 | width:depth)", PLANKS,
                     r"\(1 \| width:depth\)"),
    "polynomials": ("humidity ~ poly(d, 4) + (1 | depth)", PLANKS, r"\(1 \| depth\)"),
    "another term": ("y ~ diet + (1 | house) + (1 | herd)", HERDS, r"\(1 \| (house|herd)\)"),
    "many rows": ("humidity ~ plank + (1 | plank)", pd.concat([PLANKS] * 20), r"\(1 \| plank\)"),
    "many rows, sorted": (
        "humidity ~ plank + (1 | plank)", pd.concat([PLANKS] * 20).sort_values("plank"),
        r"\(1 \| plank\)"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_variance_that_the_fixed_effects_take(case):
    formula, data, message = GIVEN[case]
    with pytest.raises(ValueError, match="the fixed part gives all random effects of") as error:
        lmm.fit(formula, data)
    assert error.match(message) and error.match("leave out one or the other")


@pytest.mark.parametrize("formula, data", [
    ("y ~ first + (1 | herd)", HERDS.assign(first=HERDS["herd"] == 0)),
    ("y ~ house + (1 | herd)", HERDS.assign(house=HERDS["house"].map(str))),
    ("humidity ~ plank + d + (0 + d | plank)", PLANKS),
    ("humidity ~ width + (1 | width:depth)", PLANKS),
    ("humidity ~ d + (1 | depth)", PLANKS), ("humidity ~ poly(d, 3) + (1 | depth)", PLANKS)])
def test_a_variance_that_is_left(formula, data):
    assert lmm.fit(formula, data).converged


# Terms that have something in common -----------------------------------------------------------

@pytest.mark.parametrize("random, message", {
    "(width || plank)": r"\|\| separates columns of numbers, and 'width' is a factor: write "
                        r"\(width \| plank\)",
    "(0 + width || plank)": "'width' is a factor", "(d * width || plank)": "'width' is a factor",
    "(1 | plank) + (0 + width | plank)":
        r"columns of \(1 \| plank\) and \(0 \+ width \| plank\) depend on each other",
    "(0 + width | plank) + (1 | plank)": "depend on each other",
    "(1 | plank) + (width | plank)": r"\(1 \| plank\) and \(width \| plank\) both have Intercept",
    "(d | plank) + (0 + I(2 * d) | plank)": "depend on each other",
    "(d | plank) + (0 + I(d - 3) | plank)": "depend on each other",
    "(width | plank) + (1 | plank:width)": "plank.*cannot be told apart",
    "(1 | plank:width) + (0 + width | plank)": "plank:width.*cannot be told apart",
}.items())
def test_covariances_that_cannot_be_told_apart(random, message):
    with pytest.raises(ValueError, match=message):
        lmm.fit(f"humidity ~ width * depth + {random}", PLANKS)


def test_covariances_that_can():
    for random in ["(d | plank) + (1 | plank:width)", "(d || plank)",
                   "(1 | plank) + (0 + d | plank)",
                   "(d | plank) + (1 | plank:depth)", "(0 + width | plank)", "(1 | plank/width)"]:
        assert lmm.fit(f"humidity ~ width * depth + {random}", PLANKS).converged
