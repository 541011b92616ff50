"""Run the submissions in sandboxes, some at a time; what has run survives an interruption."""

import hashlib
import json
import queue
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import lmm.homework
import points
import sandbox
import spreadsheet
from tqdm import tqdm


def run_all(read, asked):
    """{hash: record} of all submissions; runs those that have no finished record yet."""
    (asked.out / "results").mkdir(parents=True, exist_ok=True)
    most = sandbox.limits(asked.timeout, asked.memory)
    records, waiting = {}, {}
    for digest, one in read.values():
        cells = job(one)
        record = finished(asked.out, digest, cells, most)
        if record:
            records[digest] = record
        elif digest not in waiting:
            waiting[digest] = cells
    if not waiting:
        return records
    if asked.trust:
        print("--trust: the submissions run without a sandbox and can do all that you can",
              file=sys.stderr)
    slots = queue.SimpleQueue()
    for slot in range(asked.jobs):
        slots.put(slot)

    def run(digest, cells):
        slot = slots.get()
        try:
            record = {"cells": fingerprint(cells), "limits": most, "package": package()}
            record["records"], record["ending"], _ = box.run(cells, most, slot)
            spreadsheet.write_whole(asked.out / "results" / f"{digest}.json", json.dumps(record))
            return digest, record
        except OSError as why:       # of the machine, not of the submission: run it again next time
            return digest, {"records": [], "ending": f"could not be run: {why}"}
        finally:
            slots.put(slot)

    with (sandbox.Sandbox([asked.submissions, asked.out], asked.trust) as box,
          ThreadPoolExecutor(asked.jobs) as pool):
        futures = [pool.submit(run, digest, cells) for digest, cells in waiting.items()]
        try:
            with tqdm(total=len(records) + len(waiting), initial=len(records),
                      unit="notebook") as bar:
                for future in as_completed(futures):
                    digest, record = future.result()
                    records[digest] = record
                    bar.update()
        except BaseException:
            sandbox.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return records


def job(one):
    """What the sandbox gets of a Submission: code, and which answers to ask for after it."""
    names = [f"answer_{cell.task}" for cell in one.assignment.cells if cell.role == "test"]
    return [{"number": number, "id": cell.id, "source": cell.source,
             "ask": names if cell.role in ("solution", "test") else []}
            for number, cell in enumerate(one.cells) if cell.kind == "code"]


def fingerprint(cells):
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def package():
    """A mark of the homework's tables and answers, by which a change shows."""
    paths = sorted(Path(lmm.homework.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def finished(out, digest, cells, most):
    """The record of a submission that has been run before; None if it must run (again)."""
    try:
        record = json.loads((out / "results" / f"{digest}.json").read_text())
        stopped = record["ending"] or any(one.get("stopped") in points.STOPS
                                          for one in record["records"])
        same = record["cells"] == fingerprint(cells) and (not stopped or record["limits"] == most)
        return record if same else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None
