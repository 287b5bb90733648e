"""Goal: who types the examples of the pages below into psql reads what stands there."""

import os
import re
import subprocess
import unittest

import harness

PAGES = ["exactly-once.md", "history.md"]
SHELL_PAGES = ["backup.md"]
PROMPT = "main=> "


def examples(page, prompt=PROMPT):
    """(what is typed, expected lines) of every "    main=> …" or "    $ …" on the page, in order."""
    with open(f"{harness.ROOT}/docs/{page}", encoding="utf-8") as file:
        lines = file.read().splitlines()
    found = []
    for line in lines:
        if not line.startswith("    "):
            is_open = False
            continue
        text = line[4:].rstrip()
        if text.startswith(prompt):
            found.append((text[len(prompt):], []))
            is_open = True
        elif found and is_open:
            found[-1][1].append(text)
    return found


def pattern(expected):
    """Literally, but for … which stands for anything on its line, at the end for any lines, and the width of
    columns."""
    lines = [re.escape(re.sub(r"-+", "-", re.sub(r"\s+", " ", line.strip()))) for line in expected]
    text = "\n".join(line.replace("…", ".*") for line in lines)
    return text[:-2] + r"(.|\n)*" if expected and expected[-1].strip() == "…" else text


class DocsTest(unittest.TestCase):
    def test_pages(self):
        for page in PAGES:
            with self.subTest(page), harness.Chain() as chain:
                self.check(page, chain)

    def test_shell(self):
        for page in SHELL_PAGES:
            with self.subTest(page), harness.Chain() as chain:
                os.symlink(os.path.abspath(harness.PROGRAM), chain.top + "/trustsql")
                typed = examples(page, "$ ")
                self.assertGreater(len(typed), 3)
                script = "set -e\n" + "".join(f"echo @{number}@\n{text}\n" for number, (text, _) in enumerate(typed))
                done = subprocess.run(["bash", "-c", script], text=True, stdout=subprocess.PIPE, cwd=chain.top,
                                      stderr=subprocess.STDOUT, timeout=120,
                                      env=dict(os.environ, PATH=chain.top + ":" + os.environ["PATH"]))
                self.assertEqual(done.returncode, 0, done.stdout)
                self.compare(page, typed, done.stdout)

    def check(self, page, chain):
        typed = examples(page)
        self.assertGreater(len(typed), 3)
        script = "".join(f"\\echo @{number}@\n{text}\n" for number, (text, _) in enumerate(typed))
        done = subprocess.run(["psql", "-X"], input=script, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120,
                              env=dict(os.environ, **chain.environment()))
        self.compare(page, typed, done.stdout)

    def compare(self, page, typed, output):
        answers = re.split(r"(?m)^@\d+@\n", output)[1:]
        self.assertEqual(len(answers), len(typed), output)
        for (text, expected), answer in zip(typed, answers):
            said = "\n".join(re.sub(r"-+", "-", re.sub(r"\s+", " ", line.strip()))
                             for line in answer.splitlines() if line.strip())
            self.assertRegex(said, "^" + pattern(expected) + r"\Z", f"{page}: {text}\n{answer}")


if __name__ == "__main__":
    harness.main()
