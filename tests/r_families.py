"""Families of designs, drawn from a seed, for `lmm` and R: experiments with factors.

A family takes a random generator and `ragged`, and returns a Case. Not ragged is balanced, to the last row.
The other families are in r_families_more.py.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

FAMILIES = {}


@dataclass
class Case:
    """A model that `lmm` and R are to agree on.

    table, formula: as for lmm.fit; r: the formula in R, where it is another one, and r_table the table.
    weights, offset: names of columns. contrasts: R's coding of each factor that has another one than treatment.
    means: what emmeans is asked, "f" or "f:h". joint: the fixed part is one where lmerTest's type 3 depends on the
    coding.
    """

    table: pd.DataFrame
    formula: str
    means: tuple = ()
    r: str = ""
    r_table: pd.DataFrame | None = None
    reml: bool = True
    weights: str | None = None
    offset: str | None = None
    contrasts: dict = field(default_factory=dict)
    joint: bool = False


def family(function):
    FAMILIES[function.__name__] = function
    return function


def case(name, seed, ragged=None):
    """The case of a family and a seed; odd seeds are ragged, unless told. Every fourth or so is fitted by ML."""
    rng = np.random.default_rng([seed, sum(map(ord, name))])
    ragged = bool(seed % 2) if ragged is None else ragged
    out = FAMILIES[name](rng, ragged)
    out.reml = bool(rng.random() > 0.25)
    return out


# Pieces ----------------------------------------------------------------------------------------------------------

def grid(**levels):
    """All combinations of the levels, a row each; a number n means the codes 0, ..., n - 1."""
    levels = {name: range(given) if isinstance(given, int) else given for name, given in levels.items()}
    return pd.MultiIndex.from_product(levels.values(), names=levels).to_frame(index=False)


def thinned(table, rng, ragged, share=0.25):
    """The table, or (ragged) one that has lost up to a quarter of its rows, in another order."""
    if not ragged:
        return table
    keep = rng.permutation(len(table))[:int(len(table) * (1 - rng.uniform(0.05, share)))]
    return table.iloc[keep].reset_index(drop=True)


def labels(table, **letters):
    """Codes become text, 0 with the letter "a" to "a1"."""
    return table.assign(**{name: [f"{letter}{code + 1}" for code in table[name]] for name, letter in letters.items()})


def effect(rng, groups, sd, x=1.0):
    """A random effect a group, times x: (n,)."""
    codes = pd.factorize(groups)[0]
    return rng.normal(0, sd, codes.max() + 1)[codes] * np.asarray(x, dtype=float)


def pair(*columns):
    """The combinations of several columns, as groups."""
    return pd.MultiIndex.from_arrays(columns).to_flat_index()


def some_sd(rng):
    return rng.choice([0, 0.3, 1, 3])


def cell_means(rng, *factors, sd=0.7):
    """Main effects and interaction of the factors."""
    return sum(effect(rng, f, sd) for f in factors) + effect(rng, pair(*factors), sd / 2)


# Experiments -----------------------------------------------------------------------------------------------------

@family
def one_way(rng, ragged):
    """Groups and what is repeated in them; every second time a factor between the groups."""
    groups, size = int(rng.integers(3, 12)), int(rng.integers(2, 9))
    table = thinned(grid(g=groups, r=size), rng, ragged)
    table["f"] = [f"f{code % 2 + 1}" for code in table["g"]]
    table["y"] = 5 + effect(rng, table["g"], some_sd(rng)) + rng.normal(size=len(table))
    if groups > 4 and rng.random() < 0.5:
        return Case(table, "y ~ f + (1 | g)", ("f",))
    return Case(table, "y ~ 1 + (1 | g)")


@family
def sd_ratios(rng, ragged):
    """Groups that differ from not at all to a thousand times as much as rows."""
    ratio = rng.choice([0, 0.01, 0.1, 3, 10, 14, 20, 30, 100, 300, 1000])
    table = thinned(grid(g=int(rng.integers(4, 20)), r=int(rng.integers(3, 15))), rng, ragged)
    table["t"] = table["r"] - 2.0
    table["f"] = rng.choice(["f1", "f2", "f3"], len(table)) if ragged else [f"f{code % 3 + 1}" for code in table["r"]]
    table["y"] = effect(rng, table["g"], ratio) + effect(rng, table["g"], ratio / 5, table["t"]) + rng.normal(size=len(table))
    formulas = ["y ~ 1 + (1 | g)", "y ~ f + (1 | g)", "y ~ t + (t | g)"]
    formula = formulas[rng.integers(3)]
    return Case(table, formula, ("f",) if "f" in formula else ())


@family
def crossed(rng, ragged):
    """Two crossed grouping factors, with a treatment, and their combinations where there are repetitions."""
    table = grid(a=int(rng.integers(3, 8)), b=int(rng.integers(3, 8)), r=int(rng.integers(2, 4)))
    table["f"] = [f"f{(a + b + r) % 3 + 1}" for a, b, r in zip(table["a"], table["b"], table["r"])]
    table = labels(thinned(table, rng, ragged), a="a", b="b")
    table["y"] = (effect(rng, table["f"], 1) + effect(rng, table["a"], some_sd(rng)) + effect(rng, table["b"], some_sd(rng))
                  + effect(rng, pair(table["a"], table["b"]), some_sd(rng)) + rng.normal(size=len(table)))
    random = rng.choice(["(1 | a) + (1 | b)", "(1 | a) + (1 | b) + (1 | a:b)"])
    return Case(table, f"y ~ f + {random}", ("f",))


@family
def nested(rng, ragged):
    """Batches, casks in batches, samples in casks."""
    table = grid(a=int(rng.integers(3, 9)), b=int(rng.integers(2, 4)), r=int(rng.integers(2, 5)))
    table["f"] = [f"f{(b + r) % 2 + 1}" for b, r in zip(table["b"], table["r"])]
    table["h"] = [f"h{a % 2 + 1}" for a in table["a"]]
    table = labels(thinned(table, rng, ragged), a="a", b="b")
    table["y"] = (effect(rng, table["f"], 1) + effect(rng, table["a"], some_sd(rng))
                  + effect(rng, pair(table["a"], table["b"]), some_sd(rng)) + rng.normal(size=len(table)))
    fixed = rng.choice(["1", "f", "f * h"])
    random = rng.choice(["(1 | a/b)", "(1 | a) + (1 | a:b)"])
    return Case(table, f"y ~ {fixed} + {random}", {"1": (), "f": ("f",), "f * h": ("f", "h", "f:h")}[fixed])


@family
def split_plot(rng, ragged):
    """Whole plots in blocks, subplots in whole plots."""
    table = grid(block=int(rng.integers(2, 7)), v=int(rng.integers(2, 4)), n=int(rng.integers(2, 5)))
    table = labels(thinned(table, rng, ragged, share=0.2), block="B", v="v", n="n")
    table["y"] = (cell_means(rng, table["v"], table["n"]) + effect(rng, table["block"], some_sd(rng))
                  + effect(rng, pair(table["block"], table["v"]), some_sd(rng)) + rng.normal(size=len(table)))
    fixed = rng.choice(["v * n", "n * v", "v + n"])
    random = rng.choice(["(1 | block/v)", "(1 | block:v)", "(1 | block) + (1 | block:v)"])
    return Case(table, f"y ~ {fixed} + {random}", ("v", "n", "v:n") if "*" in fixed else ("v", "n"))


@family
def few_levels(rng, ragged):
    """Two or three groups; exactly 2 denominator df: 3 blocks of 2 treatments, pbkrtest's beets, 3 clinics."""
    kind = rng.integers(4)
    if kind == 0:                                                    # 3 blocks x 2 treatments, repeated
        table = labels(thinned(grid(g=3, f=2, r=int(rng.integers(1, 5))), rng, ragged, 0.15), g="g", f="f")
        random = "(1 | g) + (1 | g:f)" if table.duplicated(["g", "f"]).any() else "(1 | g)"
        formula, asked = f"y ~ f + {random}", ("f",)
    elif kind == 1:                                                  # beets
        table = labels(thinned(grid(g=3, f=2, sow=5), rng, ragged, 0.15), g="g", f="f", sow="s")
        formula, asked = "y ~ g + sow + f + (1 | g:f)", ("f", "sow")
    elif kind == 2:
        table = labels(thinned(grid(g=int(rng.integers(2, 4)), r=int(rng.integers(3, 9))), rng, ragged), g="g")
        table["f"] = rng.choice(["f1", "f2"], len(table)) if ragged else [f"f{r % 2 + 1}" for r in table["r"]]
        formula, asked = "y ~ f + (1 | g)", ("f",)
    else:                                                            # 2 blocks x 3 treatments, 3 subplots
        table = labels(thinned(grid(g=2, f=3, h=3), rng, ragged, 0.15), g="g", f="f", h="h")
        formula, asked = "y ~ f * h + (1 | g:f)", ("f", "h")
    f = table["f"]
    table["y"] = (effect(rng, f, 1) + effect(rng, table["g"], some_sd(rng)) + effect(rng, pair(table["g"], f), some_sd(rng))
                  + rng.normal(size=len(table)))
    return Case(table, formula, asked)


@family
def latin_square(rng, ragged):
    """Subjects x items, each pair once, in one of two or three conditions; the condition a number."""
    conditions = int(rng.integers(2, 4))
    table = grid(s=conditions * int(rng.integers(2, 5)), i=conditions * int(rng.integers(2, 4)))
    table["x"] = (table["s"] + table["i"]) % conditions - (conditions - 1) / 2
    table = thinned(table, rng, ragged)
    s, i, x = table["s"], table["i"], table["x"]
    table["y"] = (x + effect(rng, s, some_sd(rng)) + effect(rng, i, some_sd(rng)) + effect(rng, s, some_sd(rng), x)
                  + effect(rng, i, some_sd(rng), x) + rng.normal(size=len(table)))
    random = rng.choice(["(x | s) + (x | i)", "(x || s) + (x || i)", "(x | s) + (1 | i)", "(0 + x | s) + (x | i)"])
    return Case(table, f"y ~ x + {random}")


@family
def subjects_items(rng, ragged):
    """Subjects x items x conditions, fully crossed, the condition a number or a factor."""
    table = labels(thinned(grid(s=int(rng.integers(4, 9)), i=int(rng.integers(3, 7)), f=int(rng.integers(2, 4))),
                           rng, ragged), f="f")
    s, i, f = table["s"], table["i"], table["f"]
    table["x"] = pd.factorize(f, sort=True)[0] - 0.5
    table["y"] = (effect(rng, f, 1) + effect(rng, s, some_sd(rng)) + effect(rng, i, some_sd(rng))
                  + effect(rng, pair(s, f), some_sd(rng)) + effect(rng, pair(i, f), some_sd(rng)) + rng.normal(size=len(table)))
    fixed = rng.choice(["x", "f"])
    random = rng.choice(["({0} | s) + ({0} | i)", "({0} | s) + (1 | i)", "(1 | s) + (0 + {0} | i)", "(0 + f | s) + (0 + f | i)"])
    return Case(table, f"y ~ {fixed} + {random.format(fixed)}", ("f",) if fixed == "f" else ())


@family
def between_subjects(rng, ragged):
    """A factor between subjects that varies within items."""
    table = grid(subject=2 * int(rng.integers(3, 7)), item=int(rng.integers(3, 8)))
    table["f"] = [f"f{s % 2 + 1}" for s in table["subject"]]
    table = thinned(table, rng, ragged)
    table["y"] = (effect(rng, table["f"], 1) + effect(rng, table["subject"], some_sd(rng))
                  + effect(rng, pair(table["item"], table["f"]), some_sd(rng)) + effect(rng, table["item"], some_sd(rng))
                  + rng.normal(size=len(table)))
    random = rng.choice(["(0 + f | item) + (1 | subject)", "(f | item) + (1 | subject)"])
    return Case(table, f"y ~ f + {random}", ("f",))


@family
def planks(rng, ragged):
    """The lecture's planks: widths within planks, depths within widths; the depth a number or a factor."""
    table = labels(grid(plank=int(rng.integers(4, 11)), width=int(rng.integers(2, 4)), d=int(rng.integers(3, 6))), width="w")
    table = thinned(table, rng, ragged)
    table["depth"] = [f"d{d}" for d in table["d"]]
    plank, width, d = table["plank"], table["width"], table["d"]
    table["y"] = (cell_means(rng, width, table["depth"]) + effect(rng, plank, some_sd(rng)) + effect(rng, plank, some_sd(rng), d)
                  + effect(rng, pair(plank, width), some_sd(rng)) + effect(rng, pair(plank, width), some_sd(rng) / 3, d)
                  + effect(rng, pair(plank, d), some_sd(rng)) + 0.7 * rng.normal(size=len(table)))
    fixed = rng.choice(["width * d", "width * depth"])
    random = rng.choice(["(1 | plank:width) + (d | plank)", "(d | plank/width)", "(1 | plank) + (1 | plank:width) + (1 | plank:depth)",
                         "(d || plank) + (1 | plank:width)", "(width | plank) + (1 | plank:depth)"])
    return Case(table, f"y ~ {fixed} + {random}", ("width", "depth", "width:depth") if "depth" in fixed else ("width",))
