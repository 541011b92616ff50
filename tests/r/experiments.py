"""Families of designs: experiments, and growth."""

import numpy as np

from tests.r.families import Case, family, pair

# Groups ----------------------------------------------------------------------------------------

@family
def one_way(d):
    """Groups and what is repeated in them; every second time a factor between the groups."""
    t = d.grid(g=d.number(3, 11), r=d.number(2, 8))
    t["f"] = np.where(t["g"] % 2 == 0, "f1", "f2")
    t["y"] = 5 + d.some(t["g"]) + d.noise(t)
    if t["g"].nunique() > 4 and d.one(True, False):
        return Case(t, "y ~ f + (1 | g)", ("f",))
    return Case(t, "y ~ 1 + (1 | g)")


@family
def sd_ratios(d):
    """Groups that differ from not at all to a thousand times as much as rows."""
    ratio = d.one(0, 0.01, 0.1, 3, 10, 14, 20, 30, 100, 300, 1000)
    t = d.grid(g=d.number(4, 19), r=d.number(3, 14))
    t["t"] = t["r"] - 2.0
    t["f"] = d.factor("f", 3, t["r"])
    t["y"] = d.effect(t["g"], ratio) + d.effect(t["g"], ratio / 5, t["t"]) + d.noise(t)
    formula = d.one("y ~ 1 + (1 | g)", "y ~ f + (1 | g)", "y ~ t + (t | g)", "y ~ 0 + f + (1 | g)")
    return Case(t, formula, ("f",) if "f" in formula else ())


@family
def crossed(d):
    """Two crossed grouping factors, with a treatment."""
    t = d.grid(a=("a", d.number(3, 7)), b=("b", d.number(3, 7)), r=d.number(2, 3))
    t["f"] = d.factor("f", 3, t["a"].factorize()[0] + t["b"].factorize()[0] + t["r"])
    t["y"] = (d.effect(t["f"]) + d.some(t["a"]) + d.some(t["b"]) + d.some(pair(t["a"], t["b"]))
              + d.noise(t))
    random = d.one("(1 | a) + (1 | b)", "(1 | a) + (1 | b) + (1 | a:b)", "(1 | b) + (1 | a/b)")
    return Case(t, f"y ~ f + {random}", ("f",))


@family
def nested(d):
    """Batches, casks in batches, jars in casks, samples."""
    t = d.grid(a=("a", d.number(3, 6)), b=("b", d.number(2, 3)), c=d.number(2, 3), r=2)
    t["f"] = d.factor("f", 2, t["b"].factorize()[0] + t["r"])
    t["h"] = np.where(t["a"].isin(["a1", "a3", "a5"]), "h1", "h2")
    t["y"] = (d.effect(t["f"]) + d.some(t["a"]) + d.some(pair(t["a"], t["b"]))
              + d.some(pair(t["a"], t["b"], t["c"])) + d.noise(t))
    fixed, asked = d.one(("1", ()), ("f", ("f",)), ("f * h", ("f", "h", "f:h")))
    random = d.one("(1 | a/b)", "(1 | a) + (1 | a:b)", "(1 | a/b/c)", "(1 | a:b/c)")
    formula = f"y ~ {fixed} + {random}"                    # lme4 cannot read a:b/c
    return Case(t, formula, asked, r=formula.replace("a:b/c", "a:b) + (1 | a:b:c"))


@family
def few_levels(d):
    """Two or three groups; exactly 2 denominator df: 3 blocks of 2 treatments, pbkrtest's beets."""
    kind = d.number(0, 3)
    if kind == 0:
        t = d.grid(g=("g", 3), f=("f", 2), r=d.number(1, 4), most=0.15)
        random = "(1 | g) + (1 | g:f)" if t.duplicated(["g", "f"]).any() else "(1 | g)"
        formula, asked = f"y ~ f + {random}", ("f",)
    elif kind == 1:
        t = d.grid(g=("g", 3), f=("f", 2), sow=("s", 5), most=0.15)
        formula, asked = "y ~ g + sow + f + (1 | g:f)", ("f", "sow")
    elif kind == 2:
        t = d.grid(g=("g", d.number(2, 3)), r=d.number(3, 8))
        t["f"] = d.factor("f", 2, t["r"])
        formula, asked = "y ~ f + (1 | g)", ("f",)
    else:
        t = d.grid(g=("g", 2), f=("f", 3), h=("h", 3), most=0.15)
        formula, asked = "y ~ f * h + (1 | g:f)", ("f", "h")
    t["y"] = d.effect(t["f"]) + d.some(t["g"]) + d.some(pair(t["g"], t["f"])) + d.noise(t)
    return Case(t, formula, asked)


# Experiments -----------------------------------------------------------------------------------

@family
def split_plot(d):
    """Whole plots in blocks, subplots in whole plots."""
    t = d.grid(block=("B", d.number(2, 6)), v=("v", d.number(2, 3)), n=("n", d.number(2, 4)),
               most=0.2)
    plots = pair(t["block"], t["v"])
    t["y"] = d.cells(t["v"], t["n"]) + d.some(t["block"]) + d.some(plots) + d.noise(t)
    fixed, asked = d.one(("v * n", ("v", "n", "v:n")), ("n * v", ("v", "n", "n:v")),
                         ("v + n", ("v", "n")))
    random = d.one("(1 | block/v)", "(1 | block:v)", "(1 | block) + (1 | block:v)")
    return Case(t, f"y ~ {fixed} + {random}", asked)


@family
def latin_square(d):
    """Subjects x items, each pair once, in one of two or three conditions; these are numbers."""
    k = d.number(2, 3)
    t = d.grid(s=k * d.number(2, 4), i=k * d.number(2, 3))
    t["x"] = (t["s"] + t["i"]) % k - (k - 1) / 2
    t["y"] = (t["x"] + d.some(t["s"]) + d.some(t["i"]) + d.some(t["s"], t["x"])
              + d.some(t["i"], t["x"]) + d.noise(t))
    random = d.one("(x | s) + (x | i)", "(x || s) + (x || i)", "(x | s) + (1 | i)",
                   "(0 + x | s) + (x | i)")
    return Case(t, f"y ~ x + {random}")


@family
def subjects_items(d):
    """Subjects x items x conditions, fully crossed, the condition a number or a factor."""
    t = d.grid(s=d.number(4, 8), i=d.number(3, 6), f=("f", d.number(2, 3)))
    s, i, f = t["s"], t["i"], t["f"]
    t["x"] = f.factorize(sort=True)[0] - 0.5
    t["y"] = (d.effect(f) + d.some(s) + d.some(i) + d.some(pair(s, f)) + d.some(pair(i, f))
              + d.noise(t))
    fixed = d.one("x", "f")
    random = d.one("({0} | s) + ({0} | i)", "({0} | s) + (1 | i)", "(1 | s) + (0 + {0} | i)",
                   "(0 + f | s) + (0 + f | i)").format(fixed)
    return Case(t, f"y ~ {fixed} + {random}", ("f",) if fixed == "f" else ())


@family
def between_subjects(d):
    """A factor between subjects that varies within items."""
    t = d.grid(subject=2 * d.number(3, 6), item=d.number(3, 7))
    t["f"] = np.where(t["subject"] % 2 == 0, "f1", "f2")
    t["y"] = (d.effect(t["f"]) + d.some(t["subject"]) + d.some(pair(t["item"], t["f"]))
              + d.some(t["item"]) + d.noise(t))
    random = d.one("(0 + f | item) + (1 | subject)", "(f | item) + (1 | subject)")
    return Case(t, f"y ~ f + {random}", ("f",))


@family
def within_subjects(d):
    """Two factors within subjects: the strata of the analysis of variance, or slopes."""
    t = d.grid(s=d.number(4, 8), a=("a", d.number(2, 3)), b=("b", d.number(2, 3)), r=2)
    s, a, b = t["s"], t["a"], t["b"]
    t["y"] = d.cells(a, b) + d.some(s) + d.some(pair(s, a)) + d.some(pair(s, b)) + d.noise(t)
    random = d.one("(1 | s) + (1 | s:a) + (1 | s:b)", "(1 | s/a)", "(a | s) + (1 | s:b)",
                   "(a + b | s)")
    return Case(t, f"y ~ a * b + {random}", ("a", "b", "a:b"))


@family
def planks(d):
    """The lecture's planks: widths in planks, depths in widths; the depth a number or a factor."""
    t = d.grid(plank=d.number(4, 10), width=("w", d.number(2, 3)), d=d.number(3, 5))
    t["depth"] = [f"d{depth}" for depth in t["d"]]
    plank, width, depth = t["plank"], t["width"], t["d"]
    t["y"] = (d.cells(width, t["depth"]) + d.some(plank) + d.some(plank, depth)
              + d.some(pair(plank, width)) + d.some(pair(plank, width), depth, of=(0, 0.1, 1))
              + d.some(pair(plank, depth)) + d.noise(t))
    fixed, asked = d.one(("width * d", ("width",)),
                         ("width * depth", ("width", "depth", "width:depth")))
    random = d.one("(1 | plank:width) + (d | plank)", "(d | plank/width)",
                   "(1 | plank) + (1 | plank:width) + (1 | plank:depth)",
                   "(d || plank) + (1 | plank:width)", "(width | plank) + (1 | plank:depth)")
    return Case(t, f"y ~ {fixed} + {random}", asked)


@family
def orthogonal(d):
    """Two-level factors coded -1 and 1: exact zeros in the cross-products."""
    t = d.grid(g=d.number(4, 8), h=d.number(3, 4), a=[-1, 1], b=[-1, 1])
    g, h, a, b = (t[c] for c in "ghab")
    t["y"] = a + d.some(g) + d.some(g, a) + d.some(g, b) + d.some(h, a) + d.some(h) + d.noise(t)
    random = d.one("(a | g) + (b | h)", "(a + b | g)", "(a + b | g) + (a | h)",
                   "(a || g) + (b || h)", "(0 + a | g) + (1 | h)", "(a * b | g)",
                   "(a + b || g) + (1 | h)")
    return Case(t, f"y ~ a * b + {random}")


@family
def growth(d):
    """Pupils measured at the same times, in schools."""
    t = d.grid(school=d.number(3, 6), child=d.number(2, 4), t=d.number(3, 5))
    t["pupil"] = t["school"] * 10 + t["child"]
    t["f"] = np.where(t["child"] % 2 == 0, "f1", "f2")
    pupil, school, time = t["pupil"], t["school"], t["t"]
    t["y"] = (d.effect(t["f"]) + time + d.some(pupil) + d.some(pupil, time) + d.some(school)
              + d.some(school, time, of=(0, 0.2, 1)) + d.noise(t))
    random = d.one("(t | pupil) + (t | school)", "(t | school/child)", "(1 | pupil) + (t | school)",
                   "(t | pupil)", "(t || pupil) + (1 | school)", "(f | school) + (1 | pupil)")
    return Case(t, f"y ~ {d.one('t', 't * f', 'f + t')} + {random}")
