"""Serve a folder on a free local port, as GitHub Pages would: `with serve(site) as address: ...`"""

import contextlib
import functools
import gzip
import http.server
import io
import threading
from pathlib import Path
from urllib.parse import urlsplit

COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml"}


@contextlib.contextmanager
def serve(folder, **more):
    """The address of a folder; serve(site, pyodide=other) adds /pyodide/."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def translate_path(self, path):
            first, _, rest = path.lstrip("/").partition("/")
            if first in more:
                self.directory, path = str(more[first]), f"/{rest}"
            else:
                self.directory = str(folder)
            return super().translate_path(path)

        def send_head(self):
            """Text compressed, as GitHub Pages sends it."""
            path = Path(self.translate_path(urlsplit(self.path).path))
            accepted = "gzip" in self.headers.get("Accept-Encoding", "")
            if not (accepted and path.suffix in COMPRESSED and path.is_file()):
                return super().send_head()
            content = gzip.compress(path.read_bytes(), 6)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(path))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "max-age=600")
            self.end_headers()
            return io.BytesIO(content)

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None                  # a browser may hang up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
