-- Functions of text, bytea and time.
select length('héllo'), char_length('abc'), character_length('abc'), octet_length('héllo'), bit_length('abc')
select lower('ABC É'), upper('abc é'), initcap('hello wORLD')
select substring('abcdef' from 2 for 3), substring('abcdef' from 2), substring('abcdef', 2, 3), substr('abcdef', 3), substring('abcdef' for 2), substring('abc' from 0 for 2), substring('abc' from -1), substr('abc', 5)
select substring('abc' from 2 for -1)
select position('c' in 'abc'), position('z' in 'abc'), strpos('abc', 'b'), position('' in 'abc')
select trim('  x  '), ltrim('  x'), rtrim('x  '), trim(both 'x' from 'xxaxx'), trim(leading 'x' from 'xxax'), trim(trailing from 'a  '), btrim('xyax', 'xy')
select replace('abcabc', 'b', 'X'), replace('abc', '', 'X'), translate('12345', '14', 'ax'), reverse('abc'), repeat('ab', 3), repeat('a', 0), repeat('a', -1)
select left('abcdef', 2), left('abcdef', -2), right('abcdef', 2), right('abcdef', -2), lpad('x', 3), lpad('abc', 2), lpad('x', 4, 'ab'), rpad('x', 3, '.')
select concat('a', 1, null, true), concat_ws(',', 'a', null, 'b'), 'a' || 'b' || 'c', concat()
select concat('a', 1, 'b'), concat_ws('-', 1, 2)
select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', 5), split_part('a,b,c', ',', -1), ascii('A'), chr(65), chr(233), ascii('')
select split_part('a', ',', 0)
select chr(0)
select chr(-1)
select md5('abc'), md5(''), sha256('abc'), encode(sha256('abc'), 'hex')
select encode('abc', 'hex'), encode('\x00ff', 'base64'), decode('00ff', 'hex'), decode('AP8=', 'base64'), encode('\x41', 'escape')
select decode('0', 'hex')
select decode('zz', 'hex')
select encode('abc', 'nosuch')
select length('\x0102'::bytea), octet_length('\x0102'::bytea), '\x01'::bytea || '\x02'::bytea, substring('\x010203'::bytea from 2 for 1), get_byte('\x0102'::bytea, 1)
select get_byte('\x01'::bytea, 5)
select '\x01'::bytea < '\x02'::bytea, '\x01'::bytea = '\x01', '\x'::bytea < '\x00'::bytea, '\xff'::bytea > '\x01ff'::bytea
select starts_with('abc', 'ab'), quote_literal('it''s'), quote_ident('Mixed'), quote_nullable(null)
select format('%s-%s', 1, 'a')
select regexp_replace('abc', 'b', 'x')
select to_hex(255), to_char(5, '9'), to_number('5', '9')
select to_hex(255)
select overlay('abcdef' placing 'XX' from 2 for 3)
select now() = now(), now() = current_timestamp, now() > timestamptz '2020-01-01', transaction_timestamp() = now(), statement_timestamp() is not null
select clock_timestamp() is not null
select extract(year from timestamptz '2026-07-04 12:34:56.789'), extract(month from timestamptz '2026-07-04'), extract(day from timestamptz '2026-07-04'), extract(hour from timestamptz '2026-07-04 12:34'), extract(minute from timestamptz '2026-07-04 12:34'), extract(second from timestamptz '2026-07-04 12:34:56.789'), extract(epoch from timestamptz '2026-07-04'), extract(dow from timestamptz '2026-07-04'), extract(doy from timestamptz '2026-07-04'), extract(quarter from timestamptz '2026-07-04'), extract(week from timestamptz '2026-07-04')
select date_part('year', timestamptz '2026-07-04')
select extract(nosuch from timestamptz '2026-07-04')
select date_trunc('day', timestamptz '2026-07-04 12:34:56'), date_trunc('month', timestamptz '2026-07-04 12:34:56'), date_trunc('hour', timestamptz '2026-07-04 12:34:56')
select date_trunc('nosuch', timestamptz '2026-07-04 12:34:56')
select timestamptz '2026-01-01' + interval '1 day'
select timestamptz '2026-01-02' - timestamptz '2026-01-01'
select timestamptz '2026-01-01' + 1
select age(timestamptz '2026-01-01')
select timestamptz '2026-01-01' at time zone 'UTC'
select to_timestamp(0)
select to_timestamp(1700000000.5)
select make_timestamptz(2026, 1, 1, 0, 0, 0)
select timestamptz '2026-01-01' < '2026-01-02', timestamptz '2026-01-01' = '2026-01-01 00:00:00+00', timestamptz '2026-01-01 01:00+01' = timestamptz '2026-01-01'
select '2026-01-01'::timestamptz::text, timestamptz '2026-01-01 10:00:00.5'::text, timestamptz '0044-03-15 BC'
select timestamptz 'Jan 5 2026'
select timestamptz '01/02/2026'
select timestamptz '20260102'
select timestamptz '2026-01-02 10:11 PM'
select timestamptz 'now' is not null
select timestamptz 'epoch', timestamptz '1970-01-01'
select timestamptz '294277-01-01'
select timestamptz '2026-01-01 10:00:00.1234567', timestamptz '2026-1-2 3:4', timestamptz '2026-01-01 24:00', timestamptz '2026-01-01 23:59:60'
select timestamptz '2026-01-01 10:00 America/New_York'
select timestamptz '2026-01-01 10:00 UTC', timestamptz '2026-01-01 10:00 Z'
select version() is not null, current_schema, current_schema()
select nosuch(1)
select nosuch.f(1)
select length(1)
select length()
select upper(1)
select lower(null), upper(null::text)
select substr(1, 2)
select round('x')
select round(1.5, 'x')
select abs('x')
select abs(true)
select coalesce(length(null), -1)
select pg_catalog.length('abc'), pg_catalog.upper('x')
select pg_typeof(1)
select pg_sleep(0)
select txid_current()
select nextval('s')
select gen_random_uuid()
select uuid_generate_v4()
select json_build_object('a', 1)
select jsonb '{"a":1}'
select xmlparse(content 'x')
select current_setting('server_version') is not null
select obj_description(1)
select pg_table_size('x')
select has_table_privilege('x', 'select')
select set_config('a.b', 'c', false)
select lastval()
select row_to_json(row(1))
select string_to_array('a,b', ',')
select array_length(array[1], 1)
select generate_series(1, 2)
select unnest(array[1])
select inet '1.2.3.4'
select money '1.00'
select point '(1,2)'
select crc32('a')
select hashtext('a')
select num_nonnulls(1, null), num_nulls(1, null)
select typeof(1)
select ifnull(1, 2)
select group_concat('a')
select substr('a', 1, 1, 1)
select sqlite_version()
select total(1)
select unicode('a')
select hex('a')
select printf('%d', 1)
select glob('a', 'a')
select 'a' glob 'a'
select 'a' regexp 'a'
select instr('abc', 'b')
select iif(true, 1, 2)
select date('2026-01-01')
select strftime('%Y', 'now')
select julianday('now')
select changes()
select last_insert_rowid()
select random() < 2
select zeroblob(5)
select quote('a')
select char(65)
select json('{}')
select abs(-9223372036854775808)
select trustsql_nosuch(1)
select round(12.345, 2), round(12.345::numeric(10,3), 1), trunc(12.345, 1), round(null), round(1e10, 2)
select least('b', 'a'), greatest(timestamptz '2026-01-01', '2025-01-01'), greatest(true, false), least('\x01'::bytea, '\x00')
select quote_literal('it''s'), quote_literal(42), quote_literal(E'a\\b''c'), quote_literal(null), quote_literal(true), quote_literal('')
select quote_literal(1.50), quote_literal('\x01ff'::bytea), quote_literal(timestamptz '2020-01-01 00:00:00+00'), quote_literal('é'::text)
select quote_literal('a', 'b')
