-- LATERAL, functions in FROM and in the list of columns, names of joins.
create table t (a int primary key, b text, c numeric, e int[], j jsonb, d date)
insert into t values (1, 'one', 1.50, '{1,2,3}', '{"a": 1, "b": [1, 2]}', '2020-01-01'), (2, 'two', 2.25, '{4,5}', '{"a": 2}', '2021-02-01'), (3, 'three', null, null, null, null), (4, 'four', 0, '{}', '{}', '1999-12-31')
create table u (id int primary key, a int, v text, n numeric(10, 2))
insert into u values (1, 1, 'x', 1.5), (2, 1, 'y', 2.5), (3, 2, 'z', null), (4, 9, 'w', 7)
-- queries
select t.a, l.v from t, lateral (select v from u where u.a = t.a order by id limit 1) l order by 1
select t.a, l.v from t left join lateral (select v from u where u.a = t.a order by id limit 1) l on true order by 1
select t.a, l.v from t left join lateral (select v, n from u where u.a = t.a) l on l.n > 2 order by 1
select t.a, l.n, l.m from t cross join lateral (select count(*) n, max(n) m from u where u.a = t.a) l order by 1
select t.a, l.* from t cross join lateral (select t.a + 1 as n, t.b || '!' as b, t.c, t.e, t.d) l order by 1
select t.a, l.n from t, lateral (select t.a * 2) l(n) where l.n > 2 order by 1
select t.a, x.v, y.w from t, lateral (select v, id from u where u.a = t.a) x, lateral (select x.v || x.id || t.b as w) y order by 1, 2
select t.a, x.v from t join lateral (select * from u where u.a = t.a union all select 100, t.a, 'last', 0) x on x.id > 1 order by 1, 2
select t.a, s.total from t, lateral (with w as (select n from u where u.a = t.a) select sum(n) as total from w) s order by 1
select o.a, (select max(l.v) from u, lateral (select u.v || o.b as v) l where u.a = o.a) from t o order by 1
select u.id, l.a from u, t left join lateral (select u.id + t.a as a) l on true order by 1, 2
select t.a, l.v from t right join lateral (select v from u where u.a = t.a) l on true
select t.a from t full join lateral (select v from u where u.a = t.a) l on true
select l.a from lateral (select 1 as a) l
select t.a, l.x from t, lateral (select a as x from u where id = 1) l order by 1
select t.a, l.x from t, (select t.a as x) l
select a, b from t, lateral (values (t.a, 'p'), (t.a + 10, 'q')) l(x, y) where l.x > 3 order by 1
select t.a, l.r from t, lateral (select row_number() over (order by id) as r from u where u.a = t.a) l order by 1, 2
select t.a, l.c from t, lateral (select t.c + n as c from u where u.a = t.a) l where l.c = 3.00
select t.a, l.c from t, lateral (select distinct t.c as c) l order by l.c, t.a
select l.k, count(*) from t, lateral (select case when t.a > 2 then 'big' else 'small' end as k) l group by l.k order by 1
insert into u select 100 + t.a, l.m, 'new', l.m from t, lateral (select max(id) as m from u where u.a = t.a) l where l.m is not null returning id, a, n
update u set v = l.s from t, lateral (select t.b || t.a as s) l where u.a = t.a and u.id < 100
select id, v from u order by id
delete from u using t, lateral (select t.a + 100 as k) l where u.id = l.k
select id from u order by id
-- functions in FROM
select a, g from t, generate_series(1, a) g order by 1, 2
select a, g from t, lateral generate_series(a, 1, -1) g order by 1, 2
select a, g from t left join generate_series(3, a) g on true order by 1, 2
select a, x from t left join lateral unnest(e) x on true order by 1, 2
select a, x, n from t, unnest(e) with ordinality as q(x, n) order by 1, 3
select * from generate_series(1, 3) with ordinality
select * from generate_series(1, 3) with ordinality as g(v, n)
select * from generate_series(timestamp '2020-01-01', timestamp '2020-01-03', interval '1 day') with ordinality g
select * from rows from (generate_series(1, 3), generate_series(5, 6)) as x(a, b)
select * from rows from (generate_series(1, 3), unnest(array['a', 'b']), abs(-7)) with ordinality as x(a, b, c, n)
select * from rows from (jsonb_each('{"a": 1, "b": 2}'), generate_series(1, 3)) x
select * from unnest(array[1, 2, 3], array['a', 'b']) as x(a, b)
select * from unnest(array[1.5, 2.25], array['2020-01-01'::date], array['\x01'::bytea, '\x02', '\x03']) x
select t.a, x.* from t, unnest(t.e, array[t.a]) x order by 1, 2
select * from jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') as x(a int, b text)
select * from json_to_recordset('[{"a": 1.5, "b": "x", "c": true, "d": {"y": [1]}}, {"a": null, "d": null}]') as x(a numeric(5, 2), b varchar(3), c bool, d json, e date)
select * from jsonb_to_record('{"a": 1, "b": "2020-01-02"}') as x(a int, b date)
select * from json_to_record('{"a": "12"}') as (a int, b text)
select * from json_to_record(null) as x(a int)
select * from json_to_recordset('[{"a": "x"}]') as x(a int)
select * from json_to_recordset('[{"b": "abcd"}]') as x(b varchar(3))
select t.a, r.b from t, jsonb_to_record(t.j) as r(a int, b jsonb) order by 1
select * from abs(-3)
select * from lower('ABC') as l
select l.* from lower('ABC') as l(x)
select * from t, abs(t.a - 3) z where z < 2 order by a
select x.up from t cross join upper(t.b) as x(up) order by 1
select a, k from t, jsonb_object_keys(j) k order by 1, 2
select a, key, value from t, jsonb_each(j) order by 1, 2
select a, value from t, jsonb_array_elements(j -> 'b') order by 1, 2
select a, w from t, regexp_split_to_table(b, 'e') w order by 1, 2
select count(*) from generate_series(1, 2000) a, generate_series(1, a % 3) b
select * from generate_series(1, 3) g where g in (select x from unnest(array[g, 9]) x where x < 3)
-- functions that give rows in the list of columns
select generate_series(1, 3)
select a, generate_series(1, a) from t order by 1, 2
select a, generate_series(1, a) as g from t where a < 3 order by g desc, a
select unnest(array[1, 2, 3])
select unnest(array['a', null, 'b']) as x, 1 as y
select a, unnest(e) from t order by 1, 2
select a, unnest(e) * 10 + a as x from t order by 2 desc
select generate_series(1, 3) as g, unnest(array['a', 'b']) as u
select a, unnest(e), generate_series(1, a) from t order by a
select unnest(e), unnest(e) from t
select distinct unnest(e) % 2 from t order by 1
select distinct on (a) a, unnest(e) x from t order by a, x desc
select a, unnest(e) as x from t order by a limit 4
select a from t order by unnest(e), a
select jsonb_array_elements('[1, "x", null]'::jsonb), jsonb_array_elements_text('[1, "x", null]')
select jsonb_object_keys('{"a": 1, "b": 2}'::jsonb)
select regexp_split_to_table('a b c', ' '), string_to_table('x,y', ',')
select count(*) from (select generate_series(1, 10) as x) s
select sum(x) from (select unnest(e) as x from t) s
select * from t where a in (select unnest(array[1, 3])) order by a
select a, (select sum(x) from (select unnest(t.e) as x) s) from t order by 1
select array(select generate_series(1, 4))
select generate_series(1, 2) union all select 7 order by 1
select generate_series(1, 3) order by 1 desc limit 2
with w as (select generate_series(1, 3) as x) select x * 2 from w order by 1
select t.a, l.x from t, lateral (select unnest(t.e) as x) l order by 1, 2
insert into u (id, a) select generate_series(1001, 1003), 5
insert into u (id, a) select unnest(array[1004, 1005]), unnest(array[1, 2]) returning id, a
select id, a from u where id > 1000 order by 1
select a from t where generate_series(1, 2) = a
select case when true then generate_series(1, 2) end
select coalesce(generate_series(1, 2), 1)
select count(generate_series(1, 2))
insert into u (id) values (generate_series(2001, 2002))
update u set a = generate_series(1, 2)
select 1 limit generate_series(1, 2)
select generate_series(1, 2) group by 1
select max(a), generate_series(1, 2) from t
select unnest(1)
-- names of joins
select * from (t join u using (a)) as j order by 1, id
select j.a, j.v from (t join u using (a)) as j where j.id < 3 order by 2
select j.v from (t join u on t.a = u.a) as j(a1, b1, c1, e1, j1, d1, id, a2, v) order by 1
select j.a from (t join u on t.a = u.a) as j
select t.a from (t join u using (a)) as j
select j.* from (t left join u using (a)) j order by j.a, j.id
select j.a, count(*), sum(j.id) from (t join u using (a)) j group by j.a order by 1
select j.b, count(*) from (t join u using (a)) j group by j.a
select x.a, t.a, u.a from t join u using (a) as x order by u.id
select x.* from t join u using (a) as x order by 1
select x.v from t join u using (a) as x
select k.a from ((t join u using (a)) as j join u w using (id)) as k
select j.a, w.v from (t left join u using (a)) as j left join u w on w.id = j.id order by 1, 2
select j.a from (t full join u using (a)) as j order by 1
-- any and all over arrays
select 3 > any (array[1, 2, 5]), 3 < all (array[4, 5]), 3 >= all (array[1, 2]), 'a' = any ('{a,b}'), 2 > all ('{}')
select 1 <> any (array[1, 2]), 1 = all (array[1, 1]), null = any (array[1]), 1 < any (null::int[]), 2 < any (array[1, null]), 2 > all (array[1, null])
select 'abc' like any (array['a%', 'b%']), 'abc' ilike all (array['A%']), 'abc' ~ any (array['x', 'b']), 'abc' not like all (array['x%', 'y'])
select 1.5 >= any (array[1.50, 2]), date '2020-01-01' < all (array['2020-01-02'::date]), 1 + any (array[1])
select a from t where a < any (e) order by a
select a from t where a < all (e) order by a
select a from t where 'o%' like any (array[b])
-- similar to
select 'abc' similar to '(a|b)%', 'abc' not similar to 'a_c', 'a.c' similar to 'a\.c', 'a.c' similar to 'a.c', 'abc' similar to 'a.c'
select 'abc' similar to 'a%' escape '!', 'a%' similar to 'a!%' escape '!', 'ab' similar to 'a%' escape '', 'aaa' similar to 'a{2,3}', 'abc' similar to '[a-c]+'
select 'abc' similar to 'a%' escape 'ab'
select 'abc' similar to null, null similar to 'a', 'x' similar to '', '' similar to '%'
select 'a\b' similar to 'a\\b', '^a$' similar to '^a$', 'é' similar to '_'
-- zones and periods
select timestamp '2020-01-02 03:04:05' at time zone 'UTC', timestamptz '2020-01-02 03:04:05+00' at time zone '+02', timestamptz '2020-01-02 03:04:05+00' at time zone interval '2 hours'
select timestamptz '2020-01-02 03:04:05+00' at time zone 'EST', timestamp '2020-01-02 03:04:05' at time zone 'pst', timestamptz '2020-01-02 03:04:05+00' at time zone '-5:30', timestamptz 'infinity' at time zone 'utc'
select timezone('UTC', timestamptz '2020-01-02 03:04:05+00'), timezone(interval '1 day', timestamptz '2020-01-02 03:04:05+00')
select date '2020-01-02' at time zone 'EST', now() at time zone 'utc' = now()::timestamp
select (date '2020-01-01', date '2020-02-01') overlaps (date '2020-01-15', date '2020-03-01'), (date '2020-01-01', date '2020-02-01') overlaps (date '2020-02-01', date '2020-03-01')
select (timestamp '2020-01-01', interval '1 day') overlaps (timestamp '2020-01-01 12:00', interval '1 day'), (time '10:00', time '09:00') overlaps (time '09:30', time '09:45')
select (date '2020-01-01', null) overlaps (date '2020-01-15', date '2020-03-01'), (date '2020-01-01', null) overlaps (date '2019-01-15', date '2020-03-01'), (null, null) overlaps (date '2020-01-01', date '2020-02-01'), (date '2020-01-01', date '2020-01-01') overlaps (date '2020-01-01', date '2020-01-01')
-- windows
select a, percent_rank() over (order by a), cume_dist() over (order by a), percent_rank() over (order by a % 2), cume_dist() over (order by a % 2) from t order by 1
select a, percent_rank() over (partition by a % 2 order by a) + 1 as p from t order by p, a
