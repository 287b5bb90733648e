-- roles come and go
admin: CREATE USER alice PASSWORD 'pw-alice'
admin: CREATE USER bob WITH LOGIN ENCRYPTED PASSWORD 'pw-bob' NOSUPERUSER NOCREATEDB
admin: CREATE ROLE carol LOGIN PASSWORD 'pw-carol' NOINHERIT
admin: CREATE GROUP staff
admin: CREATE ROLE alice
admin: CREATE ROLE pg_what
admin: CREATE ROLE "public"
admin: CREATE ROLE x LOGIN NOLOGIN
admin: CREATE ROLE x FROBNICATE
admin: CREATE ROLE x SUPERUSER
admin: CREATE ROLE x REPLICATION
alice: CREATE ROLE x
alice: DROP ROLE bob
alice: ALTER ROLE bob CREATEDB
alice: ALTER ROLE bob RENAME TO rob
admin: DROP ROLE nobody
admin: DROP ROLE IF EXISTS nobody
admin: ALTER ROLE nobody LOGIN
admin: CREATE ROLE x
admin: ALTER ROLE x RENAME TO y
admin: ALTER ROLE y RENAME TO alice
admin: ALTER ROLE y LOGIN CREATEROLE
admin: DROP ROLE x
admin: DROP ROLE y
admin: CREATE ROLE y
admin: DROP USER y
admin: SELECT current_user, session_user
alice: SELECT current_user, session_user, user, current_role
-- tables
alice: CREATE TABLE t(a int PRIMARY KEY, b int, c text)
alice: INSERT INTO t VALUES (1, 10, 'x')
bob: SELECT * FROM t
bob: INSERT INTO t VALUES (2, 20, 'y')
bob: UPDATE t SET b = 1
bob: DELETE FROM t
bob: TRUNCATE t
bob: DROP TABLE t
bob: ALTER TABLE t ADD COLUMN d int
bob: CREATE INDEX ON t(b)
alice: GRANT SELECT ON t TO bob
bob: SELECT * FROM t
bob: UPDATE t SET b = b + 1
bob: DELETE FROM t WHERE a = 1
alice: GRANT UPDATE ON t TO bob
bob: UPDATE t SET b = b + 1 WHERE a = 1 RETURNING *
alice: REVOKE SELECT ON t FROM bob
bob: UPDATE t SET b = 5
bob: UPDATE t SET b = b + 1
bob: UPDATE t SET b = 5 WHERE a = 1
bob: UPDATE t SET b = 5 RETURNING b
alice: GRANT DELETE, TRUNCATE ON TABLE t TO bob
bob: DELETE FROM t WHERE a = 99
bob: DELETE FROM t
bob: TRUNCATE t
alice: INSERT INTO t VALUES (1, 10, 'x')
alice: REVOKE ALL ON t FROM bob
bob: DELETE FROM t
alice: REVOKE ALL ON t FROM bob
alice: GRANT ALL PRIVILEGES ON t TO bob
bob: INSERT INTO t VALUES (2, 20, 'y') RETURNING a
bob: SELECT count(*) FROM t
bob: GRANT SELECT ON t TO carol
alice: REVOKE ALL ON t FROM bob
bob: GRANT SELECT ON t TO carol
alice: GRANT SELECT ON t TO nobody
alice: GRANT SELECT ON nothing TO bob
alice: GRANT FROB ON t TO bob
alice: GRANT USAGE ON t TO bob
alice: GRANT SELECT ON t TO PUBLIC
carol: SELECT a FROM t ORDER BY a
alice: REVOKE SELECT ON t FROM PUBLIC
carol: SELECT a FROM t ORDER BY a
alice: GRANT SELECT ON t TO alice
alice: GRANT SELECT ON t TO CURRENT_USER
-- columns
alice: GRANT SELECT (a, b), UPDATE (b), INSERT (a, b) ON t TO bob
bob: SELECT a, b FROM t ORDER BY a
bob: SELECT * FROM t
bob: SELECT c FROM t
bob: SELECT a FROM t WHERE c = 'x'
bob: SELECT a FROM t ORDER BY c
bob: SELECT a FROM t GROUP BY a, c
bob: SELECT count(*) FROM t
bob: SELECT 1 FROM t
bob: SELECT max(c) FROM t
bob: SELECT x.a FROM t x JOIN t y USING (c)
bob: SELECT x.a FROM t x JOIN t y USING (b) ORDER BY 1
bob: SELECT x.a FROM t x NATURAL JOIN t y
bob: SELECT (SELECT max(t.c) FROM t)
bob: WITH w AS (SELECT * FROM t) SELECT a FROM w
bob: UPDATE t SET b = a WHERE a = 1
bob: UPDATE t SET b = length(c)
bob: UPDATE t SET c = 'z'
bob: UPDATE t SET b = 1 WHERE a = 1 RETURNING c
bob: UPDATE t SET b = 1 WHERE a = 1 RETURNING a, b
bob: INSERT INTO t(a, b) VALUES (5, 5)
bob: INSERT INTO t VALUES (6, 6)
bob: INSERT INTO t VALUES (7, 7, 'c')
bob: INSERT INTO t(a, c) VALUES (8, 'c')
bob: INSERT INTO t(a, b) VALUES (5, 50) ON CONFLICT (a) DO UPDATE SET b = excluded.b
bob: INSERT INTO t(a, b) VALUES (5, 51) ON CONFLICT (a) DO UPDATE SET b = t.b + 1
bob: INSERT INTO t(a, b) VALUES (5, 51) ON CONFLICT (a) DO UPDATE SET b = length(t.c)
bob: INSERT INTO t(a, b) VALUES (5, 51) ON CONFLICT (a) DO UPDATE SET c = 'q'
bob: INSERT INTO t(a, b) VALUES (5, 51) ON CONFLICT DO NOTHING
bob: DELETE FROM t WHERE a = 1
bob: COPY (SELECT a, b FROM t ORDER BY a) TO STDOUT
bob: COPY t TO STDOUT
alice: GRANT DELETE (b) ON t TO bob
alice: GRANT SELECT (nothing) ON t TO bob
alice: REVOKE UPDATE ON t FROM bob
bob: UPDATE t SET b = 1
bob: SELECT b FROM t WHERE a = 5
alice: REVOKE SELECT (b) ON t FROM bob
bob: SELECT b FROM t WHERE a = 5
bob: SELECT a FROM t WHERE a = 5
alice: REVOKE ALL (a, b) ON t FROM bob
bob: SELECT a FROM t WHERE a = 5
-- grant options
alice: GRANT SELECT ON t TO bob WITH GRANT OPTION
bob: GRANT SELECT ON t TO carol WITH GRANT OPTION
carol: GRANT SELECT ON t TO staff
carol: SELECT count(*) FROM t
alice: REVOKE SELECT ON t FROM bob
alice: REVOKE GRANT OPTION FOR SELECT ON t FROM bob
bob: REVOKE SELECT ON t FROM carol
carol: GRANT SELECT ON t TO bob WITH GRANT OPTION
alice: REVOKE GRANT OPTION FOR SELECT ON t FROM bob CASCADE
bob: SELECT count(*) FROM t
carol: SELECT count(*) FROM t
alice: REVOKE SELECT ON t FROM bob CASCADE
bob: SELECT count(*) FROM t
alice: GRANT SELECT ON t TO PUBLIC WITH GRANT OPTION
alice: GRANT INSERT ON t TO bob
bob: GRANT INSERT ON t TO carol
alice: GRANT SELECT ON t TO bob WITH GRANT OPTION
bob: GRANT SELECT, INSERT ON t TO carol
bob: REVOKE SELECT ON t FROM carol
alice: REVOKE ALL ON t FROM bob CASCADE
-- memberships
alice: GRANT SELECT ON t TO staff
bob: SELECT count(*) FROM t
alice: GRANT staff TO bob
admin: GRANT staff TO bob
admin: GRANT staff TO bob
bob: SELECT count(*) FROM t
admin: GRANT staff TO carol
carol: SELECT count(*) FROM t
admin: GRANT bob TO staff
admin: GRANT nobody TO bob
admin: GRANT staff TO nobody
admin: GRANT staff TO PUBLIC
admin: REVOKE staff FROM alice
admin: ALTER ROLE carol INHERIT
carol: SELECT count(*) FROM t
admin: REVOKE staff FROM bob, carol
bob: SELECT count(*) FROM t
admin: GRANT staff TO bob WITH ADMIN OPTION
bob: GRANT staff TO carol
carol: SELECT count(*) FROM t
bob: REVOKE staff FROM carol
admin: REVOKE ADMIN OPTION FOR staff FROM bob
bob: GRANT staff TO carol
admin: CREATE ROLE boss IN ROLE staff ROLE carol ADMIN alice
carol: SELECT count(*) FROM t
alice: GRANT boss TO bob
alice: GRANT staff TO alice
admin: ALTER GROUP staff ADD USER carol
admin: ALTER GROUP staff DROP USER carol
admin: DROP ROLE boss
carol: SELECT count(*) FROM t
-- generated columns
alice: CREATE TABLE g(a int, b int GENERATED ALWAYS AS (a + 1) STORED, CHECK (b > 0))
alice: GRANT INSERT (a), UPDATE (a), SELECT (b) ON g TO bob
bob: INSERT INTO g(a) VALUES (1)
bob: UPDATE g SET a = 5
bob: SELECT b FROM g
bob: SELECT a FROM g
alice: DROP TABLE g
-- views
alice: CREATE VIEW v AS SELECT a, b FROM t
carol: SELECT count(*) FROM v
alice: GRANT SELECT ON v TO carol
carol: SELECT count(*) FROM v
carol: SELECT count(*) FROM t
carol: CREATE VIEW w AS SELECT c FROM t
carol: SELECT * FROM w
carol: DROP VIEW w
carol: DROP VIEW v
alice: REVOKE ALL ON v FROM carol
alice: GRANT SELECT (a) ON v TO carol
carol: SELECT count(a) FROM v
carol: SELECT b FROM v
-- schemas and sequences
alice: CREATE SCHEMA s
alice: CREATE TABLE s.t(a int)
alice: CREATE SEQUENCE s.q
alice: GRANT ALL ON ALL TABLES IN SCHEMA s TO bob
bob: SELECT * FROM s.t
bob: CREATE TABLE s.u(a int)
alice: GRANT USAGE ON SCHEMA s TO bob
bob: SELECT * FROM s.t
bob: CREATE TABLE s.u(a int)
bob: SELECT nextval('s.q')
alice: GRANT USAGE ON SEQUENCE s.q TO bob
bob: SELECT nextval('s.q')
bob: SELECT setval('s.q', 10)
alice: GRANT SELECT ON SEQUENCE s.q TO carol
alice: REVOKE ALL ON ALL SEQUENCES IN SCHEMA s FROM bob
bob: SELECT nextval('s.q')
alice: GRANT CREATE ON SCHEMA s TO bob
bob: CREATE TABLE s.u(a int)
bob: ALTER SCHEMA s RENAME TO r
bob: DROP SCHEMA s
alice: GRANT CREATE ON SEQUENCE s.q TO bob
alice: GRANT SELECT ON SCHEMA s TO bob
alice: GRANT SELECT ON SEQUENCE t TO bob
alice: GRANT USAGE ON SCHEMA nothing TO bob
alice: GRANT SELECT ON ALL TABLES IN SCHEMA nothing TO bob
bob: GRANT USAGE ON SCHEMA s TO carol
carol: GRANT USAGE ON SCHEMA s TO carol
-- databases
alice: GRANT CONNECT ON DATABASE nothing TO bob
alice: GRANT SELECT ON DATABASE main TO bob
admin: REVOKE CREATE ON DATABASE main FROM PUBLIC
carol: CREATE SCHEMA mine
admin: GRANT CREATE, CONNECT ON DATABASE main TO carol
carol: CREATE SCHEMA mine
carol: DROP SCHEMA mine
-- owners
alice: CREATE TABLE o(a serial, b int)
bob: ALTER TABLE o OWNER TO bob
alice: ALTER TABLE o OWNER TO bob
alice: ALTER TABLE o OWNER TO nobody
alice: ALTER TABLE o OWNER TO alice
admin: CREATE ROLE team
admin: GRANT team TO alice, carol
alice: ALTER TABLE o OWNER TO team
carol: INSERT INTO o(b) VALUES (1)
carol: ALTER TABLE o ADD COLUMN c int
bob: SELECT * FROM o
carol: GRANT SELECT ON o TO bob
bob: SELECT * FROM o
admin: DROP ROLE team
admin: DROP ROLE staff
carol: DROP TABLE o
admin: DROP ROLE team
carol: CREATE SCHEMA AUTHORIZATION alice
-- blocks
alice: BEGIN
alice: CREATE TABLE z(a int)
alice: GRANT SELECT ON z TO bob
alice: ROLLBACK
bob: SELECT * FROM z
alice: BEGIN; CREATE TABLE z(a int); GRANT SELECT ON z TO bob; COMMIT
bob: BEGIN
bob: SELECT * FROM z
alice: REVOKE SELECT ON z FROM bob
bob: COMMIT
bob: SELECT * FROM z
admin: BEGIN; CREATE USER dora PASSWORD 'pw-dora'; ROLLBACK
admin: DROP ROLE dora
admin: BEGIN; CREATE USER dora PASSWORD 'pw-dora'; GRANT staff TO dora; COMMIT
dora: SELECT count(*) FROM t
dora: ALTER USER dora PASSWORD 'pw-new'
dora: SELECT count(*) FROM t
admin: ALTER USER dora RENAME TO doris
admin: ALTER USER doris NOLOGIN
-- what a role has keeps it
admin: DROP ROLE alice
admin: DROP ROLE staff
alice: DROP VIEW v
alice: DROP TABLE t, z
bob: DROP TABLE s.u
alice: DROP SCHEMA s CASCADE
admin: REVOKE ALL ON DATABASE main FROM carol
admin: DROP ROLE staff, alice, bob
admin: DROP ROLE carol, doris
