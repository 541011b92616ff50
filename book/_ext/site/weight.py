"""What a reader's browser has to load: one style sheet, scripts that the page uses, pictures when they come near.

book/_templates/static/webpack-macros.html links `theme-light.css`, which is made here from the theme's own files: its
styles with those icons only that the pages use, and their glyphs as fonts inside. With all others it becomes `all.css`.
"""

import base64
import re
import shutil
import zlib
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

from fontTools import subset
from PIL import Image

CODE = 'class="highlight'
USED_WITH = {"design-tabs.js": 'class="sd-tab', "clipboard.min.js": CODE, "copybutton.js": CODE, "explore.js": "data-explore="}
SHEET = re.compile(r'<link [^>]*href="[^"]*_static/([^"?]+\.css)[^"]*"[^>]*>\s*')
ICON = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')
FACE = re.compile(r"src:url\(\.\./(vendor/fontawesome/webfonts/[\w-]+)\.woff2\)[^}]*")


# ---- each page ----

def head(app, pagename, templatename, context, doctree):
    """No scripts of what is not on the page; the others run when the page has been read."""
    context["script_files"][:] = [file for file in context["script_files"] if is_used(file, context.get("body", ""))]
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
    static = Path(app.outdir, "_static")
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(Path(app.outdir).rglob("*.html"))
             if static not in page.parents}
    scripts = "".join(path.read_text(encoding="utf-8") for path in (static / "scripts").glob("*-theme.js"))
    used = set(re.findall(r"fa-[\w-]+", "".join([*pages.values(), scripts])))
    (static / "styles" / "theme-light.css").write_text(light_styles(static, used), encoding="utf-8")
    version = one_sheet(static, pages.values())
    for page, text in pages.items():
        text = re.sub(r"<img (?![^>]*width=)[^>]*>", lambda found: with_size(found.group(0), page.parent), text)
        page.write_text(with_one_sheet(text, version), encoding="utf-8")
    shutil.rmtree(static / "vendor")
    for path in static.glob("scripts/fontawesome.js*"):
        path.unlink()


def one_sheet(static, pages):
    """Write all style sheets into one, in the order of the pages that have most; a number that changes with it."""
    sheets = sorted((SHEET.findall(text) for text in pages), key=len, reverse=True)
    order = dict.fromkeys(name for names in sheets for name in names)
    text = "\n".join((static / name).read_text(encoding="utf-8").replace('@charset "UTF-8";', "") for name in order)
    (static / "all.css").write_text(text, encoding="utf-8")
    return f"{zlib.crc32(text.encode()):08x}"


def with_one_sheet(text, version):
    """The page with a link to all.css in place of its first link to a style sheet, and without the others."""
    first = SHEET.search(text)
    if first is None:
        return text
    link = re.sub(r"_static/.*?\.css[^\"]*", f"_static/all.css?v={version}", first.group(0))
    return text[:first.start()] + link + SHEET.sub("", text[first.end():])


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
    app.connect("html-page-context", head, priority=900)   # after all others have added theirs
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
