-- Constants of every kind, casts and the text form of results.
select 1, -1, +1, 1.5, -1.5, .5, 5., 1e3, 1.5e-3, 0x1F
select 1e3
select 1.5e-3, 1E+2, 123456789012345678901234567890
select 2147483647, 2147483648, -2147483648, 9223372036854775807, 9223372036854775808, -9223372036854775808
select 'text', 'it''s', '', 'a\b', E'a\tb\n', E'\x41\101\u00e9', E'it\'s', U&'\0441'
select $$dollar 'quoted'$$, $tag$with $$ inside$tag$
select 'con' 'cat'
select 'con'
  'cat'
select true, false, null, TRUE, False
select 't'::boolean, 'yes'::bool, 'on'::bool, '1'::bool, 'f'::bool, 'no'::bool, 'off'::bool, '0'::bool, ' TRUE '::bool, 'tr'::bool, 'ye'::bool, 'n'::bool
select 'o'::bool
select 'maybe'::bool
select ''::bool
select 1::bool, 0::bool, 5::boolean
select true::int, false::int, true::text, false::text
select '1'::int, ' 42 '::int, '-7'::bigint, '+5'::int
select 'x'::int
select ''::int
select '1.5'::int
select '99999999999'::int
select '99999999999999999999'::bigint
select 1.5::int, 2.5::int, -1.5::int, -2.5::int, 0.5::int, 1.4999::int
select 2147483647.4::int
select 2147483647.5::int
select 3000000000::int
select 100000::smallint
select cast(1 as text), cast('5' as integer), cast(1.999 as numeric(3,1)), cast(5 as bigint)
select int '5', integer '-5', bigint '7', text 'abc', boolean 't', numeric '1.50', bytea '\xdead'
select numeric(5,1) '12.345'
select timestamptz '2026-01-01', timestamptz '2026-01-01 12:34:56.789', timestamptz '2026-01-01T12:34:56Z', timestamptz '2026-01-01 12:00+02', timestamptz '2026-01-01 12:00:00-05:30'
select timestamp with time zone '2026-01-01 00:00:00+00'
select '2026-02-30'::timestamptz
select '2026-13-01'::timestamptz
select 'yesterday-ish'::timestamptz
select '2026-01-01 25:00'::timestamptz
select 'infinity'::timestamptz, '-infinity'::timestamptz
select '2024-02-29'::timestamptz, '0001-01-01'::timestamptz, '9999-12-31 23:59:59.999999'::timestamptz
select date '2026-01-01'
select '2026-01-01'::date
select interval '1 day'
select '\xDEADbeef'::bytea, '\x'::bytea, 'abc'::bytea, '\001\\x'::bytea, E'\\xab'::bytea
select '\xabc'::bytea
select '\xzz'::bytea
select 'abc\1'::bytea
select '\x6162'::bytea::text, 'x'::text::bytea
select 1.0::numeric, 1.10::numeric(10,3), 0.00, -0.0, 00012.300
select 'NaN'::numeric
select 'Infinity'::numeric
select '1e5'::numeric, '1.5E-3'::numeric, ' 12.30 '::numeric, '.5'::numeric, '5.'::numeric
select 'abc'::numeric
select ''::numeric
select '1_000'::numeric
select 12.345::numeric(4,2), 12.355::numeric(4,2), -12.345::numeric(4,2), 0.005::numeric(3,2), 99.995::numeric(5,2)
select 99.995::numeric(4,2)
select 123::numeric(2)
select 5::text || 'x', 5 || 'x', 'x' || 5, true || 'x'
select 1 || 2
select 'a' || null, null || null
select 'a'::varchar(3), 'abcdef'::varchar(3), 'abc'::char(5), 'x'::"char", 'name'::name
select 'abcdef'::varchar(3), 'ab '::varchar(3)
select 1 as "Mixed", 2 as lower, 3 AS UPPER, 4 "quoted alias", 5 five
select 1, 'a', true, null, 1.5, now() is not null, count(*), sum(1), coalesce(1, 2), case when true then 1 end, nullif(1, 2), cast(1 as bigint), 1::text, exists(select 1), -1, not true
select length('abc'), upper('a'), 1 + 1, (select 5), (select 6 as six), array[1]
select length('abc'), upper('a'), 1 + 1, (select 5), (select 6 as six)
select b'101', x'ff'
select 1 2
select 'unterminated
select "unterminated
select $1
select ;
;
select
selec 1
select 1;;select 2
select * from
select 1 from nosuch
select nosuch
select nosuch.a
select 1 /* comment */ + 2 -- end
select /* nested /* comment */ still */ 7
select 1/*
select 'ü', 'ÄÖ', length('üÄ'), '日本語', length('日本語'), octet_length('日本語')
select '🎉' as "🎉", char_length('🎉')
select current_user = session_user, current_database() = current_catalog
select current_date
select current_time
select localtimestamp is null, localtime is null
select null::int, null::text, null::numeric(5,2), null::boolean
select null = null, null is null, null is not null, null <> 1
select row(1, 2)
select (1, 2) = (1, 2), (1, 2) < (1, 3), (1, null) = (1, 2), (1, 2) <> (1, 2)
select array[1,2,3]
select '{1,2}'::int[]
select 1::nosuchtype
select 1::text::int::numeric::text
select '12'::text::int, '12.5'::text::numeric, 'true'::text::bool
select 5::numeric::int, 5.5::numeric::bigint, 5::bigint::int, 5::int::smallint
select 'abc'::text::int
select 1::timestamptz
select true::numeric
select 'a'::text::timestamptz
select 1.5::bool
select '\x01'::bytea::int
