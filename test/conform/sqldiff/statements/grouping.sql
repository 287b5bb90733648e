-- GROUP BY, HAVING, ORDER BY, DISTINCT, LIMIT, aggregates, set operations.
create table g (id int primary key, k text, v int, n numeric(8,2), f boolean, t timestamptz, b bytea, l bigint)
select count(*), count(v), sum(v), avg(v), min(v), max(v), min(k), max(k), min(t), bool_and(f), sum(n), avg(n), sum(l) from g
select sum(v) from g group by k
select count(*) from g having count(*) > 0
select count(*) from g having count(*) = 0
select 1 from g having true
insert into g values (1, 'a', 1, 1.10, true, '2026-01-01', '\x01', 10), (2, 'a', 2, 2.25, false, '2026-01-02', '\x02', 20), (3, 'b', 3, null, null, null, null, null), (4, 'b', null, 4.40, true, '2025-06-01 10:00', '\xff', 40), (5, null, 5, 5.55, false, '2026-05-05', '\x', 50), (6, 'c', 1, 1.10, true, '2026-01-01', '\x01', 9223372036854775807)
select count(*), count(v), sum(v), avg(v), min(v), max(v), min(k), max(k), min(t), max(t), bool_and(f), bool_or(f), every(f), sum(n), avg(n), sum(l), avg(l) from g
select k, count(*), sum(v), avg(v), min(n), max(n), sum(n), avg(n) from g group by k order by k
select k, count(*) from g group by k order by k nulls first
select k, count(*) from g group by k order by k desc
select k, count(*) from g group by k order by k desc nulls last
select k, count(*) from g group by k order by count(*) desc, k
select k as key, count(*) as c from g group by key order by c, key
select k, count(*) from g group by 1 order by 2, 1
select upper(k), count(*) from g group by upper(k) order by 1
select v % 2, count(*) from g group by v % 2 order by 1
select v % 2 as parity, sum(v) from g group by parity order by parity
select k, f, count(*) from g group by k, f order by k, f
select k, v from g group by k
select k, sum(v) + 1, sum(v) * 2 from g group by k order by k
select id, k, v from g group by id order by id
select g.* from g group by id order by id
select k || 'x', count(*) from g group by k order by k
select v from g group by k, v order by k, v
select sum(v) from g where sum(v) > 1
select sum(sum(v)) from g
select k, sum(v) from g group by k having sum(v) > 2 order by k
select k from g group by k having count(*) > 1 and k is not null order by k
select k from g group by k having v > 1
select k from g having k = 'a'
select k from g group by sum(v)
select k, count(*) from g group by 3
select k, count(*) from g group by 0
select k from g group by 'x'
select 1 from g group by k order by v
select k from g order by 2
select k from g order by 0
select k from g order by 'x'
select k from g order by nosuch
select k as x from g order by x, id
select k as x from g order by x || 'y'
select v as k from g order by k
select v as k, id from g order by k + 1
select -v as v, id from g order by v, id
select id from g order by v desc, id
select id from g order by v nulls first, id desc
select id from g order by v desc nulls last, id desc
select id from g order by k, v desc nulls first, id
select id from g order by (v is null), v, id
select id from g order by case when k = 'b' then 0 else 1 end, id
select id from g order by f, id
select id from g order by f desc, id
select id from g order by t, id
select id from g order by b, id
select id from g order by n desc, id
select id, v from g order by v + id
select id from g order by id using >
select id from g order by id limit 2
select id from g order by id limit 2 offset 1
select id from g order by id offset 4
select id from g order by id limit 0
select id from g order by id limit null
select id from g order by id limit all
select id from g order by id limit -1
select id from g order by id offset -1
select id from g order by id limit 1 + 1
select id from g order by id limit '2'
select id from g order by id limit 'x'
select id from g order by id limit 1.5
select id from g order by id limit v
select id from g order by id fetch first 2 rows only
select id from g order by id offset 1 rows fetch next 1 row only
select id from g order by v fetch first 1 rows with ties
select distinct k from g order by k
select distinct k, f from g order by k, f
select distinct v, n from g order by v, n
select distinct k from g order by v
select distinct on (k) k, v from g order by k, v
select distinct f from g
select distinct null, 1 from g
select distinct n from g order by n
select all k from g order by k
select count(distinct k), count(distinct v), count(distinct n), sum(distinct v), avg(distinct v) from g
select k, count(distinct f) from g group by k order by k
select count(distinct k, v) from g
select count(distinct (k, v)) from g
select count(*) filter (where v > 1), sum(v) filter (where f), count(*) filter (where false), sum(v) filter (where false) from g
select string_agg(k, ',') from g
select string_agg(k, ',' order by id) from g
select k, string_agg(id::text, ',' order by id desc) from g group by k order by k
select array_agg(v) from g
select min(f) from g
select max(b) from g
select sum(k) from g
select sum(f) from g
select avg(k) from g
select avg(t) from g
select bool_and(v) from g
select count() from g
select count(v, k) from g
select sum() from g
select sum(*) from g
select max(v) over () from g
select row_number() over (order by id) from g
select sum(v) over (partition by k) from g
select rank() over w from g window w as (order by id)
select k, count(*) from g group by rollup (k)
select k, count(*) from g group by grouping sets ((k), ())
select k, count(*) from g group by ()
select sum(v::numeric), avg(v::numeric), sum(v / 2.0), avg(v * 1.5), sum(n * 2), avg(n / 3) from g
select sum(v::bigint), sum(v::smallint), avg(v::smallint), max(v::numeric(5,1)) from g
select sum(1), sum(1.5), sum(null::int), avg(2), count(1), count(null), max('x'), min(1.0) from g
select sum(null) from g
select max(null) from g
select max(id) from g where k = 'zz'
select (select max(id) from g), (select count(*) from g where f)
select k from g union select 'z' order by k
select k from g union all select k from g order by k
select v from g intersect select id from g order by 1
select v from g except select 1 order by 1
select v from g except all select 1 order by 1
select v from g intersect all select v from g order by 1
select 1 union select 2 union all select 2 order by 1
select 1 union all select 2 intersect select 2 order by 1
(select 1 union all select 2) intersect select 2
select 1 union select 2.5 order by 1
select 1 union select 'x'
select 1 union select '2' order by 1
select 'x' union select 1
select null union select 1 order by 1
select null union select null
select 1, 2 union select 3
select k, v from g union select k from g
select 1 as a union select 2 as b order by a
select 1 as a union select 2 as b order by b
select 1 as a union select 2 order by a + 1
select 1.0 union select 1.00 union select 1
select 1.50 union all select 2 order by 1
select n from g union select 1.1 order by 1
(select id from g order by id desc limit 2) union all (select id from g order by id limit 1) order by 1
(select id from g order by id limit 1)
select id from g order by id limit 1 union select 2
select * from (select 1 as x union select 2) u order by x
select count(*) from (select k from g union select k from g) u
select k from g where v = (select max(v) from g)
select k from g where v > (select avg(v) from g) order by id
select (select 1, 2)
select (select id from g)
select (select id from g where false)
select id, (select count(*) from g g2 where g2.k = g.k) from g order by id
select id, (select max(g2.v) from g g2 where g2.id < g.id) from g order by id
select (select sum(g.v) from g g2 limit 1) from g
select x.k, x.c from (select k, count(*) as c from g group by k) x where x.c > 1 order by x.k
select avg(c) from (select count(*) as c from g group by k) x
select k from (select k, v from g order by v limit 3) x order by k, v
with w as (select * from g where f) select id, k from w order by id
with w (a, b) as (select id, k from g) select a, b from w where a < 3 order by a
with a as (select id from g), b as (select id from a where id > 2) select * from b order by id
with w as (select 1 as x) select * from w, w w2
with w as (select 1), w as (select 2) select 1
with w as (select 1) select * from v
with recursive w (n) as (select 1 union all select n + 1 from w where n < 5) select * from w
with w as (insert into g (id) values (99) returning id) select * from w
with w as (select 1 as x) insert into g (id) select x + 100 from w returning id
with w as (select 101 as x) update g set v = 7 from w where g.id = w.x returning g.id, v
with w as (select 101 as x) delete from g using w where id = x returning id
with w as (select 101 as x) delete from g where id in (select x from w) returning id
with w as materialized (select 1 as x) select * from w
with w as not materialized (select 1 as x) select x from w
table g
select into newt * from g
select * into newt from g
select id from g where id = 1 or id = (select 2) order by id
select exists (select 1 from g), exists (select 1 from g where false), not exists (select 1)
select id from g where (select f) order by id
select any_value(v) from g
select every(v > 0), bool_or(v > 4), bool_and(v is not null) from g
drop table g
