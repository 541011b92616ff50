"""The sandbox in which a submission runs: bubblewrap, no network, a read-only system, nothing of
the book but lmm.

The package is a copy in which hw1, hw2 and hw3 are empty, so there is no answer to find. What a
submission writes goes to memory and is gone with it; its outputs and answers leave through a pipe.
"""

import compileall
import importlib.util
import json
import os
import select
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache",
          "/etc/alternatives", "/etc/fonts", "/etc/localtime"]
MEGABYTE = 2 ** 20
PIPE = 32 * MEGABYTE                             # the most that may come out of a sandbox
LINE = 4 * MEGABYTE                              # the most for one of its lines
INODE = 1024                                     # bytes of the kernel's for a file in memory
FIRST_UID = 64000                              # root's sandboxes run as this user and the next ones

stop = threading.Event()                         # set by Ctrl-C: all sandboxes end


class Refused(Exception):
    """There is no sandbox; the message says why and what to do."""


class Stopped(Exception):
    """The grading was interrupted."""


def limits(cell, memory):
    """Seconds for a cell, megabytes for everything -> all limits of a sandbox."""
    return {"cell": cell, "whole": 5 * cell + 30, "memory": memory * MEGABYTE, "output": MEGABYTE,
            "file": 20 * MEGABYTE, "processes": 128}


class Sandbox:
    """Runs jobs; a context manager that keeps a scratch folder with the package and the runner.

    secret: folders that must not be seen inside even if they lie in a folder of the system.
    """

    def __init__(self, secret=(), trust=False):
        self.trust = trust
        self.secret = [ROOT, *(Path(one).resolve() for one in secret)]
        self.features = "" if trust else _features()

    def __enter__(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="grading-"))
        try:
            self.scratch.chmod(0o755)
            self._fill()
            self._try()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _fill(self):
        packages = sysconfig.get_path("purelib")
        compiled = os.path.exists(importlib.util.find_spec("pandas").cached)
        if not compiled and os.access(packages, os.W_OK):
            # no sandbox can write bytecode: each one would take seconds to compile it
            print("compiling the Python environment once; this takes a minute", file=sys.stderr)
            compileall.compile_dir(packages, quiet=2, workers=0)
        lmm = self.scratch / "lmm"
        shutil.copytree(ROOT / "lmm", lmm,
                        ignore=shutil.ignore_patterns("hw[0-9]*", "__pycache__", "_data"))
        for path in (ROOT / "lmm" / "homework").glob("hw[0-9]*.py"):
            (lmm / "homework" / path.name).touch()               # empty: there are no answers in it
        shutil.copytree(ROOT / "data", lmm / "_data")
        shutil.copy(HERE / "run_one.py", self.scratch)
        code = "import matplotlib, matplotlib.font_manager; print(matplotlib.get_cachedir())"
        cache = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                               check=False).stdout.strip()
        (self.scratch / "fonts").mkdir()
        for path in Path(cache or self.scratch / "fonts").glob("fontlist*.json"):
            shutil.copy(path, self.scratch / "fonts")
        compileall.compile_dir(self.scratch, quiet=2)
        for path in [self.scratch, *self.scratch.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _try(self):
        """A notebook of one cell must come back with its answer, else the whole class would get
        nothing."""
        cell = {"number": 0, "id": "try", "ask": ["answer_x"], "source":
                "import lmm.homework\nanswer_x = lmm.homework.verdict('1a', 1, 'somebody')"}
        records, ending, complaint = self.run([cell], limits(60, 4096))
        found = [record.get("answers", {}).get("answer_x")
                 for record in records if record.get("after") == "try"]
        if found != ["there is no self-check while homework is graded"]:
            printed = [one.get("error", "") for record in records
                       for one in record.get("outputs", [])]
            why = f"the sandbox does not work ({ending or 'no answer'}); it says:"
            raise Refused("\n".join([why, complaint, *printed]))

    def run(self, cells, most, slot=0):
        """(records of run_one.py, how it ended: "", "time", "memory", "output" or "died", what it
        complained)."""
        as_root = os.geteuid() == 0 and not self.trust
        job = {"cells": cells, "limits": most, "uid": FIRST_UID + slot if as_root else None}
        home = tempfile.mkdtemp(prefix="home-", dir=self.scratch) if self.trust else "/home/student"
        given, complaint = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        given.write(json.dumps(job).encode())
        given.seek(0)
        command = [] if self.trust else self._bwrap(as_root)
        where = str(self.scratch) if self.trust else "/grading"
        python = os.path.abspath(sys.executable)
        process = subprocess.Popen([*command, python, "-s", f"{where}/run_one.py"],
                                   stdin=given, stdout=subprocess.PIPE, stderr=complaint,
                                   env=_environment(where, home), cwd=home if self.trust else None,
                                   start_new_session=True)
        try:
            text, ending = _listen(process, time.monotonic() + most["whole"], most["memory"])
        finally:
            _kill(process)
            if self.trust:
                shutil.rmtree(home, ignore_errors=True)
        records = []
        for line in text.split(b"\n"):
            try:
                record = json.loads(line.decode("utf-8", "replace")) if len(line) < LINE else None
            except (ValueError, RecursionError):
                continue
            records += [record] if isinstance(record, dict) else []
        complaint.seek(0)
        ended = any(record.get("end") is True for record in records)
        said = complaint.read(4000).decode("utf-8", "replace")
        return records, ending or ("" if ended else "died"), said

    def _bwrap(self, as_root):
        """The command in front of Python: what is visible, and all namespaces of its own."""
        command = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "sandbox",
                   "--unshare-ipc", "--unshare-net", "--unshare-pid", "--unshare-uts",
                   "--unshare-cgroup-try"]
        if as_root:                              # run_one.py changes to a user without rights
            command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            command += ["--unshare-user"]
            command += ["--disable-userns"] * ("--disable-userns" in self.features)
        sized = ["--perms", "1777", "--size", str(64 * MEGABYTE), "--tmpfs"]
        for path, what in sorted(self._mounts().items(),
                                 key=lambda item: (len(Path(item[0]).parts), item)):
            if what == "hidden":
                command += ["--tmpfs", path]
            elif what == "way":
                command += ["--perms", "0755", "--dir", path]
            elif what == "room":
                command += [*sized, path]
            elif os.path.islink(path) and path in SYSTEM:
                command += ["--symlink", os.readlink(path), path]
            else:
                command += ["--ro-bind", os.path.realpath(path), path]
        return command + ["--ro-bind", str(self.scratch), "/grading", "--proc", "/proc", "--dev",
                          "/dev", *sized, "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/",
                          "--chdir", "/home/student"]

    def _mounts(self):
        """Path -> "seen" (read only), "hidden" (an empty folder over it), "room" (to write in, in
        memory) or "way"."""
        python = [sys.prefix, sys.exec_prefix, sys.base_prefix,
                  str(Path(sys.executable).resolve().parent.parent)]
        paths = SYSTEM + python + [one for one in (site.getusersitepackages(),) if one in sys.path]
        seen = {os.path.abspath(path): "seen" for path in paths if os.path.exists(path)}
        for path in seen:
            if path in map(str, self.secret):
                raise Refused(f"Python lies in {path}, which the sandbox must hide; put its "
                              "environment in a folder of its own")
        hidden = self.secret + [Path(folder, "lmm") for folder in sys.path if folder]
        hidden = [str(path) for path in hidden if path.is_dir()
                  and any(path.is_relative_to(os.path.realpath(one)) or path.is_relative_to(one)
                          for one in seen)]
        way = {str(parent): "way" for path in seen for parent in list(Path(path).parents)[:-1]
               if not any(parent.is_relative_to(one) for one in seen)}
        return {**way, **dict.fromkeys(hidden, "hidden"), **seen, "/tmp": "room",
                "/home/student": "room"}


def _features():
    """The help text of bwrap; Refused if bwrap is missing or too old."""
    try:
        text = subprocess.run(["bwrap", "--help"], capture_output=True, text=True,
                              timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        text = ""
    if "--size" in text:
        return text
    what = "bubblewrap (bwrap) is not installed"
    if text:
        what = "bubblewrap is too old (--size is missing)"
    raise Refused(f"{what}: submissions are programs of other people and are not run without it.\n"
                  "On Debian or Ubuntu: sudo apt install bubblewrap. Where all submissions are "
                  "trusted, --trust runs them without protection.")


def _environment(where, home):
    """All that a submission finds in its environment."""
    return {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8",
            "PYTHONPATH": where, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
            "IPYTHONDIR": f"{home}/.ipython", "JUPYTER_RUNTIME_DIR": f"{home}/.jupyter",
            "MPLCONFIGDIR": f"{home}/.matplotlib", "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _listen(process, end, memory):
    """What the sandbox writes, and why it had to be ended: "", "time", "memory" or "output"."""
    text = bytearray()
    watched = 0.0
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    while True:
        if select.select([pipe], [], [], 0.2)[0]:
            part = os.read(pipe, MEGABYTE)
            if not part:
                return bytes(text), ""
            text += part
        now = time.monotonic()
        if stop.is_set():
            raise Stopped
        if now > end or len(text) > PIPE:
            return bytes(text[:PIPE]), "time" if now > end else "output"
        if now > watched + 0.5:
            watched = now
            if _used(process.pid) > memory:
                return bytes(text), "memory"
        if process.poll() is not None and not select.select([pipe], [], [], 0)[0]:
            return bytes(text), ""


def _used(pid):
    """Bytes that a process and all that it started hold: their share of the memory that they see,
    files in memory that they keep open, and what lies in their folders in memory."""
    import psutil
    total = 0
    folders = {}                                 # of each view of the file system: (process, path)
    files = {}                                   # number of a file in memory: its bytes
    try:
        processes = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return 0
    for process in processes:
        try:
            total += _share(process)
            folders.update(_in_memory(process.pid))
            files.update(_open_files(process.pid))
        except (psutil.Error, OSError, ValueError):
            pass
    for path in folders.values():
        try:
            there = os.statvfs(path)
        except OSError:
            continue
        total += (there.f_blocks - there.f_bfree) * there.f_frsize
        total += (there.f_files - there.f_ffree) * INODE
    return total + sum(files.values())


def _share(process):
    """What a process holds; memory that several share is counted in parts."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            found = dict(line.split(":", 1) for line in file if ":" in line)
        return sum(int(found[one].split()[0]) * 1024 for one in ("Pss_Anon", "Pss_Shmem"))
    except (OSError, KeyError, ValueError):      # not ours to read, or an old kernel
        return process.memory_info().rss - process.memory_info().shared


def _in_memory(pid):
    """{number of a file system in memory that a process sees and can write to: its path}."""
    found = {}
    with open(f"/proc/{pid}/mounts") as file:
        mounts = [line.split() for line in file]
    for _, path, kind, options, *_ in mounts[:200]:
        if kind == "tmpfs" and options.split(",")[0] == "rw":
            seen = f"/proc/{pid}/root{path}"
            found[os.stat(seen).st_dev] = seen
    return found


def _open_files(pid):
    """{number: bytes} of files in memory without a name (memfd_create) that a process has open."""
    found = {}
    for one in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{one}"
        try:
            if os.readlink(path).startswith("/memfd:"):
                there = os.stat(path)
                found[there.st_dev, there.st_ino] = there.st_blocks * 512
        except OSError:
            pass
    return found


def _kill(process):
    """End the sandbox and all in it: bubblewrap takes its processes with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.stdout.close()
    process.wait()
