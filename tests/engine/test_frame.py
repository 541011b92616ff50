"""Columns of every kind: as R takes them, or a clear error.

Tables of polars and Arrow are tested where these are installed; readers need neither.
"""

import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import pytest

import lmm

SLEEP = lmm.load("sleepstudy")
rng = np.random.default_rng(5)
DATA = SLEEP.assign(late=rng.random(180) < 0.4, f=np.array(["a", "b c", "d"])[np.arange(180) % 3],
                    Subject=SLEEP["Subject"].astype(int))
FORMULA = "Reaction ~ Days * f + late + I(Days**2) + Days:late + (1 + Days | Subject)"
EXPECTED = lmm.fit(FORMULA, DATA)


def arrow(values, kind):
    pyarrow = pytest.importorskip("pyarrow")
    return values.astype(pd.ArrowDtype(getattr(pyarrow, kind)()))


# Numbers ---------------------------------------------------------------------------------------

INTEGERS = ["int8", "int16", "uint8", "uint16", "int32", "uint64", "Int8", "UInt8", "Int64",
            "float32", "Float32", "Float64"]


@pytest.mark.parametrize("kind", INTEGERS)
def test_small_integers_do_not_overflow(kind):
    data = SLEEP.assign(x=SLEEP["Days"] * 13 + 1, z=np.arange(180) % 9 * 14)
    small = data.assign(x=data["x"].astype(kind), z=data["z"].astype(kind))
    for formula in ["Reaction ~ I(x**2) + x:z + (1 | Subject)",
                    "Reaction ~ I(x - 50) + I(-x) * z + (1 | Subject)",
                    "Reaction ~ x + (I(x - 50) | Subject)", "Reaction ~ x * z + (x:z || Subject)",
                    "x - z ~ Days",
                    "x * z ~ Days + (1 | Subject)", "Reaction ~ I(1 / (x + z)) + I(x**-2)"]:
        kwargs = {"rank_deficient": "drop"} if "-x" in formula else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if kwargs else "error", RuntimeWarning)
            got = lmm.fit(formula, small, **kwargs)
            expected = lmm.fit(formula, data.astype({"x": float, "z": float}), **kwargs)
        assert got.criterion == pytest.approx(expected.criterion, rel=1e-12), formula
        np.testing.assert_allclose(got.predict(data.head(9)), expected.fittedvalues[:9], rtol=1e-9)
        np.testing.assert_allclose(expected.predict(small.head(9)), expected.fittedvalues[:9],
                                   rtol=1e-9)


def test_codes_of_categories():
    """pandas' cat.codes are int8; lme4 of the same integers."""
    data = SLEEP.assign(x=pd.Categorical(SLEEP["Days"] * 7).codes)
    fit = lmm.fit("Reaction ~ I((x + 5)**2) + (1 | Subject)", data)
    # lme4: REMLcrit(lmer(Reaction ~ I((Days + 5)^2) + (1 | Subject), sleepstudy))
    assert fit.criterion == pytest.approx(1791.69095524938, abs=1e-8)


def test_numbers_keep_their_labels_as_groups_and_in_C():
    data = SLEEP.assign(half=(np.arange(180) % 2).astype("int8"),
                        Subject=SLEEP["Subject"].astype("int16"))
    fit = lmm.fit("Reaction ~ C(half) + half:Days + (1 | Subject)", data)
    assert list(fit.fe_params.index) == ["Intercept", "C(half)[T.1]", "half:Days"]
    assert list(fit.random_effects["Subject"].index[:2]) == [308, 309]
    assert list(fit.ls_means("half")["half"]) == [0, 1]


def test_a_column_of_floats_is_not_copied():
    values = SLEEP["Days"].astype(float)
    assert lmm.engine.columns.reals(values) is values


def test_decimals_are_numbers():
    data = SLEEP.assign(Days=[decimal.Decimal(int(d)) for d in SLEEP["Days"]])
    assert lmm.fit("Reaction ~ Days + (1 | Subject)", data).criterion == pytest.approx(
        lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP).criterion, rel=1e-13)


# Truth values ----------------------------------------------------------------------------------

def test_truth_values_are_factors_as_in_R():
    data = SLEEP.assign(b=np.arange(180) % 10 < 4, Days=SLEEP["Days"] + np.arange(180) % 7 / 5)
    fit = lmm.fit("Reaction ~ b * Days + (1 | Subject)", data)
    assert list(fit.fe_params.index) == ["Intercept", "b[T.True]", "Days", "b[T.True]:Days"]
    # lmerTest: anova(lmer(Reaction ~ b * Days + (1 | Subject)), type = 3) with b logical
    assert list(fit.anova()["F"]) == pytest.approx([0.188446396037954, 26.1763337648713,
                                                    0.625436928172255], rel=1e-6)
    means = fit.ls_means("b")
    assert list(means["b"]) == [False, True]
    # emmeans, at the mean of Days
    assert list(means["mean"]) == pytest.approx([298.303091993694, 290.390112726454], rel=1e-8)


@pytest.mark.parametrize("formula", ["Reaction ~ Days + (b | Subject)",
                                     "Reaction ~ Days + (0 + b | Subject)",
                                     "Reaction ~ 0 + b + (1 | Subject)",
                                     "Reaction ~ Days + (1 | Subject:b)",
                                     "Reaction ~ C(b, Sum) * Days + (1 | Subject)",
                                     "Reaction ~ Days * b + (1 | b:Subject)"])
def test_truth_values_are_their_names(formula):
    data = SLEEP.assign(b=np.arange(180) % 3 == 1)
    named = data.assign(b=np.where(data["b"], "True", "False"))
    got, expected = lmm.fit(formula, data), lmm.fit(formula, named)
    assert got.criterion == pytest.approx(expected.criterion, rel=1e-12)
    assert list(got.fe_params.index) == list(expected.fe_params.index)
    np.testing.assert_allclose(got.predict(data.head(5)), expected.predict(named.head(5)),
                               rtol=1e-10)


def test_truth_values_in_arithmetic_are_0_and_1():
    fit = lmm.fit("Reaction ~ I(late * 2 + Days) + (1 | Subject)", DATA)
    number = lmm.fit("Reaction ~ x + (1 | Subject)", DATA.assign(x=DATA["late"] * 2 + DATA["Days"]))
    assert fit.criterion == pytest.approx(number.criterion, rel=1e-13)
    np.testing.assert_allclose(fit.predict(DATA.head(3)), number.fittedvalues[:3], rtol=1e-10)


def test_truth_values_do_not_go_with_two_bars():
    with pytest.raises(ValueError,
                       match=r"\|\| separates columns of numbers, and 'late' is a factor"):
        lmm.fit("Reaction ~ Days + (late || Subject)", DATA)


# Text and tables of other kinds ----------------------------------------------------------------

KINDS = {
    "string (python)": lambda d: d.assign(f=d["f"].astype(pd.StringDtype("python"))),
    "object": lambda d: d.astype({"f": object, "late": object}),
    "category": lambda d: d.astype({"f": "category", "late": "category"}),
    "category of string": lambda d: KINDS["string (python)"](d).astype({"f": "category"}),
    "boolean": lambda d: d.astype({"late": "boolean"}),
    "convert_dtypes": lambda d: d.convert_dtypes(),
    "string (pyarrow)": lambda d: d.assign(f=arrow(d["f"], "string")),
    "bool[pyarrow]": lambda d: d.assign(late=arrow(d["late"], "bool_")),
    "int8[pyarrow]": lambda d: d.assign(Days=arrow(d["Days"], "int8")),
    "pyarrow": lambda d: pytest.importorskip("pyarrow")
    and d.convert_dtypes(dtype_backend="pyarrow"),
}


def same_as_expected(data, new):
    fit = lmm.fit(FORMULA, data)
    assert fit.criterion == pytest.approx(EXPECTED.criterion, rel=1e-12)
    assert list(fit.fe_params.index) == list(EXPECTED.fe_params.index)
    levels = fit.random_effects["Subject"].index
    assert list(levels) == list(EXPECTED.random_effects["Subject"].index)
    np.testing.assert_allclose(fit.predict(new, interval=0.9),
                               EXPECTED.predict(DATA.head(20), interval=0.9), rtol=1e-8)
    np.testing.assert_allclose(EXPECTED.predict(new), EXPECTED.fittedvalues[:20], rtol=1e-10)
    for factor in ("f", "late"):
        assert list(fit.ls_means(factor)[factor]) == list(EXPECTED.ls_means(factor)[factor])
        np.testing.assert_allclose(fit.ls_means(factor)["mean"], EXPECTED.ls_means(factor)["mean"],
                                   rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_columns(kind):
    data = KINDS[kind](DATA)
    same_as_expected(data, data.head(20))


@pytest.mark.parametrize("kind", ["boolean", "bool[pyarrow]", "string (python)",
                                  "string (pyarrow)"])
def test_missing_values_of_every_kind(kind):
    data = KINDS[kind](DATA)
    name = "late" if "bool" in kind else "f"
    data[name] = data[name].mask(data["Days"] == 3)
    assert lmm.fit(f"Reaction ~ {name} + (1 | Subject)", data).nobs == 162


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries(library):
    pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    table = polars.from_pandas(DATA) if library == "polars" else polars.from_pandas(DATA).to_arrow()
    same_as_expected(table, table[:20])


def test_polars_factors_and_missing_values():
    pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    levels = polars.Enum(["d", "a", "b c"])
    table = polars.from_pandas(DATA).with_columns(polars.col("f").cast(levels))
    got = lmm.fit("Reaction ~ f + (1 | Subject)", table)
    assert list(got.fe_params.index) == ["Intercept", "f[T.a]", "f[T.b c]"]
    but = polars.when(polars.col("Days") == 3).then(None).otherwise(polars.col("late"))
    gap = table.with_columns(but.alias("late"))
    assert lmm.fit("Reaction ~ late + (1 | Subject)", gap).nobs == 162
    with pytest.raises(ValueError, match=r"not computed yet; call .collect\(\)"):
        lmm.fit("Reaction ~ f", table.lazy())


@pytest.mark.parametrize("data", [{"y": [1]}, np.ones((3, 2)), SLEEP["Days"], None, "planks",
                                  [1, 2]])
def test_what_is_no_table(data):
    with pytest.raises(ValueError,
                       match="data must be a pandas DataFrame, not .*; tables of polars and Arrow "
                             "are taken"):
        lmm.fit("y ~ 1", data)
    with pytest.raises(ValueError, match="new_data must be a pandas DataFrame, not"
                       if data is not None else "DataFrame"):
        EXPECTED.predict(data if data is not None else 3)


# Dates, and labels of every kind ---------------------------------------------------------------

START = pd.Timestamp("2024-02-27")
TIMES = {
    "datetime64": START + pd.to_timedelta(SLEEP["Days"], unit="D"),
    "with a zone": (START + pd.to_timedelta(SLEEP["Days"],
                                            unit="D")).dt.tz_localize("Europe/Prague"),
    "date": (START + pd.to_timedelta(SLEEP["Days"], unit="D")).dt.date,
    "timedelta64": pd.to_timedelta(SLEEP["Days"], unit="D"),
    "timedelta": pd.Series([datetime.timedelta(days=int(d)) for d in SLEEP["Days"]], dtype=object),
    "period": (START + pd.to_timedelta(SLEEP["Days"], unit="D")).dt.to_period("D"),
}


@pytest.mark.parametrize("kind", TIMES)
def test_dates_are_no_covariates_but_groups(kind):
    data = SLEEP.assign(when=TIMES[kind])
    for formula in ["Reaction ~ when + (1 | Subject)", "Reaction ~ Days + (when | Subject)",
                    "Reaction ~ C(when)",
                    "Reaction ~ I(when - when)"]:
        with pytest.raises(ValueError,
                           match="column 'when' holds dates or times .* make them numbers first"):
            lmm.fit(formula, data)
    with pytest.raises(ValueError, match="response 'when' is not numeric"):
        lmm.fit("when ~ Days", data)
    got, days = (lmm.fit(f"Reaction ~ 1 + (1 | {g})", data) for g in ("when", "Days"))
    assert got.criterion == pytest.approx(days.criterion, rel=1e-13)
    np.testing.assert_allclose(got.predict(data.head(12)), days.fittedvalues[:12], rtol=1e-12)


@pytest.mark.parametrize("labels, message", [
    (list(zip(SLEEP["Days"], SLEEP["Days"])),
     r"'g' has labels such as \(0, 0\); make them text: data\['g'\].map\(str\)"),
    ([[d] for d in SLEEP["Days"]], r"labels such as \[0\]"),
    ([{d} for d in SLEEP["Days"]], "labels such as"),
])
def test_labels_that_are_none(labels, message):
    for formula in ("Reaction ~ g", "Reaction ~ 1 + (1 | g)"):
        with pytest.raises(ValueError, match=message):
            lmm.fit(formula, SLEEP.assign(g=labels))


def test_complex_covariates():
    with pytest.raises(ValueError, match="'x' holds complex numbers"):
        lmm.fit("Reaction ~ x", SLEEP.assign(x=SLEEP["Days"] + 1j))


@pytest.mark.parametrize("labels", [
    pd.cut(SLEEP["Days"], [-1, 3, 6, 9]), [b"x" if d < 4 else b"y" for d in SLEEP["Days"]],
    [d if d < 3 else "late" for d in SLEEP["Days"]], [None if d == 4 else str(d > 4)
                                                      for d in SLEEP["Days"]],
    SLEEP["Days"].astype("category"), pd.Categorical(SLEEP["Days"] // 4, ordered=True)])
def test_labels_of_every_kind(labels):
    data = SLEEP.assign(g=labels)
    text = data.assign(g=pd.Categorical(pd.Categorical(labels).codes.astype(str)))
    text["g"] = text["g"].cat.remove_categories([c for c in text["g"].cat.categories if c == "-1"])
    got, expected = (lmm.fit("Reaction ~ g + (1 | Subject)", d) for d in (data, text))
    assert got.criterion == pytest.approx(expected.criterion, rel=1e-12)
    assert len(got.ls_means("g")) == len(expected.ls_means("g"))
