"""The text of a formula: "y ~ x * z + (1 + x | g)" into response, fixed part and random terms, and nothing that runs code."""

import ast
import re
from collections import namedtuple
from functools import lru_cache

import numpy as np
from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.transforms import TRANSFORMS

Parts = namedtuple("Parts", "response fixed random")

RANDOM = re.compile(r"\(((?:[^()|]|\([^()|]*\))*)(\|\|?)([^()|]*)\)")
FUNCTIONS = {"log", "log2", "log10", "exp", "sqrt", "abs", "center", "scale", "standardize", "poly", "bs", "cr", "cs",
             "cc", "C", "I", "Q", "contr", "Treatment", "Sum", "Helmert", "Poly", "Diff"}
CONTEXT = {name: TRANSFORMS[name] for name in FUNCTIONS & set(TRANSFORMS)} | {"sqrt": np.sqrt, "abs": np.abs}


def parse(formula):
    """Split a formula: ("y", "x * z", [("1 + x", "g"), ...]), in lme4's syntax for random terms.

    `(1 | a/b)` means `(1 | a) + (1 | a:b)`; `(1 + x || g)` means `(1 | g) + (0 + x | g)`.
    Raises ValueError for a formula without "~" and for a random term that cannot be read.
    """
    if not isinstance(formula, str) or formula.count("~") != 1:
        raise ValueError(f"the formula {formula!r} needs one '~' between the response and the model")
    response, right = (side.strip() for side in formula.split("~"))
    if not response:
        raise ValueError(f"the formula {formula!r} has no response to the left of '~'")
    random = []
    for effects, bar, group in RANDOM.findall(right):
        for name in _groups(group.replace(" ", "")):
            random += [(part, name) for part in (_apart(effects) if bar == "||" else [effects.strip()])]
    fixed = RANDOM.sub("", right)
    if "|" in fixed:
        raise ValueError(f"a random term needs brackets: write (1 | group) in {formula!r}")
    for term in random:
        if random.count(term) > 1:
            raise ValueError("the random term ({} | {}) is given twice in {!r}".format(*term, formula))
    fixed = re.sub(r"\+(\s*\+)+", "+", fixed).strip().strip("+").strip()
    return Parts(response, fixed or "1", random)


def _groups(group):
    if not re.fullmatch(r"\w+([:/]\w+)*", group):
        raise ValueError(f"cannot read the grouping factor {group!r}; write g, a:b or a/b")
    nested = group.split("/")
    return [":".join(nested[:depth + 1]) for depth in range(len(nested))]


def _apart(effects):
    """The effects of a `||` term, one by one: "1 + x" -> ["1", "0 + x"]."""
    terms = [str(term) for term in read(effects)]
    return ["1"] * ("1" in terms) + [f"0 + {term}" for term in terms if term != "1"]


@lru_cache
def read(text):
    """formulaic's view of a formula, with nothing in it that could run code."""
    try:
        formula = Formula(text)
    except (FormulaicError, SyntaxError) as error:
        raise ValueError(f"cannot read {text!r}: {str(error).splitlines()[0]}") from None
    for part in _sides(formula):
        for term in part:
            for factor in term.factors:
                if factor.eval_method.name == "PYTHON":
                    _harmless(factor.expr)
    return formula


def _harmless(text):
    """ValueError unless an expression is arithmetic on columns and calls of the listed functions."""
    allowed = (ast.Expression, ast.Call, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop,
               ast.keyword, ast.List, ast.Tuple, ast.Load)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise ValueError(f"cannot read {text!r} in the formula") from None
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "contr"):
            continue
        if not isinstance(node, allowed) or (isinstance(called, ast.Name) and called.id not in FUNCTIONS) or (
                isinstance(called, ast.Attribute) and called.attr not in FUNCTIONS | {"treatment", "sum", "helmert"}):
            raise ValueError(f"{text!r} is not allowed in a formula: use columns, arithmetic and "
                             f"{', '.join(sorted(FUNCTIONS - {'contr'}))}; compute anything else as a column first")


def variables(formula):
    """Columns that a formula needs: its names, less those of functions. (formulaic's own list leaves out `poly(x)`.)"""
    names = set()
    for part in _sides(formula):
        for factor in (factor for term in part for factor in term.factors):
            if factor.eval_method.name == "LOOKUP":
                names.add(factor.expr)
            elif factor.eval_method.name == "PYTHON":
                names |= {node.id for node in ast.walk(ast.parse(factor.expr)) if isinstance(node, ast.Name)}
    return names - FUNCTIONS - {"np"}


def _sides(formula):
    return [formula.lhs, formula.rhs] if hasattr(formula, "lhs") else [formula]
