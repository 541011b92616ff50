"""What a reader's browser has to load: what the page uses, scripts after the text, pictures when they come near.

book/_templates/static/webpack-macros.html links `theme-light.css`, which is made here from the theme's own files: its
styles with those icons only that the pages use, and their glyphs as fonts inside.
"""

import base64
import re
import shutil
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

from fontTools import subset
from PIL import Image

CODE = 'class="highlight'
USED_WITH = {"design-tabs.js": 'class="sd-tab', "sphinx-design.min.css": 'class="sd-', "exercise.css": 'class="exercise',
             "clipboard.min.js": CODE, "copybutton.js": CODE, "copybutton.css": CODE,
             "formulas.js": "math notranslate", "explore.js": "data-explore=", "explore.css": "data-explore="}
ICON = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')
FACE = re.compile(r"src:url\(\.\./(vendor/fontawesome/webfonts/[\w-]+)\.woff2\)[^}]*")


# ---- each page ----

def formulas(app, config):
    """MathJax in parts, which _config.yml names: the whole in one file is twice as large with a menu at each formula."""
    config.mathjax_path = "mathjax/startup.js"


def head(app, pagename, templatename, context, doctree):
    """No styles and scripts of what is not on the page; the other scripts run when the page has been read."""
    for files in (context["css_files"], context["script_files"]):
        files[:] = [file for file in files if is_used(file, context.get("body", ""))]
    for script in context["script_files"]:
        if pagename == "search":                           # whose own scripts expect the others before them
            script.attributes.pop("defer", None)
        elif script.filename:
            script.attributes["defer"] = "defer"


def is_used(file, body):
    if not file.filename:                                  # a line of script; this one is for versions of a site
        return not file.attributes.get("body", "").startswith("DOCUMENTATION_OPTIONS.pagename")
    return USED_WITH.get(Path(file.filename).name, "") in body


def finish(app, exception):
    """After all pages and files: sizes of pictures, and the light styles."""
    if exception or app.builder.format != "html":
        return
    static, pages = Path(app.outdir, "_static"), sorted(Path(app.outdir).rglob("*.html"))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        with_sizes = re.sub(r"<img (?![^>]*width=)[^>]*>", lambda found: with_size(found.group(0), page.parent), text)
        if with_sizes != text:
            page.write_text(with_sizes, encoding="utf-8")
    scripts = (static / "scripts").glob("*-theme.js")
    used = set(re.findall(r"fa-[\w-]+", "".join(path.read_text(encoding="utf-8") for path in [*pages, *scripts])))
    (static / "styles" / "theme-light.css").write_text(light_styles(static, used), encoding="utf-8")
    shutil.rmtree(static / "vendor")
    for path in static.glob("scripts/fontawesome.js*"):
        path.unlink()


def with_size(tag, folder):
    """A picture with its size, so that the text does not jump, that is loaded when it comes near."""
    path = folder / unquote(re.search(r'src="([^"]*)"', tag).group(1))
    if path.suffix == ".svg":
        box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', path.read_text(encoding="utf-8"))
        width, height = (round(float(side)) for side in box.groups())
    else:
        width, height = Image.open(path).size
    return tag.replace("<img", f'<img width="{width}" height="{height}" loading="lazy" decoding="async"', 1)


# ---- styles and icons ----

def light_styles(static, used):
    """The theme's styles with the icons whose class is in `used`."""
    styles = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    styles = ICON.sub(lambda rule: rule.group(0) if used & set(re.findall(r"fa-[\w-]+", rule.group(0))) else "", styles)
    book = (static / "styles" / "sphinx-book-theme.css").read_text(encoding="utf-8")
    codes = {int(code, 16) for code in re.findall(r'"\\([0-9a-f]{4})"', styles + book)}
    codes |= {ord(letter) for letter in styles if "\ue000" <= letter <= "\uf8ff"}
    styles = FACE.sub(lambda face: f"src:url({glyphs(static / f'{face.group(1)}.ttf', codes)})", styles)
    return re.sub(r"/\*# sourceMappingURL=.*?\*/", "", styles)


def glyphs(path, codes):
    """The glyphs of a font for some codes, as a font in an address."""
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, name_IDs=[])
    font, letters = subset.load_font(path, options), subset.Subsetter(options)
    letters.populate(unicodes=codes)
    letters.subset(font)
    file = BytesIO()
    subset.save_font(font, file, options)
    return "data:font/woff;base64," + base64.b64encode(file.getvalue()).decode()


def setup(app):
    app.connect("config-inited", formulas)
    app.connect("html-page-context", head, priority=900)   # after all others have added theirs
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
