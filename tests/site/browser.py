"""Drive a headless Chromium through its DevTools: open a page, evaluate, wait, press keys, see errors and requests.

    with serve(folder) as address, Browser() as browser:
        browser.goto(f"{address}/book/index.html")
        assert browser.evaluate("document.title") and not browser.errors

The helpers run on one event loop, so `errors` and `requested` are as of the last call.
"""

import asyncio
import base64
import contextlib
import functools
import gzip
import http.server
import io
import json
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from tornado.websocket import websocket_connect

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-dev-shm-usage",
         "--remote-debugging-port=0", "--window-size=1200,900"]
COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml"}


class Browser:
    """One tab and its workers. `errors`: uncaught exceptions and console errors; `requested`: each URL asked for."""

    def __init__(self, flags=(), timeout=30):
        self.flags, self.timeout = list(flags), timeout
        self.errors, self.requested = [], []
        self._answers, self._number, self._loop = {}, 0, asyncio.new_event_loop()

    def __enter__(self):
        self._folder = tempfile.mkdtemp()
        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, *self.flags, f"--user-data-dir={self._folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._loop.run_until_complete(self._connect())
            # a worker is a target of its own: attach to it too, before its first request
            self.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.send(f"{domain}.enable")
            self.send("Emulation.setFocusEmulationEnabled", enabled=True)      # as if the window were in front
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *problem):
        self._process.terminate()
        self._process.wait()
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _connect(self):
        address, end = Path(self._folder, "DevToolsActivePort"), time.monotonic() + self.timeout
        while not (address.exists() and address.read_text().count("\n")):
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError("Chromium did not start")
            await asyncio.sleep(0.05)
        port, path = address.read_text().split()
        browser = await websocket_connect(f"ws://127.0.0.1:{port}{path}")
        await browser.write_message(json.dumps({"id": 0, "method": "Target.getTargets"}))
        targets = json.loads(await browser.read_message())["result"]["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        browser.close()
        self._socket = await websocket_connect(f"ws://127.0.0.1:{port}/devtools/page/{page}",
                                               max_message_size=2**28)

    async def _write(self, method, session=None, **arguments):
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        await self._socket.write_message(json.dumps(message | ({"sessionId": session} if session else {})))
        return self._number

    async def _read(self):
        message = await self._socket.read_message()
        if message is None:
            raise ConnectionError("Chromium has closed the connection")
        message = json.loads(message)
        if "id" in message:
            self._answers[message["id"]] = message
        elif message["method"] == "Target.attachedToTarget":
            session = message["params"]["sessionId"]
            for method in ("Runtime.enable", "Network.enable", "Runtime.runIfWaitingForDebugger"):
                await self._write(method, session)
        else:
            self._note(message["method"], message["params"])

    def _note(self, event, what):
        error = None
        if event == "Network.requestWillBeSent":
            self.requested.append(what["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            error = details.get("exception", {}).get("description") or details["text"]
        elif event == "Runtime.consoleAPICalled" and what["type"] == "error":
            error = " ".join(str(a.get("value", a.get("description"))) for a in what["args"])
        elif event == "Log.entryAdded" and what["entry"]["level"] == "error":
            error = f"{what['entry']['text']} {what['entry'].get('url', '')}".strip()
        if error:
            self.errors.append(error)

    def send(self, method, **arguments):
        """One DevTools command and its result, e.g. send("Emulation.setScriptExecutionDisabled", value=True)."""
        async def ask():
            number = await self._write(method, **arguments)
            while number not in self._answers:
                await asyncio.wait_for(self._read(), self.timeout)
            return self._answers.pop(number)
        answer = self._loop.run_until_complete(ask())
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def goto(self, address):
        """Open a page and wait until it and its scripts are loaded; errors and requests start anew."""
        self.evaluate("0")                                    # hear what the page before has still to say
        self.errors, self.requested = [], []
        answer = self.send("Page.navigate", url=address)
        if answer.get("errorText"):
            raise RuntimeError(f"{address}: {answer['errorText']}")
        self.wait_for("document.readyState == 'complete' && location.href != 'about:blank'")

    def evaluate(self, expression):
        """The value of a JavaScript expression (a promise is awaited)."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait_for(self, expression, timeout=None):
        """Ask again and again until the expression is true; return its value (True for an element)."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            with contextlib.suppress(RuntimeError):       # the page may be changing
                if value := self.evaluate(f"Promise.resolve({expression}).then((v) => v instanceof Node || v)"):
                    return value
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {expression}; errors: {self.errors}")
            time.sleep(0.05)

    def press(self, key, text=None):
        """A real key, e.g. press("Tab"), press("Enter", "\\r"), press(" ", " ")."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
                "ArrowDown": 40}.get(key, ord(key[0].upper()))
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code,
                  **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text):
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def size(self, width, height=900):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """E.g. media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")."""
        self.send("Emulation.setEmulatedMedia",
                  features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))


@contextlib.contextmanager
def serve(folder, **more):
    """Serve a folder on a free local port and give its address; serve(site, pyodide=other) adds /pyodide/."""
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
            if not (path.suffix in COMPRESSED and path.is_file() and "gzip" in self.headers.get("Accept-Encoding", "")):
                return super().send_head()
            content = gzip.compress(path.read_bytes(), 6)
            self.send_response(200)
            for name, value in {"Content-Type": self.guess_type(path), "Content-Encoding": "gzip",
                                "Content-Length": len(content), "Cache-Control": "max-age=600"}.items():
                self.send_header(name, str(value))
            self.end_headers()
            return io.BytesIO(content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    server.handle_error = lambda *_: None                  # a browser may hang up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
