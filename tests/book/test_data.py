import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import ROOT


def test_tablets_as_on_slide_14():
    tablets = lmm.load("tablets")
    wide = tablets.pivot(index="tablet", columns="method", values="y")
    assert list(wide["hplc"]) == [10.4, 10.6, 10.2, 10.1, 10.3, 10.7, 10.3, 10.9, 10.1, 9.8]
    assert list(wide["nir"]) == [10.1, 10.8, 10.2, 9.9, 11.0, 10.5, 10.2, 10.9, 10.4, 9.9]
    assert list(tablets.columns) == ["tablet", "method", "y"]
    assert list(tablets["method"].cat.categories) == ["nir", "hplc"]


def test_missing_values_as_on_slide_23():
    table = lmm.load("tablets_missing")
    wide = table.pivot(index="tablet", columns="method", values="y")
    assert len(table) == 40 and table["y"].isna().sum() == 10
    assert list(wide.loc[11:15, "nir"]) == [10.8, 9.8, 10.5, 10.3, 9.7]
    assert wide.loc[11:15, "hplc"].isna().all()
    assert list(wide.loc[16:20, "hplc"]) == [10.3, 9.6, 10.0, 10.2, 9.9]
    assert wide.loc[16:20, "nir"].isna().all()
    pd.testing.assert_frame_equal(table[:20], lmm.load("tablets").assign(
        tablet=lambda t: t["tablet"].cat.set_categories(range(1, 21))))


def test_factors_are_categorical_and_datasets_are_listed():
    listed = lmm.datasets().set_index("name")
    assert list(listed.columns) == ["rows", "source"]
    for name, (factors, _) in lmm.data.TABLES.items():
        table = lmm.load(name)
        assert len(table) == listed.loc[name, "rows"]
        assert all(isinstance(table[f].dtype, pd.CategoricalDtype) and table[f].notna().all()
                   for f in factors)
        assert set(table.columns) - set(factors) == set(table.select_dtypes(np.number).columns)


def test_each_table_has_its_source_in_the_readme():
    text = (ROOT / "data" / "README.md").read_text()
    assert [f.name for f in (ROOT / "data").glob("*.csv") if f.name not in text] == []


def test_unknown_name():
    with pytest.raises(ValueError, match="unknown data set 'tablet'; there are: tablets, "):
        lmm.load("tablet")
