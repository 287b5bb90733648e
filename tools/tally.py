"""What tools/test and tools/check share: run commands two at a time, count, print, end with one line.

A job is a command with a name and a function that reads its output: (passed, failed, skipped). What a
job printed is shown only when it failed. The last line of a run is "N passed, N failed" and nothing
else; the exit code agrees with it."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TAIL_LINES = 60


class Job:
    def __init__(self, name, command, read, timeout=300, environment=None, cwd=ROOT):
        self.name = name
        self.command = command
        self.read = read
        self.timeout = timeout
        self.environment = dict(os.environ, **(environment or {}))
        self.cwd = cwd

    def run(self):
        """Returns (exit code or None on timeout, output, seconds)."""
        started = time.monotonic()
        process = subprocess.Popen(self.command, cwd=self.cwd, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=self.timeout)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            code = None
        return code, output.decode(errors="replace"), time.monotonic() - started


def read_exit_code(code, _):
    return (1, 0, 0) if code == 0 else (0, 1, 0)


def read_tap(code, output):
    """Lines of the Test Anything Protocol; a program that dies without naming a test is a failure."""
    passed = failed = skipped = 0
    for line in output.splitlines():
        if "# SKIP" in line and line.lstrip().startswith(("ok", "not ok")):
            skipped += 1
        elif line.startswith("ok "):
            passed += 1
        elif line.startswith("not ok "):
            failed += 1
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and passed + skipped == 0:
        failed += 1
    return passed, failed, skipped


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.started = time.monotonic()

    def run(self, suite, jobs, parallel=2):
        """Run the jobs of a suite; True when none failed."""
        before = (self.passed, self.failed, self.skipped)
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
            running = {pool.submit(job.run): job for job in jobs}
            for done in concurrent.futures.as_completed(running):
                self._report(running[done], *done.result())
        passed, failed, skipped = (now - then for now, then in
                                   zip((self.passed, self.failed, self.skipped), before))
        note = f", {skipped} skipped" if skipped else ""
        print(f"== {suite}: {passed} ok, {failed} not ok{note}, "
              f"{time.monotonic() - started:.0f} s", flush=True)
        return failed == 0

    def _report(self, job, code, output, seconds):
        passed, failed, skipped = job.read(code, output)
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        verdict = "FAIL" if failed else "ok"
        print(f"{verdict:5}{job.name:44}{passed:5}{seconds:8.1f} s", flush=True)
        for line in output.splitlines():
            if "# SKIP" in line:
                print(f"     {line}", flush=True)
        if failed:
            reason = "out of time" if code is None else f"exit code {code}"
            lines = output.splitlines()[-TAIL_LINES:]
            print("\n".join([f"     {job.name}: {reason}"] + ["     | " + s for s in lines]),
                  flush=True)

    def finish(self):
        print(f"took {time.monotonic() - self.started:.0f} s")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(0 if self.failed == 0 else 1)
