"""Inside the sandbox: run one notebook's cells in order; write outputs and answers to stdout, one
JSON object a line.

The job comes by stdin: {"cells": [{"number", "id", "source", "ask"}], "limits": {...}, "uid"}.
After a cell the kernel is asked for the values of STUDENT and of the answers that "ask" names. What
comes out is the student's word, whatever it says: points are given outside, and all is measured
there once more.
"""

import json
import math
import os
import sys
import time

ENTRIES = 10_000                                 # numbers and words in one answer
GRACE = 5                                        # seconds that an interrupted cell has to stop


def values(names):
    """STUDENT and the answers called `names` as JSON; a value that cannot be written is named with
    the reason. Runs in the kernel."""
    namespace = vars(sys.modules["__main__"])
    answers = {}
    unwritable = {}
    for name in ["STUDENT", *names]:
        if namespace.get(name, ...) is ...:
            continue
        try:
            value = namespace[name]
            if name == "STUDENT" and isinstance(value, int):
                value = str(value)               # however long
            answers[name] = plain(value, [ENTRIES])
            json.dumps(answers[name], allow_nan=False)
        except Exception as why:
            answers.pop(name, None)
            unwritable[name] = str(why)[:200]
    return json.dumps({"answers": answers, "unwritable": unwritable})


def plain(value, room, depth=0):
    """`value` made of numbers, strings, lists and dicts; NaN and infinity become None."""
    room[0] -= 1
    if room[0] < 0:
        raise ValueError(f"more than {ENTRIES:,} entries")
    if depth > 8:
        raise ValueError("lists nested more than 8 deep")
    if value is None or isinstance(value, bool) or type(value).__name__ in ("NAType", "NaTType"):
        return value if isinstance(value, bool) else None
    if isinstance(value, str):
        return str(value)[:1000]
    if isinstance(value, int):
        return int(value) if abs(value) < 10 ** 18 else float(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key)[:100]: plain(one, room, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(one, room, depth + 1) for one in value]
    for to_array in ("to_numpy", "toarray"):
        if hasattr(value, to_array):
            value = getattr(value, to_array)()
    if getattr(value, "size", 0) > room[0]:
        raise ValueError(f"more than {ENTRIES:,} entries")
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "c" or isinstance(value, complex):
        if not (value.imag == 0 if kind == "" else (value.imag == 0).all()):
            raise ValueError("complex numbers")
        return plain(value.real, room, depth)
    if kind == "f":                              # a long double stays one in tolist
        value = value.astype(float)
    if hasattr(value, "tolist"):
        return plain(value.tolist(), room, depth)
    if hasattr(value, "__float__"):
        return plain(float(value), room, depth)
    raise ValueError(f"a value of type {type(value).__name__}")


class Notebook:
    """A kernel and the loop that runs cells in it within limits of time and output."""

    def __init__(self, limits):
        from jupyter_client.manager import start_new_kernel
        self.limits = limits
        devnull = open(os.devnull, "w")
        self.manager, self.client = start_new_kernel(startup_timeout=60, stdout=devnull,
                                                     stderr=devnull)

    def run(self, code):
        """(outputs, what stopped the cell: "", "error", "time", "output", "dead") of one cell."""
        asked = self.client.execute(code, allow_stdin=False, stop_on_error=False)
        outputs, size, stopped = [], 0, ""
        end = time.monotonic() + self.limits["cell"]
        while True:
            message = self._next(self.client.get_iopub_msg, asked)
            if message == "dead":
                return outputs, "dead" if stopped in ("", "error") else stopped + " dead"
            if message:
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content.get("execution_state") == "idle":
                    return outputs, stopped
                _add(outputs, kind, content, self.limits["output"] - size)
                size += _size(content)
                if kind == "error":
                    stopped = stopped or "error"
            late = time.monotonic() > end
            if stopped in ("", "error") and (late or size > self.limits["output"]):
                stopped = "time" if late else "output"
                end = time.monotonic() + GRACE
                self.manager.interrupt_kernel()
            elif late and stopped in ("time", "output"):
                self.manager.shutdown_kernel(now=True)
                return outputs, stopped + " dead"

    def ask(self, names):
        """What `values` says in the kernel; None if it does not answer."""
        expression = f"__import__('run_one').values({names!r})"
        asked = self.client.execute("", silent=True, store_history=False, allow_stdin=False,
                                    user_expressions={"values": expression})
        end = time.monotonic() + 20
        while time.monotonic() < end:
            message = self._next(self.client.get_shell_msg, asked)
            if message == "dead":
                return None
            if message:
                import ast
                try:
                    text = message["content"]["user_expressions"]["values"]["data"]["text/plain"]
                    return json.loads(ast.literal_eval(text))
                except (KeyError, TypeError, ValueError, SyntaxError):
                    return None
        self.manager.interrupt_kernel()
        return None

    def _next(self, receive, asked):
        """The next message that answers `asked`, None if none came, "dead" if the kernel is."""
        from queue import Empty
        try:
            message = receive(timeout=0.5)
        except Empty:
            return None if self.manager.is_alive() else "dead"
        return message if message.get("parent_header", {}).get("msg_id") == asked else None


def _size(content):
    if isinstance(content, str):
        return len(content)
    if isinstance(content, dict):
        return sum(_size(one) for one in content.values())
    return sum(_size(one) for one in content) if isinstance(content, list) else 8


def _add(outputs, kind, content, room):
    """Keep what the feedback shows: printed text, plain results, PNG pictures, errors;
    at most `room` letters."""
    if kind == "stream":
        text = content["text"][:max(room, 0)]
        if outputs and outputs[-1].get("stream") == content["name"]:
            outputs[-1]["text"] += text
        elif text:
            outputs.append({"stream": content["name"], "text": text})
    elif kind != "clear_output" and _size(content) > room:
        pass
    elif kind in ("display_data", "execute_result"):
        kept = {key: content["data"][key] for key in ("text/plain", "image/png")
                if key in content["data"]}
        outputs.append({"data": kept})
    elif kind == "error":
        outputs.append({"error": "\n".join(content["traceback"])})
    elif kind == "clear_output":
        outputs.clear()


def restrict(limits, uid):
    """Hard limits for this process and its children; give up root's rights if it has them."""
    import resource
    for name, most in (("AS", limits["memory"]), ("CPU", limits["whole"]),
                       ("FSIZE", limits["file"]), ("NPROC", limits["processes"]), ("CORE", 0),
                       ("NOFILE", 256)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def main():
    import ctypes
    job = json.load(sys.stdin)
    restrict(job["limits"], job.get("uid"))
    ctypes.CDLL(None).prctl(4, 0)          # PR_SET_DUMPABLE: the kernel sees no memory of this one
    if os.path.isdir("/grading/fonts"):    # matplotlib's list of fonts, which takes seconds to make
        import shutil
        shutil.copytree("/grading/fonts", os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)

    def tell(**record):
        print(json.dumps(record), flush=True)
    notebook = Notebook(job["limits"])
    for cell in job["cells"]:
        if cell["source"].strip():
            outputs, stopped = notebook.run(cell["source"])
            tell(cell=cell["number"], outputs=outputs, stopped=stopped)
            if stopped.endswith("dead"):
                return
        if cell["ask"]:
            found = notebook.ask(cell["ask"])
            tell(after=cell["id"], **(found or {"lost": True}))
    tell(end=True)
    notebook.manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
