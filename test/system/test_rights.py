"""Goal: users log in with passwords that are nowhere but in custody, and do what they were granted."""

import contextlib
import os
import unittest

import psycopg2

import harness

SECRETS = ["s3cret-of-bob", "another-one-of-bob", "never-accepted", "s3cret-in-a-block"]


def files_with(top, words):
    """Names of files below top that hold any of the words."""
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(OSError), open(os.path.join(folder, name), "rb") as file:
                content = file.read()
                found += [name for word in words if word.encode() in content]
    return found


class RightsTest(unittest.TestCase):
    def refused(self, chain, state, **who):
        with self.assertRaises(psycopg2.OperationalError) as caught:
            chain.connect(**who).close()
        self.assertIn(state, str(caught.exception))

    def fails(self, link, state, text):
        self.assertEqual(harness.sqlstate_of(link, text), state, text)

    def test_passwords_and_rights(self):
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as admin:
                self.run_as_admin(chain, admin)
            chain.stop()
            chain.start()
            with contextlib.closing(chain.connect("bob", SECRETS[1])) as bob:
                self.assertEqual(harness.execute(bob, "SELECT current_user"), [("bob",)])
                self.assertEqual(harness.execute(bob, "SELECT a FROM t"), [(1,)])
                harness.execute(bob, "INSERT INTO t VALUES (2)")
            chain.execute("ALTER USER bob RENAME TO rob")
            with contextlib.closing(chain.connect("rob", SECRETS[1])) as rob:
                harness.execute(rob, "INSERT INTO t VALUES (3)")
            self.leave(chain)
            chain.stop()
            self.assertEqual(files_with(chain.top, SECRETS), [])
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []), report)

    def run_as_admin(self, chain, admin):
        self.refused(chain, "authentication", user="bob", password=SECRETS[0])
        harness.execute(admin, f"CREATE USER bob PASSWORD '{SECRETS[0]}'")
        self.fails(admin, "42710", f"CREATE USER bob PASSWORD '{SECRETS[2]}'")
        self.refused(chain, "authentication", user="bob", password=SECRETS[2])
        self.fails(admin, "42601", f"CREATE USER x PASSWORD '{SECRETS[2]}' '{SECRETS[2]}' x 'y'")
        self.assertEqual(harness.execute(
            admin, "SELECT custodian, organisation FROM trustsql.accounts WHERE name = 'bob'"),
            harness.execute(admin, "SELECT organisation, organisation FROM trustsql.validators"))
        harness.execute(admin, "CREATE TABLE t (a integer PRIMARY KEY)")
        harness.execute(admin, "INSERT INTO t VALUES (1)")
        with contextlib.closing(chain.connect("bob", SECRETS[0])) as bob:
            self.fails(bob, "42501", "SELECT a FROM t")
            with bob.cursor() as cursor:  # A plan that is kept is asked anew.
                harness.execute(admin, "GRANT SELECT ON t TO bob")
                for _ in range(3):
                    cursor.execute("SELECT a FROM t")
                harness.execute(admin, "REVOKE SELECT ON t FROM bob")
                self.fails(bob, "42501", "SELECT a FROM t")
            for text in ("SELECT * FROM trustsql.history('t')", "SELECT trustsql.proof_row('t', 1)",
                         "COPY t TO STDOUT", "INSERT INTO t VALUES (5)"):
                self.fails(bob, "42501", text)
            harness.execute(admin, "GRANT SELECT, INSERT ON t TO bob")
            harness.execute(bob, f"ALTER USER bob PASSWORD '{SECRETS[1]}'")
            self.assertEqual(harness.execute(bob, "SELECT a FROM t"), [(1,)])
            self.fails(bob, "42501", f"ALTER USER \"admin@node0\" PASSWORD '{SECRETS[2]}'")
        self.refused(chain, "authentication", user="bob", password=SECRETS[0])
        harness.execute(admin, f"BEGIN; CREATE USER carol PASSWORD '{SECRETS[3]}'; ROLLBACK")
        self.refused(chain, "authentication", user="carol", password=SECRETS[3])

    def leave(self, chain):
        chain.execute("ALTER USER rob NOLOGIN")
        self.refused(chain, "not permitted to log in", user="rob", password=SECRETS[1])
        chain.execute("ALTER USER rob LOGIN")
        chain.execute("REVOKE CONNECT ON DATABASE main FROM PUBLIC")
        self.refused(chain, "permission denied for database", user="rob", password=SECRETS[1])
        chain.execute("GRANT CONNECT ON DATABASE main TO PUBLIC")
        with contextlib.closing(chain.connect()) as admin:
            self.fails(admin, "2BP01", "DROP USER rob")
            harness.execute(admin, "REVOKE ALL ON t FROM rob")
            harness.execute(admin, "DROP USER rob")
        self.refused(chain, "authentication", user="rob", password=SECRETS[1])
        self.refused(chain, "does not exist", database="elsewhere")


if __name__ == "__main__":
    harness.main()
