"""Tables as a notebook shows them."""

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import lmm

PLANKS = lmm.load("planks")
FORMULA = "humidity ~ width * depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)"
FIT = lmm.fit(FORMULA, PLANKS)
TABLES = {
    "coef_table": lambda: FIT.coef_table(), "anova": lambda: FIT.anova(),
    "ranova": lambda: FIT.ranova(),
    "pairs": lambda: FIT.pairs("width"), "ls_means": lambda: FIT.ls_means("width:depth"),
    "letters": lambda: FIT.letters("depth"), "variance_components": lambda: FIT.variance_components,
    "contrast": lambda: FIT.contrast(np.eye(15)[:2]),
}


def words(html):
    """Caption, header cells, and the words of each row."""
    soup = BeautifulSoup(html, "html.parser")
    caption = soup.caption.get_text() if soup.caption else None
    head, *rows = [[cell.get_text() for cell in row.find_all(["th", "td"])]
                   for row in soup.find_all("tr")]
    return caption, head, rows


@pytest.mark.parametrize("name", TABLES)
def test_results_are_tables_with_a_caption_and_the_same_words_as_text(name):
    table = TABLES[name]()
    assert isinstance(table, pd.DataFrame)
    caption, head, rows = words(table._repr_html_())
    first, *lines = repr(table).splitlines()
    if "note" in table.attrs:
        assert rows.pop() == [lines.pop()] == [table.attrs["note"]]
    assert first == f"{caption}:" and len(rows) == len(table) == len(lines) - 1
    for row, line in zip([head, *rows], lines):
        assert "".join(row).replace(" ", "") == line.replace(" ", "")


def test_the_degrees_of_freedom_of_the_caption():
    adjusted = FIT.pairs("width", df="kenward-roger")
    assert words(adjusted._repr_html_())[0].endswith("(p: tukey; df: kenward-roger)")
    plain = lmm.fit("humidity ~ width", PLANKS).coef_table()
    assert words(plain._repr_html_())[0] == "Fixed effects (df: residual)"


def test_formats():
    data = pd.DataFrame({
        "what": ["a <b>", "c"], "estimate": [12.34567, -0.00001], "se": [0.1234567, 5.0],
        "df": [19.0, 123.456],
        "t": [100.0, -0.001], "p": [1e-9, 0.04999], "n": [3, 4], "missing": [np.nan, 2.5]})
    caption, head, rows = words(lmm.table(data, "A caption")._repr_html_())
    assert caption == "A caption" and head == list(data.columns)
    assert rows[0] == ["a <b>", "12.3457", "0.1235", "19", "100.00", "<.0001", "3", ""]
    assert rows[1] == ["c", "0.0000", "5.0000", "123.5", "0.00", "0.0500", "4", "2.500"]


def test_digits_can_be_chosen():
    data = pd.DataFrame({"x": [1.23456, 2.0], "p": [0.123456, 0.5]})
    assert repr(lmm.table(data, digits=1)).split() == ["x", "p", "1.2", "0.1235", "2.0", "0.5000"]
    shown = repr(lmm.table(data, digits={"x": 0, "p": 2}))
    assert shown.split() == ["x", "p", "1", "0.12", "2", "0.50"]
    assert repr(lmm.table(data).round(2)).split() == ["x", "p", "1.23", "0.1235", "2.00", "0.5000"]


def test_labels_of_rows_are_shown_unless_they_count():
    counted = lmm.table(pd.DataFrame({"x": [1, 2]}))
    assert repr(counted).split() == ["x", "1", "2"]
    named = lmm.table(pd.DataFrame({"x": [1, 2]}, index=pd.Index([5, 7], name="day")))
    assert repr(named).split() == ["day", "x", "5", "1", "7", "2"]
    index = pd.MultiIndex.from_tuples([("a", 2)], names=["g", "h"])
    several = lmm.table(pd.DataFrame({"x": [1]}, index=index))
    assert words(several._repr_html_())[1:] == (["g h", "x"], [["a 2", "1"]])


def test_values_stay_as_they_are():
    table = FIT.coef_table()
    assert table["estimate"].iloc[0] == FIT.fe_params.iloc[0]
    assert type(table["estimate"]) is pd.Series
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(lmm.table(table, digits=1)))


def test_an_empty_or_a_long_table_is_shown_as_pandas_does():
    long = pd.DataFrame({"x": np.arange(100.0)})
    assert repr(lmm.table(long)) == repr(long)
    assert repr(lmm.table(long[:0])).startswith("Empty Table")
