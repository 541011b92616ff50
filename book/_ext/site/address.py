"""The addresses of the site and of its repository, and the buttons that lead to them.

The environment decides what is possible, and no button leads nowhere:

SITE_REPOSITORY   owner/name or address of the repository (else `repository: url:` in _config.yml):
                  buttons for Colab, Binder, an edit, an issue
SITE_URL          the address of the site (else `html: baseurl:`): canonical links, sitemap,
                  picture of shared links
SITE_EXECUTE=off  a quick build for editors, that runs no notebook
"""

import os
import re

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
COLAB = "https://colab.research.google.com/github/{name}/blob/colab/{page}.ipynb"
BINDER = "https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{page}.ipynb"


def settings(app, config):
    """One address, from the environment or from _config.yml, switches all buttons on."""
    options = config.html_theme_options
    address = repository(os.environ.get("SITE_REPOSITORY") or options.get("repository_url"))
    options["repository_url"] = address
    for button in BUTTONS:
        options[button] = bool(address)
    url = os.environ.get("SITE_URL") or config.html_baseurl
    config.html_baseurl = url.rstrip("/") + "/" if url else ""
    if os.environ.get("SITE_EXECUTE") == "off":
        config.nb_execution_mode = "off"


def repository(given):
    """owner/name or the repository's address as `https://github.com/owner/name`; nothing as ""."""
    if not given:
        return ""
    owner_name = r"(?:https://github\.com/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?"
    found = re.fullmatch(owner_name, given.strip())
    if not found:
        raise ValueError(f"SITE_REPOSITORY is {given!r}; "
                         "write owner/name, or https://github.com/owner/name")
    return f"https://github.com/{found[1]}"


def launch(app, pagename, templatename, context, doctree):
    """Colab opens the copy made by book/_tools/colab.py; Binder builds from .binder/."""
    options = app.config.html_theme_options
    if not options["repository_url"] or not app.env.doc2path(pagename).endswith(".ipynb"):
        return
    facts = {"name": options["repository_url"].removeprefix("https://github.com/"),
             "branch": options.get("repository_branch") or "main", "page": pagename}
    buttons = [link("Colab", COLAB.format(**facts), "_static/images/logo_colab.png"),
               link("Binder", BINDER.format(**facts), "_static/images/logo_binder.svg")]
    context["header_buttons"].append({
        "type": "group", "label": "launch-buttons", "icon": "fas fa-rocket",
        "tooltip": "Run this page elsewhere", "buttons": buttons})


def link(text, url, icon):
    return {"type": "link", "text": text, "url": url, "icon": icon,
            "tooltip": f"Open in {text} (another site)"}
