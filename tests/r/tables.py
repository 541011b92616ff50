"""Families of designs: slopes on covariates, codings, and what tables may hold."""

import numpy as np
import pandas as pd

from tests.r.families import Case, family, pair


def covariates(d):
    """Groups g with numbers x and z, factors f and h; balanced: the same values in each group."""
    t = d.grid(g=d.number(4, 9), r=d.number(6, 10))
    t["x"] = d.rng.normal(2, 1, len(t)) if d.ragged else t["r"] - 1.0
    t["z"] = d.rng.uniform(0, 3, len(t)) if d.ragged else (t["r"] % 3).astype(float)
    t["f"] = d.factor("f", 3, t["r"])
    t["h"] = d.rng.integers(0, 4, len(t)) if d.ragged else (t["r"] + t["g"]) % 4
    return t


def factorial(d):
    """Two factors in groups, with a covariate; ragged: as many rows a cell as it happens."""
    t = d.grid(g=d.number(4, 8), f=("f", d.number(2, 3)), h=("h", d.number(2, 3)), r=2, most=0.4)
    t["x"] = d.rng.normal(1, 1, len(t))
    t["y"] = (d.cells(t["f"], t["h"]) + t["x"] + d.some(t["g"]) + d.some(pair(t["g"], t["f"]))
              + d.noise(t))
    return t, d.one("(1 | g)", "(1 | g) + (1 | g:f)", "(1 | g/f)")


def answer_of(d, t):
    """A response with a slope of x and its own line in each group."""
    return t["x"] + d.some(t["g"]) + d.some(t["g"], t["x"]) + d.noise(t)


# Slopes ----------------------------------------------------------------------------------------

@family
def slopes_numeric(d):
    t = covariates(d)
    t["y"] = answer_of(d, t) + d.some(t["g"], t["z"]) + d.some(t["h"])
    random = d.one("(x | g)", "(0 + x | g)", "(x + z | g)", "(x | g) + (1 | h)",
                   "(x | g) + (0 + z | h)", "(x | g) + (x | h)")
    return Case(t, f"y ~ x + z + {random}")


@family
def slopes_factor(d):
    t = covariates(d)
    t["y"] = (d.effect(t["f"]) + d.some(t["g"]) + d.some(pair(t["g"], t["f"])) + d.some(t["h"])
              + d.noise(t))
    random = d.one("(f | g)", "(0 + f | g)", "(f | g) + (1 | h)", "(0 + f | g) + (1 | h)",
                   "(1 | g) + (0 + f | h)", "(1 | g/f)")
    return Case(t, f"y ~ f + {d.one('x', 'f:x')} + {random}", ("f",))


@family
def double_bar(d):
    """Uncorrelated intercepts and slopes of covariates far from their zero."""
    t = covariates(d)
    t["x"] = t["x"] + d.one(0, 10, 50)
    t["y"] = answer_of(d, t) + d.some(t["g"], t["z"])
    random = d.one("(x || g)", "(x + z || g)", "(x || g) + (1 | h)", "(1 | g) + (0 + x | g)",
                   "(x || g) + (x || h)")
    return Case(t, f"y ~ x + {random}")


@family
def near_singular(d):
    """Correlations near 1 and variances near 0."""
    t = covariates(d)
    lines = d.effect(t["g"]) * (1 + d.one(0.5, -0.5, 0.05) * t["x"])
    t["y"] = (t["x"] + lines + d.some(t["g"], t["x"], of=(0, 0.05))
              + d.some(t["h"], of=(0, 0.05, 0.1)) + d.noise(t))
    random = d.one("(x | g)", "(x | g) + (1 | h)", "(x + z | g)", "(f | g)", "(1 | g) + (1 | h)",
                   "(1 | g) + (1 | g:f)")
    return Case(t, f"y ~ x + f + {random}", ("f",))


# Fixed parts and codings -----------------------------------------------------------------------

@family
def three_types(d):
    """F tests of type 1, 2 and 3 with interactions of factors and covariates."""
    t, random = factorial(d)
    fixed = d.one("f * h + x", "x + f * h", "f * x + h", "f * h * x", "h * f", "f + h", "f + x + h",
                  "x * f + x * h", "f + h + f:x", "f + x + f:h", "x + f:x")
    nested = fixed in ("f + h + f:x", "f + x + f:h", "x + f:x")
    asked = () if nested else ("f", "h", "f:h")
    return Case(t, f"y ~ {fixed} + {random}", asked, joint=nested)


@family
def no_intercept(d):
    t, random = factorial(d)
    fixed = d.one("0 + f", "0 + f + x", "0 + f + f:x", "f - 1", "0 + x", "0 + x + f", "0 + f + h",
                  "0 + f:h")
    asked = ("f",) if fixed in ("0 + f", "f - 1", "0 + f + x") else ()
    return Case(t, f"y ~ {fixed} + {random}", asked, joint=fixed == "0 + f + h")


@family
def nested_fixed(d):
    """Fixed parts that leave out a main effect."""
    t, random = factorial(d)
    fixed = d.one("f / h", "f * h - f", "h + f:h", "f:h", "f + f:h")
    return Case(t, f"y ~ {fixed} + {random}", joint=True)


@family
def contrasts(d):
    """Other codings than the treatment one."""
    t, random = factorial(d)
    t["f"] = pd.Categorical(t["f"])
    code = d.one("sum", "helmert", "poly")
    fixed = d.one("{} * h", "{} + x", "{} * x + h", "{}")
    return Case(t, f"y ~ {fixed.format(f'C(f, contr.{code})')} + {random}",
                ("f",) if "*" not in fixed else (),
                r=f"y ~ {fixed.format('f')} + {random}", contrasts={"f": f"contr.{code}"})


@family
def missing_cells(d):
    """One combination of two factors has no rows; some models do not mind, others drop a column."""
    t, random = factorial(d)
    t = t[~((t["f"] == "f1") & (t["h"] == "h2"))].reset_index(drop=True)
    fixed = d.one("f * h", "f * h + x", "f + h", "f + h + x")
    return Case(t, f"y ~ {fixed} + {random}", ("f", "h"),
                rank_deficient=d.one("drop", "drop", "error"))


@family
def transforms(d):
    """Functions of covariates."""
    t = covariates(d)
    t["x"] = np.abs(t["x"]) + 1
    t["y"] = answer_of(d, t) - 0.1 * t["x"]**2 + d.effect(t["f"])
    fixed = d.one("x + I(x**2) + f", "poly(x, 2) + f", "log(x) + f", "f * log(x)", "I(x - 3) * f",
                  "sqrt(x) + f")
    random = d.one("(1 | g)", "(x | g)", "(log(x) | g)", "(I(x / 2) | g)")
    formula = f"y ~ {fixed} + {random}"
    return Case(t, formula, () if "poly" in fixed else ("f",), r=formula.replace("**", "^"))


# What tables may hold --------------------------------------------------------------------------

@family
def weighted(d):
    """Weights; for R every second time the table times their roots: pbkrtest leaves weights out."""
    t = covariates(d)
    t["w"] = d.rng.uniform(0.2, 6, len(t)) if d.ragged else d.rng.integers(1, 5, len(t))
    root = np.sqrt(t["w"])
    t["y"] = t["x"] + d.some(t["g"]) + d.some(t["g"], t["x"]) + d.some(t["h"]) + d.noise(t) / root
    random, r = d.one(("(x | g)", "(0 + one + X | g)"),
                      ("(1 | g) + (1 | h)", "(0 + one | g) + (0 + one | h)"))
    formula = f"y ~ x + f + {random}"
    if d.one(True, False):
        return Case(t, formula, ("f",), weights="w")
    times = {"yy": root * t["y"], "one": root, "X": root * t["x"],
             **{level: root * (t["f"] == level) for level in ("f2", "f3")}}
    return Case(t, formula, weights="w", r=f"yy ~ 0 + one + X + f2 + f3 + {r}",
                r_table=t[["g", "h"]].assign(**times))


@family
def offsets(d):
    t = covariates(d)
    t["o"] = d.rng.normal(d.one(0, 100), 3, len(t))
    t["y"] = t["o"] + answer_of(d, t)
    random = d.one("(1 | g)", "(x | g)", "(1 | g) + (1 | h)")
    return Case(t, f"y ~ x + f + {random}", ("f",), offset="o")


@family
def scaled(d):
    """Covariates and responses far from 0 and of any size; not both, or R loses its digits."""
    t = covariates(d)
    t["y"] = answer_of(d, t)
    for name in "xy":
        shift, scale = d.one((0, 1), (1e4, 1), (-100, 1), (0, 1e-3), (0, 1e4), (1e5, 1e3))
        t[name] = t[name] * scale + shift
    random = d.one("(1 | g)", "(x | g)", "(x | g) + (1 | h)", "(0 + x | g)")
    return Case(t, f"y ~ {d.one('x + f', 'f', 'x * f')} + {random}", ("f",), joint=True)


@family
def missing_values(d):
    """Rows with a value missing, and levels that nothing is left of."""
    t = covariates(d)
    t["y"] = answer_of(d, t) + d.effect(t["f"])
    t["f"] = pd.Categorical(t["f"], categories=["f0", "f1", "f2", "f3", "f4"])
    for name in d.rng.choice(list("xyfgh"), 2, replace=False):
        t[name] = t[name].where(d.rng.random(len(t)) > 0.1)
    random = d.one("(1 | g)", "(x | g)", "(1 | g) + (1 | h)", "(1 | g:f)")
    return Case(t, f"y ~ {d.one('x + f', 'f * x')} + {random}", ("f",))


@family
def names(d):
    """Names of columns and of levels with spaces, accents and signs."""
    t = covariates(d)
    t["y"] = answer_of(d, t) + d.effect(t["f"])
    t["f"] = t["f"].map({"f1": "dry - hot", "f2": "léto (1)", "f3": "3: ještě"})
    t["g"] = [f"Šárka no. {g}" for g in t["g"]]
    new = {"f": d.one("odrůda", "my factor", "f.a", "T", "Treatment"),
           "x": d.one("výška", "x 1", "x.2", "e", "C"),
           "g": d.one("žák", "the group", "g.1", "Sum"), "y": d.one("y", "výnos", "the yield")}
    quoted = {old: name if name.isidentifier() else f"`{name}`" for old, name in new.items()}
    fixed = d.one("{f} * {x}", "{f} + {x}")
    random = d.one("(1 | {g})", "({x} | {g})", "(1 | {g}:{f})")
    formula = f"{{y}} ~ {fixed} + {random}".format(**quoted)
    return Case(t.rename(columns=new), formula, (new["f"],))


@family
def dtypes(d):
    """Booleans, small integers, categories in order or not, text of pandas' own dtype."""
    t = covariates(d)
    t["b"] = d.rng.random(len(t)) < 0.4 if d.ragged else t["r"] % 2 == 0
    t["k"] = d.rng.integers(0, 100, len(t)).astype(d.one("int8", "uint8", "int16", "float32"))
    t["g"] = t["g"].astype(d.one("int8", "category", "str", "Int64"))
    kinds = ("category", "object", "string", pd.CategoricalDtype(["f1", "f2", "f3"], ordered=True))
    t["f"] = t["f"].astype(d.one(*kinds))
    t["y"] = (d.some(t["g"]) + d.effect(t["b"]) + 0.02 * t["k"].astype(float)
              + d.some(t["g"], t["b"]) + d.noise(t))
    fixed = d.one("b * k", "f + b * x", "k + I(k**2)", "k:x + k", "I(k - 50) + f", "b + f",
                  "I(-k) + b", "f * k")
    random = d.one("(1 | g)", "(k | g)", "(b | g)", "(1 | b:g)")
    formula = f"y ~ {fixed} + {random}"
    return Case(t, formula, tuple(c for c in "bf" if c in fixed), r=formula.replace("**", "^"))


@family
def confounded(d):
    """Variances that the data cannot tell apart: to be refused, or flagged."""
    t = covariates(d)
    t["diet"] = [f"d{g}" for g in t["g"]]
    t["y"] = d.some(t["g"]) + d.effect(t["f"]) + d.noise(t)
    return Case(t, d.one("y ~ diet + (1 | g)", "y ~ diet * x + (1 | g)", "y ~ f + (f || g)",
                         "y ~ f + (1 | g) + (0 + f | g)", "y ~ diet + (x | g)", "y ~ f + (1 | f)",
                         "y ~ x + (x | g) + (0 + x || g)"))
