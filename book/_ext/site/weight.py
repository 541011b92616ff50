"""What a reader's browser has to load.

One style sheet, scripts that the page uses, pictures when they come near.

book/_templates/static/webpack-macros.html links `theme-light.css`, which is made here from the
theme's own files: its styles with those icons only that the pages use, and their glyphs as fonts
inside. With all others it becomes `all.css`.
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
USED_WITH = {"design-tabs.js": 'class="sd-tab', "clipboard.min.js": CODE, "copybutton.js": CODE,
             "explore.js": "data-explore="}
SHEET = re.compile(r'<link [^>]*href="[^"]*_static/([^"?]+\.css)[^"]*"[^>]*>\s*')
CLASS = re.compile(r"fa-[\w-]+")
ICON = re.compile(r'(?:\.fa-[\w-]+(?::before)?,?)+\{(?:content|--fa):"[^"]*"\}')
FACE = re.compile(r"src:url\(\.\./(vendor/fontawesome/webfonts/[\w-]+)\.woff2\)[^}]*")


# ---- each page ----

def scripts(app, pagename, templatename, context, doctree):
    """No scripts of what is not on the page; the others run when the page has been read."""
    body = context.get("body", "")
    files = context["script_files"]
    files[:] = [file for file in files if is_used(file, body)]
    for script in files:
        if pagename == "search":                # whose own scripts expect the others before them
            script.attributes.pop("defer", None)
        elif script.filename:
            script.attributes["defer"] = "defer"


def is_used(file, body):
    if not file.filename:                        # a line of script; this is for versions of a site
        return not file.attributes.get("body", "").startswith("DOCUMENTATION_OPTIONS.pagename")
    return USED_WITH.get(Path(file.filename).name, "") in body


def lighten(static, pages):
    """{path: HTML} with one style sheet and the sizes of pictures; unused files are removed."""
    scripts = [path.read_text(encoding="utf-8") for path in (static / "scripts").glob("*-theme.js")]
    used = set(CLASS.findall("".join([*pages.values(), *scripts])))
    light = light_styles(static, used)
    (static / "styles" / "theme-light.css").write_text(light, encoding="utf-8")
    version = one_sheet(static, pages.values())
    shutil.rmtree(static / "vendor")
    for path in static.glob("scripts/fontawesome.js*"):
        path.unlink()
    return {path: with_one_sheet(with_sizes(text, path.parent), version)
            for path, text in pages.items()}


def one_sheet(static, pages):
    """Write all style sheets into one, in the order of the pages that have most; gives its hash."""
    sheets = sorted((SHEET.findall(text) for text in pages), key=len, reverse=True)
    order = dict.fromkeys(name for names in sheets for name in names)
    text = "\n".join((static / name).read_text(encoding="utf-8") for name in order)
    text = text.replace('@charset "UTF-8";', "")
    (static / "all.css").write_text(text, encoding="utf-8")
    return f"{zlib.crc32(text.encode()):08x}"


def with_one_sheet(text, version):
    """The page with a link to all.css instead of all its links to style sheets."""
    first = SHEET.search(text)
    if first is None:
        return text
    link = re.sub(r"_static/.*?\.css[^\"]*", f"_static/all.css?v={version}", first[0])
    return text[:first.start()] + link + SHEET.sub("", text[first.end():])


def with_sizes(text, folder):
    return re.sub(r"<img (?![^>]*width=)[^>]*>", lambda found: with_size(found[0], folder), text)


def with_size(tag, folder):
    """A picture with its size, so that the text does not jump, loaded when it comes near."""
    path = folder / unquote(re.search(r'src="([^"]*)"', tag)[1])
    if path.suffix == ".svg":
        svg = path.read_text(encoding="utf-8")
        box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', svg)
        width, height = (round(float(side)) for side in box.groups())
    else:
        width, height = Image.open(path).size
    shape = f'width="{width}" height="{height}"'
    return tag.replace("<img", f'<img {shape} loading="lazy" decoding="async"', 1)


# ---- styles and icons ----

def light_styles(static, used):
    """The theme's styles with the icons whose class is in `used`."""
    styles = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    styles = ICON.sub(lambda rule: rule[0] if used & set(CLASS.findall(rule[0])) else "", styles)
    book = (static / "styles" / "sphinx-book-theme.css").read_text(encoding="utf-8")
    codes = {int(code, 16) for code in re.findall(r'"\\([0-9a-f]{4})"', styles + book)}
    codes |= {ord(letter) for letter in styles if "\ue000" <= letter <= "\uf8ff"}
    styles = FACE.sub(lambda face: f"src:url({glyphs(static / face[1], codes)})", styles)
    return re.sub(r"/\*# sourceMappingURL=.*?\*/", "", styles)


def glyphs(path, codes):
    """The glyphs of the theme's font `path` (without ending) for some codes, as a data address."""
    path = next(path.parent.glob(f"{path.name}.ttf"), path.with_suffix(".woff2"))
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, name_IDs=[])
    font = subset.load_font(path, options)
    letters = subset.Subsetter(options)
    letters.populate(unicodes=codes)
    letters.subset(font)
    file = BytesIO()
    subset.save_font(font, file, options)
    return "data:font/woff;base64," + base64.b64encode(file.getvalue()).decode()
