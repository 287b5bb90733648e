-- Settings, the search path, and statements prepared by name.
CREATE TABLE s (id integer PRIMARY KEY, t text, n numeric, b boolean)
INSERT INTO s VALUES (1, 'one', 1.5, true), (2, 'two', 2.5, false), (3, NULL, NULL, NULL)
SHOW search_path
SHOW statement_timeout
SET statement_timeout = '90 s'
SHOW statement_timeout
SET statement_timeout = '1.5min'
SHOW statement_timeout
SET statement_timeout TO 2000
SHOW statement_timeout
SET statement_timeout = 1500
SHOW statement_timeout
SET statement_timeout = '-1'
SET statement_timeout = 'soon'
SET statement_timeout = '1 week'
SET statement_timeout = '100d'
RESET statement_timeout
SHOW statement_timeout
SET lock_timeout = '1h'
SHOW lock_timeout
SET idle_session_timeout = 0
SHOW idle_session_timeout
SET idle_in_transaction_session_timeout = '3min'
SHOW idle_in_transaction_session_timeout
RESET idle_in_transaction_session_timeout
SET work_mem = '64MB'
SHOW work_mem
SET work_mem = 70000
SHOW work_mem
SET work_mem = '1'
SET client_min_messages = warning
SHOW client_min_messages
SET client_min_messages = 'LOUD'
SET client_min_messages = NOTICE
SET row_security = false
SHOW row_security
SET row_security = 'maybe'
SET row_security = of
SET row_security TO DEFAULT
SHOW row_security
SET standard_conforming_strings = on
SHOW standard_conforming_strings
SET DateStyle = ISO
SHOW DateStyle
SET IntervalStyle = postgres
SHOW intervalstyle
SET extra_float_digits = 3
SHOW extra_float_digits
SET bytea_output = 'hex'
SET nothing_like_it = 1
SHOW nothing_like_it
SET server_version = '99'
SET server_encoding = 'UTF8'
SHOW server_encoding
SHOW integer_datetimes
SHOW max_identifier_length
SHOW block_size
SET default_tablespace = ''
SET xmloption = content
SET check_function_bodies = false
SHOW check_function_bodies
SELECT set_config('work_mem', '8MB', false)
SELECT current_setting('work_mem')
SELECT current_setting('no_such_thing')
SET my.own = 'x'
SHOW my.own
RESET ALL
BEGIN; SET LOCAL work_mem = '32MB'; SHOW work_mem; COMMIT
SHOW work_mem
BEGIN; SET work_mem = '16MB'; ROLLBACK
SHOW work_mem
SELECT current_schema()
CREATE SCHEMA one
CREATE SCHEMA two
SET search_path = one, public
SHOW search_path
SELECT current_schema()
CREATE TABLE s (id integer)
INSERT INTO s VALUES (11)
SELECT * FROM s
SELECT count(*) FROM public.s
SET search_path = two, one
SELECT * FROM s
CREATE TABLE only_two (a integer DEFAULT 5)
INSERT INTO only_two DEFAULT VALUES
SELECT * FROM two.only_two
SET search_path = nowhere
SELECT * FROM s
CREATE TABLE x (a integer)
SELECT current_schema()
SET search_path = 'two', "public"
SHOW search_path
SELECT t FROM s ORDER BY id
SELECT set_config('search_path', 'one', false)
SELECT * FROM s
BEGIN; SET LOCAL search_path = public; SELECT count(*) FROM s; COMMIT
SELECT count(*) FROM s
CREATE VIEW v AS SELECT id FROM s
SET search_path = two
SELECT * FROM one.v
DROP VIEW one.v
DROP TABLE one.s
DROP TABLE two.only_two
DROP SCHEMA one
DROP SCHEMA two
RESET search_path
SELECT t FROM s ORDER BY id
PREPARE a AS SELECT id, t FROM s WHERE id = $1
EXECUTE a(1)
EXECUTE a('2')
EXECUTE a(NULL)
EXECUTE a(1.4)
EXECUTE a('x')
EXECUTE a
EXECUTE a(1, 2)
EXECUTE nothing(1)
PREPARE a AS SELECT 1
PREPARE b (integer, text) AS INSERT INTO s VALUES ($1, $2, $1 / 2.0, true)
EXECUTE b(4, 'four')
EXECUTE b(5, E'a\'b')
EXECUTE b(4, 'again')
EXECUTE b('6', NULL)
SELECT * FROM s ORDER BY id
PREPARE c AS UPDATE s SET t = $2 WHERE id = $1 RETURNING id, t
EXECUTE c(1, 'uno')
EXECUTE c(-1, 'none')
PREPARE d (boolean) AS SELECT id FROM s WHERE b = $1 ORDER BY id
EXECUTE d(true)
EXECUTE d('f')
EXECUTE d(false)
PREPARE e (numeric) AS SELECT $1 + 1, $1 * 2
EXECUTE e(1.25)
EXECUTE e(-3)
EXECUTE e('10')
PREPARE f AS VALUES (1, 'x'), (2, 'y')
EXECUTE f
PREPARE g AS SELECT $1::text || '!'
EXECUTE g('hi')
EXECUTE g(5)
BEGIN; EXECUTE b(7, 'seven'); EXECUTE a(7); ROLLBACK
EXECUTE a(7)
PREPARE h AS SELECT nothing FROM s
PREPARE i AS DELETE FROM s WHERE id > $1
EXECUTE i(4)
SELECT count(*) FROM s
DEALLOCATE a
EXECUTE a(1)
DEALLOCATE a
DEALLOCATE PREPARE c
DEALLOCATE ALL
EXECUTE b(9, 'nine')
DISCARD ALL
SELECT count(*) FROM s
