"""The text of a formula: "y ~ x * z + (1 + x | g)" into response, fixed part and random terms.

Nothing in a formula runs code. A column may have any name: while a text is read, columns stand
under aliases, so that `log`, `yield` and `my.name` are no words of Python's, and no functions.
"""

import ast
import re
from collections import namedtuple
from functools import lru_cache

import numpy as np
from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS

Parts = namedtuple("Parts", "response fixed random")
Random = namedtuple("Random", "effects group apart")                 # apart: from a term with ||

INSIDE = r"[^()|]*"
for _ in range(4):                                # brackets in brackets, four deep
    INSIDE = rf"(?:[^()|]|\({INSIDE}\))*"
RANDOM = re.compile(rf"\(({INSIDE})(\|\|?)([^()|]*)\)")
CODINGS = {"Treatment", "Sum", "Helmert", "Poly", "Diff"}
FUNCTIONS = {"log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos", "tan",
             "center", "scale", "standardize", "poly", "bs", "cr", "cs", "cc", "C", "I"} | CODINGS
CONTRASTS = {"treatment", "sum", "helmert", "poly", "diff", "SAS", "custom"}
CONTEXT = {name: TRANSFORMS.get(name) or getattr(np, name) for name in FUNCTIONS | {"contr", "np"}}

# a text is made of strings; `names`; Q('names'); words, with what tells a function or an argument
WORDS = re.compile(r"""(?P<string>'[^']*'|"[^"]*")|`(?P<quoted>[^`]+)`|"""
                   r"""\bQ\(\s*(?P<mark>['"])(?P<q>.+?)(?P=mark)\s*\)|"""
                   r"(?<![\w.])(?P<word>\.*[^\W\d][\w.]*)(?P<called>\s*\(|\s*=(?!=))?")
ALIAS = re.compile(r"\b(?:column|factor)_([0-9a-f]+)_\b")
PLAIN = re.compile(r"\.*[^\W\d][\w.]*")
NO_NAMES = ("in", "True", "False", "None")           # words that need backticks as names

INSTEAD = {
    "factor": "C(x) makes a factor of a column of numbers",
    "as.factor": "C(x) makes a factor of a column of numbers",
    "offset": "an offset stands beside the formula: lmm.fit(..., offset='x')",
    "cbind": "a model has one response; fit one model for each",
    "ns": "natural splines are cr(x, df=4)",
    "s": "there are the splines bs(x, df=4) and cr(x, df=4)",
}
STRUCTURES = {
    "diag": "write (1 + x || g) for variances alone",
    "us": "write (1 + x | g), which has any covariance",
    "cs": "it is not available; (1 | g) + (1 | g:f) is compound symmetry of a factor f",
}


def parse(formula):
    """Split a formula, in lme4's syntax: ("y", "x * z", [Random("1 + x", "g", False), ...]).

    `(1 | a/b)` means `(1 | a) + (1 | a:b)`; `(1 + x || g)` means `(1 | g) + (0 + x | g)`.
    Raises ValueError for a formula without "~" and for a random term that cannot be read.
    """
    text = aliased(formula) if isinstance(formula, str) else ""
    if "`" in text:
        raise ValueError(f"the formula {formula!r} has a backtick without its partner")
    if text.count("~") != 1:
        raise ValueError(f"the formula {formula!r} needs one '~' between response and model")
    response, right = (side.strip() for side in text.split("~"))
    if not response:
        raise ValueError(f"the formula {formula!r} has no response to the left of '~'")
    _structured(right)
    random = []
    for effects, bar, group in RANDOM.findall(right):
        for name in _groups(group):
            parts = _apart(effects) if bar == "||" else [shown(effects.strip())]
            random += [Random(part, name, bar == "||") for part in parts]
    fixed = RANDOM.sub("", right)
    if "|" in fixed:
        raise ValueError(f"a random term needs brackets: write (1 | group) in {formula!r}, "
                         "where group is a column, a:b or a/b")
    names = [term[:2] for term in random]
    for effects, group in names:
        if names.count((effects, group)) > 1:
            raise ValueError(f"the random term ({effects} | {group}) is given twice in {formula!r}")
    fixed = re.sub(r"\+(\s*\+)+", "+", fixed).strip().strip("+").strip()
    return Parts(shown(response), shown(fixed) or "1", random)


def _structured(text):
    """ValueError for a random term with a structure, such as lme4's diag(1 + x | g)."""
    found = re.search(r"\b(\w+)\s*" + RANDOM.pattern, text)
    if found:
        name, effects, bar, group = found.groups()
        if name in FUNCTIONS - {"exp", "cs"}:
            _harmless(found.group())
        do = STRUCTURES.get(name, "it is not available; write (x | g) for any covariance, "
                                  "(x || g) for variances alone")
        raise ValueError(f"{shown(f'{name}({effects}{bar}{group})')} asks for a covariance of the "
                         f"structure {name!r}: {do}")


def _groups(group):
    """Names of the grouping factors of a random term: "a/b" -> ["a", "a:b"]."""
    group = re.sub(r"\s*([:/])\s*", r"\1", group.strip())
    if not re.fullmatch(r"\w+([:/]\w+)*", group):
        raise ValueError(f"cannot read the grouping factor {shown(group)!r}; write g, a:b or a/b, "
                         "and a name with a space in backticks: (1 | `my group`)")
    nested = [_names(part) for part in group.split("/")]
    odd = [name for part in nested for name in part if ":" in name or "/" in name]
    if odd:
        raise ValueError(f"the grouping factor {odd[0]!r} has a ':' or '/' in its name; "
                         "rename the column")
    return [":".join(":".join(part) for part in nested[:depth + 1]) for depth in range(len(nested))]


def _names(group):
    return [_column(alias) if ALIAS.fullmatch(alias) else alias for alias in group.split(":")]


def _apart(effects):
    """The effects of a `||` term, one by one: "1 + x" -> ["1", "0 + x"]."""
    terms = [_text(term) for term in read(shown(effects))]
    return ["1"] * ("1" in terms) + [f"0 + {term}" for term in terms if term != "1"]


def _text(term):
    """A term as it is written: with backticks where a name needs them."""
    return ":".join(_written(f.expr) if f.eval_method.name == "LOOKUP" else f.expr
                    for f in term.factors)


@lru_cache
def read(text):
    """formulaic's view of a one-sided formula, with nothing in it that could run code."""
    _known_words(text)
    try:
        formula = Formula(aliased(text))
    except (FormulaicError, SyntaxError) as error:
        raise ValueError(f"cannot read {text!r}: {shown(str(error).splitlines()[0])}") from None
    return Formula([Term([_named(factor) for factor in term.factors]) for term in formula])


@lru_cache
def left(text):
    """The left side as a formula of one term: a column, or arithmetic on columns, as R takes it."""
    _known_words(text)
    name = ALIAS.fullmatch(aliased(text))
    if name:
        return Formula([Term([Factor(_column(name.group()), eval_method="lookup")])])
    return Formula([Term([_named(Factor(aliased(text), eval_method="python"))])])


def _known_words(text):
    """ValueError for R's words that have another name here."""
    for found in re.finditer(r"(?<![\w.])([\w.]+)\s*\(", aliased(text)):
        if found[1] in INSTEAD:
            raise ValueError(f"{found[1]}() is not available in {text!r}: {INSTEAD[found[1]]}")
    if re.search(r"(?<![\w.])\.(?![\w.])", aliased(text)):
        raise ValueError(f"'.', all other columns, is not available in {text!r}: name the columns")


def _named(factor):
    """A factor with columns' names in place of their aliases; ValueError unless it is harmless."""
    if factor.eval_method.name == "PYTHON":
        return Factor(shown(_harmless(factor.expr)), eval_method="python")
    if factor.eval_method.name == "LOOKUP":
        return Factor(ALIAS.sub(lambda found: _column(found.group()), factor.expr),
                      eval_method="lookup")
    return factor


def _harmless(text):
    """Python's own spelling of an expression.

    Raises ValueError unless it is arithmetic and calls of the listed functions.
    """
    allowed = (ast.Expression, ast.Call, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp,
               ast.operator, ast.unaryop, ast.keyword, ast.List, ast.Tuple, ast.Dict, ast.Load)
    bits = (ast.BitXor, ast.BitOr, ast.BitAnd, ast.LShift, ast.RShift, ast.MatMult)
    words = FUNCTIONS | {"np", "contr"}
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        raise ValueError(f"cannot read {shown(text)!r} in the formula") from None
    for node in ast.walk(tree):
        if isinstance(node, bits):
            raise ValueError(f"{shown(text)!r} has an operator that is no arithmetic; "
                             "a power is written x**2")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (
                node.attr in {"np": FUNCTIONS, "contr": CONTRASTS}.get(node.value.id, ())):
            continue
        unknown = isinstance(node, ast.Name) and not (ALIAS.fullmatch(node.id) or node.id in words)
        if unknown or not isinstance(node, allowed):
            raise ValueError(f"{shown(text)!r} is not allowed in a formula: use columns, "
                             f"arithmetic and {', '.join(sorted(FUNCTIONS))}; "
                             "compute anything else as a column first")
    return ast.unparse(tree)


def variables(formula):
    """The columns that a formula needs, a set of names."""
    names = set()
    for factor in (factor for term in formula for factor in term.factors):
        if factor.eval_method.name == "LOOKUP":
            names.add(factor.expr)
        elif factor.eval_method.name == "PYTHON":
            names |= set(aliases(aliased(factor.expr)).values())
    return names


# Names of columns ---------------------------------------------------------------------------------

def aliased(text):
    """The text with an alias for each column: log(yi) + C(x) -> log(column_7969_) +
    C(factor_78_)"""
    def alias(found):
        if found["string"]:
            return found.group()
        word = found["word"]
        before = text[:found.start()].rstrip()
        if word and (found["called"] or word.startswith(("np.", "contr."))
                     or word in NO_NAMES
                     or word in CODINGS and before.endswith((",", "="))):
            return found.group()                            # a function, or the name of an argument
        kind = "factor" if re.search(r"\bC\($", before) else "column"
        return f"{kind}_{(word or found['quoted'] or found['q']).encode().hex()}_"
    return WORDS.sub(alias, text)


def aliases(text):
    """The aliases in a text and the columns they stand for, a dict."""
    return {found.group(): _column(found.group()) for found in ALIAS.finditer(text)}


def shown(text):
    """The text with columns' names for their aliases, in backticks where they are needed."""
    return ALIAS.sub(lambda found: _written(_column(found.group())), text)


def _column(alias):
    return bytes.fromhex(ALIAS.fullmatch(alias)[1]).decode()


def _written(name):
    return name if PLAIN.fullmatch(name) and name not in NO_NAMES else f"`{name}`"
