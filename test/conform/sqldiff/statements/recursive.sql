-- WITH RECURSIVE.
create table tree (id integer primary key, parent integer, name text not null)
insert into tree values (1, null, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'a1'), (5, 2, 'a2'), (6, 4, 'a1x'), (7, null, 'other')
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select i from n order by i
with recursive n(i) as (values (1) union all select i + 1 from n where i < 5) select sum(i) from n
with recursive n as (select 1 as i union all select i + 1 from n) select i from n limit 3
with recursive down(id, name, depth) as (select id, name, 0 from tree where parent is null union all select t.id, t.name, d.depth + 1 from tree t join down d on t.parent = d.id) select * from down order by depth, id
with recursive down(id, path) as (select id, name from tree where id = 1 union all select t.id, d.path || '/' || t.name from tree t, down d where t.parent = d.id) select * from down order by path
with recursive up(id, parent) as (select id, parent from tree where id = 6 union select t.id, t.parent from tree t join up u on u.parent = t.id) select id from up order by id
with recursive c(x) as (select 1 union select x % 3 + 1 from c) select x from c order by x
with recursive a as (select 1 as x union all select x + 1 from a where x < 3), b as (select x * 10 as y from a) select y from b order by y
with recursive plain as (select id from tree where id < 3) select * from plain order by id
with recursive plain as (select 1 as x union all select 2) select * from plain order by x
with recursive plain as (select null as x union all select 2) select * from plain order by x
with recursive n(i) as (select 1 union all select i + 1.5 from n where i < 5) select i from n
with recursive n(i) as (select 1::numeric(5,2) union all select i + 1 from n where i < 5) select i from n
with recursive n(i) as (select 1::numeric union all select i + 1.5 from n where i < 5) select i from n order by i
with recursive n(i) as (select 'a' union all select i || 'b' from n where length(i) < 4) select i from n order by i
with recursive n as (select i + 1 as i from n) select * from n
with recursive n(i) as (select i from n union all select 1) select * from n
with recursive n(i) as (select 1 union all select a.i + 1 from n a, n b where a.i < 3) select * from n
with recursive n(i) as (select 1 union all select max(i) + 1 from n) select * from n
with recursive n(i) as (select 1 union all select t.id from tree t left join n on n.i = t.id where t.id < 0) select * from n
with recursive n(i) as (select 1 union all select i + 1 from n where i < 9 order by 1) select * from n
with recursive n(i) as (select 1 union all select i + 1 from n where i < 9 limit 3) select * from n
with recursive n(i) as (select 1 union all select i + 1 from n where i in (select i from n)) select * from n
with recursive n(i, j) as (select 1 union all select i + 1 from n) select * from n
with recursive n(i) as (select 1 union all select i + 1, 2 from n) select * from n
with recursive f(a, b) as (select 0::bigint, 1::bigint union all select b, a + b from f where b < 1000) select a from f order by a
select * from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select * from n) x order by i
select id, (with recursive d(x) as (select t.id union all select c.id from tree c join d on c.parent = d.x) select count(*) from d) from tree t order by id
create table sums (id integer primary key, total bigint)
insert into sums with recursive n(i, s) as (select 1, 1::bigint union all select i + 1, s + i + 1 from n where i < 6) select i, s from n
select * from sums order by id
with recursive big(i) as (select 5 union all select i - 1 from big where i > 3) delete from sums where id in (select i from big)
select * from sums order by id
with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) update sums set total = 0 where id in (select i from n)
select * from sums order by id
