"""Every R block of the book is run in R, and what the book says R prints is what it prints."""

import pytest

from conftest import r_packages, rscript
from tests.r import book
from tests.r.book import NOT_RUN, PHRASEBOOK, missing, pages, pieces, preamble

# the versions that the book quotes; with others the last digits may differ
VERSIONS = {"base": "4.2.2", "lme4": "1.1-31", "nlme": "3.1-162", "lmerTest": "3.1-3",
            "pbkrtest": "0.5.2", "emmeans": "1.8.4-1"}
# page, beginning of the block: why the tests do not run it
EXCUSED = {
    ("phrasebook", "PAMM("): "Debian has no package pamm",
    ("20_bayes", "brm("): "brms compiles each model by Stan: minutes, and a compiler",
}
WITH_R = [path for path in pages() if book.blocks(path)]


def live(path):
    """The pieces of a page that are run."""
    run = [block for block in book.blocks(path) if NOT_RUN not in block and block != preamble()]
    return [piece for block in run for piece in pieces(block)]


def quoted_versions():
    here = r_packages()
    return all(here.get(name) == version for name, version in VERSIONS.items())


def not_run(path):
    return [block for block in book.blocks(path) if NOT_RUN in block]


@pytest.mark.parametrize("path", [*filter(live, WITH_R)], ids=lambda path: path.stem)
def test_R_prints_what_the_book_says(path, tmp_path):
    printed = book.run([piece.code for piece in live(path)], tmp_path)
    for piece, lines in zip(live(path), printed, strict=True):
        what = "\n".join([piece.code, *lines])
        assert missing(piece.says, lines, quoted_versions()) is None, what
        errors = [line for line in lines if line.startswith("Error: ")]
        assert not errors or any(line.strip().startswith("Error: ") for line in piece.says), what


def test_the_phrasebook_begins_with_the_tables():
    assert WITH_R.count(PHRASEBOOK) == 1 and "#>" not in preamble()


def test_a_block_that_is_not_run_says_so_and_is_excused():
    found = [(path.stem, block) for path in WITH_R for block in not_run(path)]
    assert sorted((page, block[:block.index("(") + 1]) for page, block in found) == sorted(EXCUSED)
    assert all("#>" not in block for _, block in found)


def test_a_wrong_digit_a_wrong_order_and_a_gap_are_seen():
    printed = ["  a  1.25", "", "b 2.50", "c 3", "d 4"]
    assert missing(["a 1.25", "b 2.50"], printed) is None
    assert missing(["a 1.25", "...", "d 4"], printed) is None
    assert missing(["a 1.26"], printed) == "a 1.26"
    assert missing(["a 1.25", "c 3"], printed) == "c 3"
    assert missing(["b 2.50", "...", "a 1.25"], printed) == "a 1.25"
    assert missing(["a 1.26", "b 2.50"], printed, exact=False) is None
    assert missing(["a 1.28"], printed, exact=False) == "a 1.28"


def test_an_error_in_R_is_seen(tmp_path):
    assert book.run(["stop('no')", "1 + 1"], tmp_path) == [["Error: no"], ["[1] 2"]]
    with pytest.raises(AssertionError, match="oh dear"):
        rscript("stop('oh dear')")
