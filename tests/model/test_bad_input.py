"""Bad input: a ValueError that names the culprit and says what to do."""

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import random_model

TABLETS = lmm.load("tablets")
y, X, Z, G, R = random_model(np.random.default_rng(0))
V = lmm.moments.V(Z, G, R)
INDEFINITE = np.array([[1.0, 2.0], [2.0, 1.0]])


def lopsided(A):
    return A + np.triu(np.ones_like(A), 1)


FIT = {
    "unknown column": ("y ~ dose + (1 | tablet)", TABLETS,
                       "no column 'dose' in the data; there are: tablet, method, y"),
    "unknown group": ("y ~ method + (1 | pill)", TABLETS, "no column 'pill' in the data"),
    "unknown response": ("z ~ method", TABLETS, "no column 'z' in the data"),
    "response that is text": ("method ~ 1 + (1 | tablet)", TABLETS,
                              "the response 'method' is not numeric"),
    "response that is a truth value": (
        "high ~ 1 + (1 | tablet)", TABLETS.assign(high=TABLETS["y"] > 10.3),
        "the response 'high' is not numeric"),
    "one group": ("y ~ method + (1 | lab)", TABLETS.assign(lab="A"),
                  "'lab' has one level only, 'A'"),
    "a group a row": ("y ~ method + (1 | row)", TABLETS.assign(row=range(20)),
                      "'row' has as many levels as rows"),
    "a group a row by interaction": (
        "y ~ 1 + (1 | tablet:method)", TABLETS, "'tablet:method' has as many levels as rows"),
    "empty table": ("y ~ method + (1 | tablet)", TABLETS[:0], "the table has no rows"),
    "no complete row": ("y ~ method", TABLETS.assign(y=np.nan),
                        "no row is complete in the columns method, y"),
    "infinite response": ("y ~ method", TABLETS.assign(y=np.inf), "column 'y' has infinite values"),
    "infinite covariate": ("y ~ x", TABLETS.assign(x=[np.inf] + [1.0] * 19),
                           "column 'x' has infinite values"),
    "log of zero": ("y ~ log(x)", TABLETS.assign(x=range(20)), r"'log\(x\)' is not finite"),
    "rank deficient": (
        "y ~ method + x + (1 | tablet)", TABLETS.assign(x=(TABLETS["method"] == "hplc") * 2.0),
        "rank 2: x can be"),
    "factor of one level": ("y ~ lab + (1 | tablet)", TABLETS.assign(lab="A"),
                            "'lab' has only the level 'A'"),
    "saturated": ("y ~ tablet * method", TABLETS, "20 rows and 20 fixed effects"),
    "more columns than rows": ("y ~ tablet * method", TABLETS[:11], "11 rows and 12 fixed effects"),
    "y that the fixed part gives exactly": ("y ~ x", TABLETS.assign(x=TABLETS["y"]),
                                            "gives the response exactly"),
    "constant y": ("y ~ method + (1 | tablet)", TABLETS.assign(y=3.0),
                   "gives the response exactly"),
    "y that the groups give exactly": (
        "y ~ 1 + (1 | tablet)", TABLETS.assign(y=TABLETS["tablet"].astype(float)),
        "gives the response .almost. exactly"),
    "y too large": ("y ~ method + (1 | tablet)", TABLETS.assign(y=TABLETS["y"] * 1e200),
                    "measure it in larger units"),
    "complex y": ("y ~ method + (1 | tablet)", TABLETS.assign(y=TABLETS["y"] + 1j),
                  "the response 'y' is not numeric"),
    "one name twice": ("y ~ method + (1 | tablet)", pd.concat([TABLETS, TABLETS[["y"]]], axis=1),
                       "2 columns called 'y'"),
    "random covariate of zeros": (
        "y ~ method + (0 + z | tablet)", TABLETS.assign(z=0.0),
        r"'z' in \(0 \+ z \| tablet\) is 0 in every row"),
    "the same groups twice": (
        "y ~ method + (1 | tablet) + (1 | pill)",
        TABLETS.assign(pill=TABLETS["tablet"].astype(int) * 7),
        "'tablet' and 'pill' are the same groups under two names"),
    "no brackets": ("y ~ method + 1 | tablet", TABLETS, r"write \(1 \| group\)"),
    "as many random effects as rows": (
        "y ~ 1 + (method | tablet)", TABLETS,
        r"\(method \| tablet\) has 20 random effects for 20 rows.*leave out a slope"),
    "random term without columns": ("y ~ 1 + (0 | tablet)", TABLETS,
                                    r"has no columns; write \(1 \| tablet\)"),
    "random columns that depend on each other": (
        "Reaction ~ Days + (1 + Days + I(2 * Days) | Subject)", lmm.load("sleepstudy"),
        "depend on each other: Intercept, "),
    "random covariate unknown": ("y ~ method + (0 + dose | tablet)", TABLETS, "no column 'dose'"),
    "random term twice": ("y ~ method + (1 | tablet) + (1 | tablet)", TABLETS, "given twice"),
    "group of no shape": ("y ~ method + (1 | tablet + method)", TABLETS,
                          "cannot read the grouping factor"),
    "no tilde": ("y method", TABLETS, "needs one '~'"),
    "no response": ("~ method", TABLETS, "no response"),
    "no text": (None, TABLETS, "the formula None needs one '~'"),
    "unknown function": ("y ~ cube(y)", TABLETS,
                         r"'cube\(y\)' is not allowed in a formula: use columns, arithmetic and C"),
    "code: a file": ("y ~ open('x')", TABLETS, "is not allowed in a formula"),
    "code: an attribute": ("y ~ {y.__class__}", TABLETS, "no column 'y.__class__' in the data"),
    "code: an attribute of a call": ("y ~ I(y).__class__", TABLETS,
                                     "not allowed in a formula|cannot read"),
    "code: numpy's loader": ("y ~ np.load('x')", TABLETS, "is not allowed in a formula"),
    "code: an import": ("y ~ __import__('os').getcwd()", TABLETS, "cannot read|not allowed"),
    "code in a random term": ("y ~ 1 + (0 + eval('1') | tablet)", TABLETS,
                              "is not allowed in a formula|cannot read"),
    "unfinished": ("y ~ method +* 3", TABLETS, "cannot read 'method"),
}


@pytest.mark.parametrize("case", FIT)
def test_fit(case):
    formula, data, message = FIT[case]
    before = data.copy()
    with pytest.raises(ValueError, match=message):
        lmm.fit(formula, data)
    pd.testing.assert_frame_equal(data, before)


WEIGHTS = {
    "zero": ([0.0] + [1.0] * 19, "weights must be positive"),
    "negative": ([-1.0] + [1.0] * 19, "weights must be positive"),
    "missing": ([np.nan] + [1.0] * 19, "weights must be positive"),
    "infinite": ([np.inf] + [1.0] * 19, "infinite"),
    "too few": ([1.0] * 19,
                r"weights has shape \(19,\); it needs one number for each of the 20 rows"),
    "text": (["a"] * 20, "weights must be numbers"),
    "no column": ("w", "no column 'w' in the data for weights"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights(case):
    weights, message = WEIGHTS[case]
    with pytest.raises(ValueError, match=message):
        lmm.fit("y ~ method + (1 | tablet)", TABLETS, weights=weights)


def test_offset_of_the_wrong_length():
    with pytest.raises(ValueError, match=r"offset has shape \(3,\)"):
        lmm.fit("y ~ method + (1 | tablet)", TABLETS, offset=[1, 2, 3])


def test_fit_wants_a_table():
    with pytest.raises(ValueError, match="data must be a pandas DataFrame, not dict"):
        lmm.fit("y ~ x", {"y": [1, 2], "x": [1, 2]})


TEXTBOOK = {
    "design: unknown column": (lambda: lmm.design.fixed(TABLETS, ["dose"]), "no column 'dose'"),
    "design: unknown coding": (lambda: lmm.design.fixed(TABLETS, ["method"], "sum"),
                               "'full' or 'reference'"),
    "design: empty": (lambda: lmm.design.random(TABLETS[:0], "tablet"), "no rows"),
    "design: one level": (lambda: lmm.design.random(TABLETS.assign(g=1), "g"),
                          "'g' has only the level 1;"),
    "design: missing level": (
        lambda: lmm.design.random(TABLETS.assign(g=[None] + ["a", "b"] * 9 + ["a"]), "g"),
        "'g' has 1 missing value"),
    "G not symmetric": (lambda: lmm.moments.V(Z, lopsided(G), R),
                        r"G is not symmetric: G\[\d, \d\]"),
    "R not symmetric": (lambda: lmm.moments.V(Z, G, lopsided(R)), "R is not symmetric"),
    "G indefinite": (lambda: lmm.moments.V(Z[:, :2], INDEFINITE, R),
                     "G is not positive semidefinite"),
    "R singular": (lambda: lmm.moments.V(Z, G, 0 * R), "R is not positive definite"),
    "G of the wrong size": (lambda: lmm.moments.V(Z, G[:3, :3], R),
                            r"G has shape \(3, 3\); it must be 4 x 4"),
    "R of the wrong size": (lambda: lmm.moments.V(Z, G, R[1:, 1:]),
                            r"R has shape \(13, 13\); it must be 14 x 14"),
    "text in Z": (lambda: lmm.likelihood.gls(y, X.astype(str).tolist() + [["a", "b"]], V),
                  "X must hold numbers only"),
    "beta of the wrong length": (lambda: lmm.moments.marginal(X, Z, [1.0], G, R),
                                 "beta has 1 values but X has 2"),
    "u of the wrong length": (
        lambda: lmm.moments.conditional(X, Z, [1.0, 2.0], [1.0], R), "u has 1 values but Z has 4"),
    "negative variance": (lambda: lmm.moments.icc(-1, 2), "variances must be finite, not negative"),
    "blocks of no square": (lambda: lmm.moments.blocks(X), "V must be square"),
    "X and y of different length": (lambda: lmm.likelihood.gls(y[1:], X, V),
                                    "X has 14 rows but y has 13"),
    "V of the wrong size": (lambda: lmm.likelihood.gls(y, X, V[1:, 1:]), "V has shape"),
    "V singular": (lambda: lmm.likelihood.gls(y, X, np.ones((14, 14))),
                   "V is not positive definite"),
    "X not of full rank": (
        lambda: lmm.likelihood.gls(y, np.column_stack([X, X[:, 1] * 2]), V),
        "X has 3 columns but only rank 2: 2 can"),
    "X wide": (lambda: lmm.likelihood.gls(y[:1], X[:1], V[:1, :1]), "more columns"),
    "full coding": (
        lambda: lmm.likelihood.gls(TABLETS["y"], lmm.design.fixed(TABLETS, ["method"]), np.eye(20)),
        r"rank 2: method\[hplc\] can be written with the columns before; "
        "drop a term or use reference coding"),
    "NaN in y": (lambda: lmm.likelihood.gls(y * np.nan, X, V),
                 r"y has 14 value\(s\) that are NaN or infinite"),
    "y a matrix": (lambda: lmm.likelihood.gls(y[:, None], X, V), "y must have 1 dimension, not 2"),
    "y empty": (lambda: lmm.likelihood.gls([], X, V), "y is empty"),
    "beta too long": (lambda: lmm.likelihood.ml(y, X, [1.0, 2.0, 3.0], V),
                      "beta has 3 values but X has 2"),
    "no contrast left": (lambda: lmm.likelihood.error_contrasts(np.eye(3)),
                         "no error contrast is left"),
    "K with too few rows": (lambda: lmm.likelihood.contrast_likelihood(y, np.eye(3), V),
                            "K has 3 rows but y has 14"),
    "G singular in the equations": (lambda: lmm.henderson.solve(y, X, Z, 0 * G, R),
                                    "G is not positive definite"),
    "Z too short": (lambda: lmm.henderson.solve(y, X, Z[1:], G, R), "Z has 13 rows but y has 14"),
    "p too large": (lambda: lmm.henderson.prediction_error_variances(np.eye(3), 3),
                    "p = 3 does not fit C"),
    "empty group": (lambda: lmm.shrinkage.factor([2, 0], 1, 1),
                    "every group needs at least one observation"),
    "group with a gap": (lambda: lmm.shrinkage.pooling([1, 2, 3], ["a", None, "b"], 1, 1),
                         "1 missing value"),
    "groups too few": (lambda: lmm.shrinkage.pooling([1, 2, 3], ["a", "b"], 1, 1),
                       "group has 2 rows but y has 3"),
}


@pytest.mark.parametrize("case", TEXTBOOK)
def test_textbook(case):
    call, message = TEXTBOOK[case]
    with pytest.raises(ValueError, match=message):
        call()


MODEL = lmm.fit("y ~ method + (1 | tablet)", TABLETS)
INFERENCE = {
    "L too long": (lambda: MODEL.contrast([1, 0, 0]),
                   "L has 3 columns but there are 2 fixed effects: Intercept, "),
    "L of zeros": (lambda: MODEL.contrast({"a": [0, 0]}), "row 'a' of L is all zeros"),
    "L of zeros, a number": (lambda: MODEL.contrast(pd.DataFrame([[1, 0], [0, 0]], index=[5, 8])),
                             "row 8 of L is all zeros"),
    "L with NaN": (lambda: MODEL.contrast([np.nan, 1]), "NaN or infinite"),
    "no such factor": (lambda: MODEL.ls_means("tablet"),
                       "'tablet' is not a factor of the fixed part; there are: method"),
    "no such df": (lambda: MODEL.coef_table(df="magic"),
                   "df must be one of satterthwaite, kenward-roger, containment, not 'magic'"),
    "no such type": (lambda: MODEL.anova(type=4), "type must be 1"),
    "no such id": (lambda: lmm.quoted.compare({"s99.01": 1}), "unknown id 's99.01'"),
}


@pytest.mark.parametrize("case", INFERENCE)
def test_inference(case):
    call, message = INFERENCE[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_fit_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(lmm.engine.search, "MAX_EVALUATIONS", 0)
    unbalanced = lmm.load("sleepstudy").iloc[:-3]        # of balanced data the start is the optimum
    with pytest.warns(RuntimeWarning,
                      match=r"has not converged after \d+ evaluations; do not trust it"):
        stuck = lmm.fit("Reaction ~ Days + (Days | Subject)", unbalanced)
    assert not stuck.converged and "NOT CONVERGED" in stuck.summary()
