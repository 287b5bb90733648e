"""Goal: the same blocks give the same digests with every compiler, optimisation, time zone and locale."""

import os
import subprocess
import tempfile
import unittest

import harness

BUILDS = {
    "debug": ["PROFILE=debug"],
    "debug-clang": ["PROFILE=debug", "CC=clang"],
}
if harness.IS_NIGHTLY:
    BUILDS["release-clang"] = ["PROFILE=release", "CC=clang"]
SETTINGS = [{"TZ": "Asia/Kathmandu", "LANG": "C.UTF-8"},
            {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"},
            {"TZ": ":nowhere", "LC_ALL": "de_DE.UTF-8"}]


def make_locales(folder):
    """Locales whose letters, dates and decimal points differ from C, for LOCPATH."""
    for name in ("tr_TR", "de_DE"):
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", f"{folder}/{name}.UTF-8"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class BuildsTest(unittest.TestCase):
    def test_same_digests(self):
        with harness.Chain() as chain, tempfile.TemporaryDirectory() as locales:
            make_locales(locales)
            write_a_bit_of_everything(chain)
            chain.stop()
            code, expected = harness.verify(chain.node)
            self.assertEqual((code, expected["damage"]), (0, []))
            programs = [harness.PROGRAM]
            for name, arguments in BUILDS.items():
                subprocess.run(["make", "--no-print-directory", "-s", "-C", harness.ROOT,
                                *arguments, "program"], check=True, stdout=subprocess.DEVNULL)
                programs.append(f"{harness.ROOT}/build/{name}/trustsql")
            for program in programs:
                for setting in SETTINGS:
                    code, found = harness.verify(chain.node, program,
                                                 dict(setting, LOCPATH=locales))
                    where = f"{os.path.relpath(program, harness.ROOT)} {setting}"
                    self.assertEqual((code, found["damage"]), (0, []), where)
                    for name in ("digest", "height", "rows"):
                        self.assertEqual(found[name], expected[name], f"{name}: {where}")


def write_a_bit_of_everything(chain):
    for text in (
            "CREATE TABLE kinds (i integer PRIMARY KEY, b bigint, t text, f boolean, y bytea, "
            "z timestamptz, n numeric(12,4))",
            "CREATE INDEX kinds_t ON kinds (t)",
            "CREATE UNIQUE INDEX kinds_n ON kinds (n)",
            "INSERT INTO kinds VALUES (1, 9223372036854775807, 'İstanbul ığ', true, '\\x00ff', "
            "'2024-02-29 12:30:00.123456+05:45', 12345678.9012), (2, NULL, 'ÄÖ', false, '', NULL, "
            "-0.0001), (3, -1, upper('straße i'), NULL, '\\x01', now(), 1.5)",
            "UPDATE kinds SET n = n / 7, t = lower(t) || i WHERE i < 3",
            "INSERT INTO kinds (i, z, n) SELECT i + 10, z, n * 1.1 FROM kinds WHERE i <> 2",
            "DELETE FROM kinds WHERE f IS NULL AND i = 3",
            "DROP INDEX kinds_t",
            "CREATE INDEX kinds_b ON kinds (b, z)"):
        chain.execute(text)
    with_errors = chain.connect()
    harness.sqlstate_of(with_errors, "INSERT INTO kinds (i) VALUES (1)")
    harness.sqlstate_of(with_errors, "UPDATE kinds SET i = i / 0")
    with_errors.close()


if __name__ == "__main__":
    harness.main()
