"""Families of designs, drawn from a seed: slopes, codings, and what tables may hold."""

import numpy as np
import pandas as pd

from tests.r_families import Case, cell_means, effect, family, grid, labels, pair, some_sd, thinned


# Slopes ----------------------------------------------------------------------------------------------------------

@family
def growth(rng, ragged):
    """Pupils measured at the same times, in schools."""
    table = grid(school=int(rng.integers(3, 7)), child=int(rng.integers(2, 5)), t=int(rng.integers(3, 6)))
    table["pupil"] = table["school"] * 10 + table["child"]
    table["f"] = [f"f{child % 2 + 1}" for child in table["child"]]
    table = thinned(table, rng, ragged)
    pupil, school, t = table["pupil"], table["school"], table["t"]
    table["y"] = (effect(rng, table["f"], 1) + t + effect(rng, pupil, some_sd(rng)) + effect(rng, pupil, some_sd(rng), t)
                  + effect(rng, school, some_sd(rng)) + effect(rng, school, some_sd(rng) / 2, t) + rng.normal(size=len(table)))
    random = rng.choice(["(t | pupil) + (t | school)", "(t | school/child)", "(1 | pupil) + (t | school)", "(t | pupil)",
                         "(t || pupil) + (1 | school)", "(f | school) + (1 | pupil)"])
    return Case(table, f"y ~ {rng.choice(['t', 't * f', 'f + t'])} + {random}")


def _covariates(rng, ragged):
    """Groups with covariates x and z and a factor f; in the balanced version the same values in each group."""
    groups, size = int(rng.integers(4, 10)), int(rng.integers(6, 11))
    table = grid(g=groups, r=size)
    values = {"x": rng.normal(2, 1, len(table)) if ragged else table["r"] - 1.0,
              "z": rng.uniform(0, 3, len(table)) if ragged else (table["r"] % 3).astype(float),
              "f": rng.choice(["f1", "f2", "f3"], len(table)) if ragged else [f"f{r % 3 + 1}" for r in table["r"]],
              "h": rng.integers(0, 4, len(table)) if ragged else (table["r"] + table["g"]) % 4}
    return thinned(table.assign(**values), rng, ragged)


@family
def slopes_numeric(rng, ragged):
    table = _covariates(rng, ragged)
    g, h, x, z = (table[c] for c in "ghxz")
    table["y"] = (x + effect(rng, g, some_sd(rng)) + effect(rng, g, some_sd(rng), x) + effect(rng, g, some_sd(rng), z)
                  + effect(rng, h, some_sd(rng)) + rng.normal(size=len(table)))
    random = rng.choice(["(x | g)", "(0 + x | g)", "(x + z | g)", "(x | g) + (1 | h)", "(x | g) + (0 + z | h)", "(x | g) + (x | h)"])
    return Case(table, f"y ~ x + z + {random}")


@family
def slopes_factor(rng, ragged):
    table = _covariates(rng, ragged)
    g, h, f = (table[c] for c in "ghf")
    table["y"] = (effect(rng, f, 1) + effect(rng, g, some_sd(rng)) + effect(rng, pair(g, f), some_sd(rng))
                  + effect(rng, h, some_sd(rng)) + rng.normal(size=len(table)))
    random = rng.choice(["(f | g)", "(0 + f | g)", "(f | g) + (1 | h)", "(0 + f | g) + (1 | h)", "(1 | g) + (0 + f | h)", "(1 | g/f)"])
    return Case(table, f"y ~ f + {rng.choice(['x', 'f:x'])} + {random}", ("f",))


@family
def double_bar(rng, ragged):
    """Uncorrelated intercepts and slopes of covariates far from their zero."""
    table = _covariates(rng, ragged)
    table["x"] = table["x"] + rng.choice([0, 10, 50])
    g, x, z = (table[c] for c in "gxz")
    table["y"] = (x + effect(rng, g, some_sd(rng)) + effect(rng, g, some_sd(rng), x) + effect(rng, g, some_sd(rng), z)
                  + rng.normal(size=len(table)))
    random = rng.choice(["(x || g)", "(x + z || g)", "(x || g) + (1 | h)", "(1 | g) + (0 + x | g)", "(x || g) + (x || h)"])
    return Case(table, f"y ~ x + {random}")


@family
def near_singular(rng, ragged):
    """Correlations near 1 and variances near 0."""
    table = _covariates(rng, ragged)
    g, h, x = (table[c] for c in "ghx")
    intercepts = effect(rng, g, 1)
    table["y"] = (x + intercepts * (1 + rng.choice([0.5, -0.5, 0.05]) * x) + effect(rng, g, rng.choice([0, 0.05]), x)
                  + effect(rng, h, rng.choice([0, 0.05, 0.1])) + rng.normal(size=len(table)))
    random = rng.choice(["(x | g)", "(x | g) + (1 | h)", "(x + z | g)", "(f | g)", "(1 | g) + (1 | h)", "(1 | g) + (1 | g:f)"])
    return Case(table, f"y ~ x + f + {random}", ("f",))


@family
def orthogonal(rng, ragged):
    """Two-level factors coded -1 and 1: exact zeros in the cross-products."""
    table = thinned(grid(g=int(rng.integers(4, 9)), h=int(rng.integers(3, 5)), a=[-1, 1], b=[-1, 1]), rng, ragged)
    g, h, a, b = (table[c] for c in "ghab")
    table["y"] = (a + effect(rng, g, some_sd(rng)) + effect(rng, g, some_sd(rng), a) + effect(rng, g, some_sd(rng), b)
                  + effect(rng, h, some_sd(rng), a) + effect(rng, h, some_sd(rng)) + rng.normal(size=len(table)))
    random = rng.choice(["(a | g) + (b | h)", "(a + b | g)", "(a + b | g) + (a | h)", "(a || g) + (b || h)", "(0 + a | g) + (1 | h)",
                         "(a * b | g)", "(a + b || g) + (1 | h)"])
    return Case(table, f"y ~ a * b + {random}")


# Codings and fixed parts -----------------------------------------------------------------------------------------

def _factorial(rng, ragged):
    """Two factors in groups, with a covariate; ragged: as many rows a cell as it happens."""
    table = grid(g=int(rng.integers(4, 9)), f=int(rng.integers(2, 4)), h=int(rng.integers(2, 4)), r=2)
    table = labels(thinned(table, rng, ragged, share=0.4), f="f", h="h")
    table["x"] = rng.normal(1, 1, len(table))
    table["y"] = (cell_means(rng, table["f"], table["h"]) + table["x"] + effect(rng, table["g"], some_sd(rng))
                  + effect(rng, pair(table["g"], table["f"]), some_sd(rng)) + rng.normal(size=len(table)))
    return table, rng.choice(["(1 | g)", "(1 | g) + (1 | g:f)", "(1 | g/f)"])


@family
def three_types(rng, ragged):
    """F tests of type 1, 2 and 3 with interactions of factors and covariates."""
    table, random = _factorial(rng, ragged)
    fixed = rng.choice(["f * h + x", "x + f * h", "f * x + h", "f * h * x", "f + h + f:x", "h * f", "f + h", "x * f + x * h",
                        "f + x + f:h", "x + f:x"])
    nested = fixed in ("f + h + f:x", "f + x + f:h", "x + f:x")      # no main effect of what the interaction has
    asked = () if nested else ("f",) if "h" not in fixed else ("f", "h", "f:h")
    return Case(table, f"y ~ {fixed} + {random}", asked, joint=nested)


@family
def no_intercept(rng, ragged):
    table, random = _factorial(rng, ragged)
    fixed = rng.choice(["0 + f", "0 + f + x", "0 + f + f:x", "f - 1", "0 + x", "0 + x + f", "0 + f + h", "0 + f:h"])
    return Case(table, f"y ~ {fixed} + {random}", ("f",) if fixed in ("0 + f", "f - 1", "0 + f + x") else (),
                joint=fixed == "0 + f + h")


@family
def nested_fixed(rng, ragged):
    """Fixed parts that leave out a main effect."""
    table, random = _factorial(rng, ragged)
    fixed = rng.choice(["f / h", "f * h - f", "h + f:h", "f:h", "f + f:h"])
    return Case(table, f"y ~ {fixed} + {random}", joint=True)


@family
def contrasts(rng, ragged):
    """Other codings than the treatment one."""
    table, random = _factorial(rng, ragged)
    table["f"] = pd.Categorical(table["f"])
    code = rng.choice(["sum", "helmert", "poly"])
    fixed = rng.choice(["{} * h", "{} + x", "{} * x + h", "{}"])
    return Case(table, f"y ~ {fixed.format(f'C(f, contr.{code})')} + {random}", ("f",) if "*" not in fixed else (),
                r=f"y ~ {fixed.format('f')} + {random}", contrasts={"f": f"contr.{code}"})


@family
def missing_cells(rng, ragged):
    """One combination of two factors has no rows; every second time the model does not mind."""
    table, random = _factorial(rng, ragged)
    table = table[~((table["f"] == "f1") & (table["h"] == "h2"))].reset_index(drop=True)
    fixed = rng.choice(["f * h", "f + h", "f + h + x"])
    return Case(table, f"y ~ {fixed} + {random}", ("f", "h") if fixed != "f * h" else ())


@family
def transforms(rng, ragged):
    """Functions of covariates."""
    table = _covariates(rng, ragged)
    table["x"] = np.abs(table["x"]) + 1
    table["y"] = (table["x"] - 0.1 * table["x"]**2 + effect(rng, table["g"], some_sd(rng)) + effect(rng, table["f"], 1)
                  + effect(rng, table["g"], some_sd(rng), table["x"]) + rng.normal(size=len(table)))
    fixed = rng.choice(["x + I(x**2) + f", "poly(x, 2) + f", "log(x) + f", "f * log(x)", "I(x - 3) * f", "sqrt(x) + f"])
    formula = f"y ~ {fixed} + {rng.choice(['(1 | g)', '(x | g)', '(log(x) | g)', '(I(x / 2) | g)'])}"
    return Case(table, formula, () if "poly" in fixed else ("f",), r=formula.replace("**", "^"))


# What tables may hold --------------------------------------------------------------------------------------------

@family
def weighted(rng, ragged):
    """Weights; for R the table times their roots, since pbkrtest leaves weights out."""
    table = _covariates(rng, ragged)
    table["w"] = rng.integers(1, 5, len(table)) if not ragged else rng.uniform(0.2, 6, len(table))
    g, x, h = table["g"], table["x"], table["h"]
    table["y"] = (x + effect(rng, g, some_sd(rng)) + effect(rng, g, some_sd(rng), x) + effect(rng, h, some_sd(rng))
                  + rng.normal(size=len(table)) / np.sqrt(table["w"]))
    slopes = rng.random() < 0.5
    random = "(x | g)" if slopes else "(1 | g) + (1 | h)"
    if rng.random() < 0.5:
        return Case(table, f"y ~ x + f + {random}", ("f",), weights="w")
    root = np.sqrt(table["w"])
    f = {f"F{level}": root * (table["f"] == level) for level in ("f2", "f3")}
    r_table = pd.DataFrame({"g": g, "h": h, "yy": root * table["y"], "one": root, "X": root * x, **f})
    r = "yy ~ 0 + one + X + Ff2 + Ff3 + " + ("(0 + one + X | g)" if slopes else "(0 + one | g) + (0 + one | h)")
    return Case(table, f"y ~ x + f + {random}", weights="w", r=r, r_table=r_table)


@family
def offsets(rng, ragged):
    table = _covariates(rng, ragged)
    table["o"] = rng.normal(rng.choice([0, 100]), 3, len(table))
    table["y"] = (table["o"] + table["x"] + effect(rng, table["g"], some_sd(rng)) + effect(rng, table["g"], some_sd(rng), table["x"])
                  + rng.normal(size=len(table)))
    return Case(table, f"y ~ x + f + {rng.choice(['(1 | g)', '(x | g)', '(1 | g) + (1 | h)'])}", ("f",), offset="o")


@family
def scaled(rng, ragged):
    """Covariates and responses far from 0 and of any size."""
    table = _covariates(rng, ragged)
    table["y"] = (table["x"] + effect(rng, table["g"], some_sd(rng)) + effect(rng, table["g"], some_sd(rng), table["x"])
                  + rng.normal(size=len(table)))
    for name in "xy":                                                # not both: R would lose too many digits
        shift, scale = [(0, 1), (1e4, 1), (-100, 1), (0, 1e-3), (0, 1e4), (1e5, 1e3)][rng.integers(6)]
        table[name] = table[name] * scale + shift
    random = rng.choice(["(1 | g)", "(x | g)", "(x | g) + (1 | h)", "(0 + x | g)"])
    return Case(table, f"y ~ {rng.choice(['x + f', 'f', 'x * f'])} + {random}", ("f",), joint=True)


@family
def names(rng, ragged):
    """Names of columns and of levels with spaces, accents, signs and digits first."""
    table = _covariates(rng, ragged)
    table["y"] = (effect(rng, table["f"], 1) + effect(rng, table["g"], some_sd(rng)) + effect(rng, table["g"], some_sd(rng), table["x"])
                  + rng.normal(size=len(table)))
    level = {"f1": "dry - hot", "f2": "léto (1)", "f3": "3: ještě"}
    table = table.assign(f=table["f"].map(level), g=[f"Šárka no. {g}" for g in table["g"]])
    new = {"f": rng.choice(["odrůda", "my factor", "f.a", "T"]), "x": rng.choice(["výška", "x 1", "x.2", "e"]),
           "g": rng.choice(["žák", "the group", "g.1", "C"]), "y": rng.choice(["y", "výnos", "the yield"])}
    quoted = {old: name if name.isidentifier() else f"`{name}`" for old, name in new.items()}
    fixed, random = rng.choice(["{f} * {x}", "{f} + {x}"]), rng.choice(["(1 | {g})", "({x} | {g})", "(1 | {g}:{f})"])
    return Case(table.rename(columns=new), f"{{y}} ~ {fixed} + {random}".format(**quoted), (new["f"],))


@family
def dtypes(rng, ragged):
    """Booleans, small integers, ordered and unordered categories, text of pandas' own dtype."""
    table = _covariates(rng, ragged)
    table["b"] = rng.random(len(table)) < 0.4 if ragged else table["r"] % 2 == 0
    table["k"] = rng.integers(0, 100, len(table)).astype(rng.choice(["int8", "uint8", "int16", "float32"]))
    table["g"] = table["g"].astype(rng.choice(["int8", "category", "str", "Int64"]))
    table["f"] = table["f"].astype(rng.choice(["category", "object", "string"]))
    table["y"] = (effect(rng, table["g"], some_sd(rng)) + effect(rng, table["b"], 1) + 0.02 * table["k"].astype(float)
                  + effect(rng, table["g"], some_sd(rng), table["b"]) + rng.normal(size=len(table)))
    fixed = rng.choice(["b * k", "f + b * x", "k + I(k**2)", "k:x + k", "I(k - 50) + f", "b + f", "I(-k) + b"])
    random = rng.choice(["(1 | g)", "(k | g)", "(b | g)", "(1 | b:g)"])
    formula = f"y ~ {fixed} + {random}"
    return Case(table, formula, tuple(c for c in "bf" if c in fixed), r=formula.replace("**", "^"))


@family
def confounded(rng, ragged):
    """Variances that the data cannot tell apart, or hardly: to be refused or flagged."""
    table = _covariates(rng, ragged)
    table["diet"] = [f"d{g}" for g in table["g"]]
    table["y"] = effect(rng, table["g"], some_sd(rng)) + effect(rng, table["f"], 1) + rng.normal(size=len(table))
    formula = rng.choice(["y ~ diet + (1 | g)", "y ~ diet * x + (1 | g)", "y ~ f + (f || g)", "y ~ f + (1 | g) + (0 + f | g)",
                          "y ~ diet + (x | g)", "y ~ f + (1 | f)", "y ~ x + (x | g) + (0 + x || g)"])
    return Case(table, formula)
