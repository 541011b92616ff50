"""The book as its reader and its editor want it."""

import re

import pytest
import yaml

from conftest import CHAPTERS, ROOT, notebook, printed, source

PARTS = ["The question", "The wrong analysis first", "The same with `lmm`", "Check yourself", "Exercises", "Takeaways",
         "New symbols"]
PLANKS = "14_planks"                              # the lecture's exercise, solved: a longer chapter than others
chapters = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)


def text(path):
    return "\n".join(source(c) for c in notebook(path)["cells"] if c["cell_type"] == "markdown")


def code(path):
    return [c for c in notebook(path)["cells"] if c["cell_type"] == "code"]


def test_the_toc_holds_every_chapter():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert [f for f in files if f[5:7].isdigit()] == [str(p.relative_to(ROOT).with_suffix("")) for p in CHAPTERS]


def test_the_front_page_maps_every_slide_to_its_chapter():
    front = (ROOT / "book" / "index.md").read_text()
    slides = []
    for first, last, stem in re.findall(r"^\| (\d+)(?: to (\d+))? \| .*\(([\w]+)\) \|$", front, re.MULTILINE):
        assert (ROOT / "book" / f"{stem}.ipynb").exists()
        covered = re.search(r"\*\*Slides?\*\* (\d+)(?: (?:to|and) (\d+))?", text(ROOT / "book" / f"{stem}.ipynb"))
        assert covered.groups() == (first, last or None), stem
        slides += range(int(first), int(last or first) + 1)
    assert slides == list(range(3, 44))           # slides 1 and 2 are the title and the lecture's own introduction
    beyond = [path.stem for path in CHAPTERS if "**Slides** none: beyond the lecture" in text(path)]
    assert beyond == re.findall(r"^\| \[[^]]*\]\((\w+)\) \|", front, re.MULTILINE)


@chapters
def test_parts_of_a_chapter(path):
    headings = re.findall(r"^## (.*)$", text(path), re.MULTILINE)
    places = [headings.index(part) for part in PARTS]
    assert places == sorted(places) and "A check against" in " ".join(headings)
    assert len(re.findall(r"^# ", text(path), re.MULTILINE)) == 1
    assert "{admonition} At a glance" in text(path) and "**Time**" in text(path) and "You will be able to" in text(path)


@chapters
def test_size_of_a_chapter(path):
    most_cells, most_words = (44, 2400) if path.stem == PLANKS else (40, 2000)
    assert 15 <= len(notebook(path)["cells"]) <= most_cells
    prose = re.sub(r"^```r$.*?^```$", "", text(path).replace(questions(path), ""), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"<details.*?</details>", "", prose, flags=re.DOTALL)                  # proofs are folded
    assert 800 <= len(prose.split()) <= most_words
    for cell in code(path):
        assert max(map(len, source(cell).splitlines())) <= 72, source(cell)


def questions(path):
    """The part `Check yourself`, up to the next heading."""
    return re.search(r"^## Check yourself$.*?(?=^## )", text(path), re.MULTILINE | re.DOTALL).group(0)


@chapters
def test_a_wrong_answer_says_what_is_wrong_with_it(path):
    asked = re.split(r"^\*\*\d\.\*\* ", questions(path), flags=re.MULTILINE)[1:]
    assert 3 <= len(asked) <= 4 and len(questions(path).split()) <= 460
    for question in asked:
        answers = re.findall(r"<details><summary>[^$<]+</summary>\n\n\*(Yes|No)\.\* (.*?)\n\n</details>", question, re.DOTALL)
        assert question.count("<details>") == len(answers) >= 3, question
        assert [said for said, _ in answers].count("Yes") == 1 and min(len(why) for said, why in answers if said == "No") > 30, question


@chapters
def test_exercises_have_a_hint_and_a_hidden_solution(path):
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: ([\w-]+)", text(path))
    solutions = re.findall(r"\{solution(?:-start)?\} ([\w-]+)\n:class: dropdown", text(path))
    assert 2 <= len(exercises) <= 4 and solutions == exercises
    assert text(path).count("{admonition} Hint\n:class: tip, dropdown") == len(exercises)


@chapters
def test_every_picture_has_alt_text(path):
    pictures = [c for c in code(path) if "<Figure" in printed(c)]
    assert len(pictures) >= 2
    for cell in pictures:
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        assert len(alt) > 60, source(cell)


@chapters
def test_stored_notebook_is_clean(path):
    stored = notebook(path)
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    assert [c["execution_count"] for c in code(path)] == list(range(1, len(code(path)) + 1))
    for cell in code(path):
        for output in cell["outputs"]:
            assert output["output_type"] != "error" and output.get("name") != "stderr"
            assert not any(kind.startswith("image/") for kind in output.get("data", {}))
        assert not re.search(r"0x[0-9a-f]{6,}|-0\.0+\b(?!\d)", printed(cell)), printed(cell)


@chapters
def test_chapter_reads_no_file_and_hides_no_warning(path):
    everything = "\n".join(source(c) for c in code(path))
    assert not re.search(r"read_csv|open\(|filterwarnings|simplefilter|data/", everything)
    for call in re.findall(r"\.(?:coef_table|ls_means|conf_int|contrast|summary|anova)\((?!\))", everything):
        assert "df=" in everything, call


def test_textbook_wing_does_not_import_the_engine_wing():
    for name in ("check", "data", "design", "moments", "likelihood", "henderson", "shrinkage"):
        imports = re.findall(r"^(?:from|import) .*$", (ROOT / "lmm" / f"{name}.py").read_text(), re.MULTILINE)
        assert not [i for i in imports if re.search(r"products|blocks|engine|search|model|formula|frame|inference|plots", i)], name


def test_readme_example_is_true():
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    names = {}
    *statements, _ = [line for line in block.splitlines() if line and not line.startswith("#")]
    expression = re.search(r"^fit\..*$", block, re.MULTILINE).group(0)
    exec("\n".join(line for line in statements if not line.startswith("fit.")), names)
    shown = [line[2:] for line in block.splitlines() if line.startswith("# ")]
    assert str(eval(expression, names)).splitlines() == shown
