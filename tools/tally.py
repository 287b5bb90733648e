"""What tools/test and tools/check share: run commands two at a time, count, print, end with one line.

A job is a command with a name and a function that reads its output: (passed, failed, skipped). It may need
others, which run before it; when one of them fails it does not run, and its suite is one failure
the worse. What a job printed is shown only when it failed. The last line of a run is "N passed, N failed" and nothing
else; the exit code agrees with it."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TAIL_LINES = 60


class Job:
    def __init__(self, name, command, read, timeout=300, environment=None, needs=()):
        self.name = name
        self.command = command
        self.read = read
        self.timeout = timeout
        self.environment = dict(os.environ, **(environment or {}))
        self.needs = needs  # Jobs.

    def run(self):
        """Returns (exit code or None on timeout, output, seconds, seconds of a CPU)."""
        started = time.monotonic()
        process = subprocess.Popen(self.command, cwd=ROOT, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        late = threading.Event()

        def end():
            late.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(self.timeout, end)
        timer.start()
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        code = None if late.is_set() else process.returncode
        return (code, output.decode(errors="replace"), time.monotonic() - started,
                used.ru_utime + used.ru_stime)


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
        return self.run_all({suite: jobs}, parallel)

    def run_all(self, suites, parallel=2):
        """Run the jobs of several suites {name: jobs} through each other, each as soon as what it needs has
        passed, the first first. What jobs need and no suite holds is run and counted, too."""
        suite_of = {job: name for name, jobs in suites.items() for job in jobs}
        waiting = list(dict.fromkeys(need for job in suite_of for need in (*job.needs, job)))
        sums = {name: [0, 0, 0] for name in (*suites, "build")}
        started, state, running = time.monotonic(), {}, {}
        with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
            while waiting or running:
                for job in list(waiting):
                    needs = [state.get(need) for need in job.needs]
                    if False in needs:
                        waiting.remove(job)
                        state[job] = False
                        self._add(sums[suite_of.get(job, "build")], self._refuse(job))
                    elif len(running) < parallel and all(needs):
                        waiting.remove(job)
                        running[pool.submit(job.run)] = job
                done, _ = concurrent.futures.wait(running, None, "FIRST_COMPLETED")
                for one in done:
                    job = running.pop(one)
                    counts = self._report(job, *one.result())
                    state[job] = counts[1] == 0
                    self._add(sums[suite_of.get(job, "build")], counts)
        for name, (passed, failed, skipped) in sums.items():
            if passed + failed + skipped:
                note = f", {skipped} skipped" if skipped else ""
                print(f"== {name}: {passed} ok, {failed} not ok{note}", flush=True)
        print(f"== {time.monotonic() - started:.0f} s", flush=True)
        return not any(failed for _, failed, _ in sums.values())

    def _add(self, total, counts):
        for place, value in enumerate(counts):
            total[place] += value
        self.passed += counts[0]
        self.failed += counts[1]
        self.skipped += counts[2]

    def _refuse(self, job):
        print(f"FAIL {job.name:44}    not run: what it needs has failed", flush=True)
        return 0, 1, 0

    def _report(self, job, code, output, seconds, of_cpu):
        passed, failed, skipped = job.read(code, output)
        verdict = "FAIL" if failed else "ok"
        print(f"{verdict:5}{job.name:44}{passed:5}{seconds:8.1f} s{of_cpu:8.1f} s of a CPU", flush=True)
        for line in output.splitlines():
            if "# SKIP" in line:
                print(f"     {line}", flush=True)
        if failed:
            reason = "out of time" if code is None else f"exit code {code}"
            lines = output.splitlines()[-TAIL_LINES:]
            print("\n".join([f"     {job.name}: {reason}"] + ["     | " + s for s in lines]),
                  flush=True)
        return passed, failed, skipped

    def finish(self):
        print(f"took {time.monotonic() - self.started:.0f} s")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(0 if self.failed == 0 else 1)
