-- DISTINCT ON, WITH TIES, INTERSECT ALL, EXCEPT ALL.
create table d (id integer primary key, g text, v integer, n numeric(8,2))
insert into d values (1,'a',3,1.00),(2,'a',1,2.00),(3,'b',2,null),(4,'b',2,0.50),(5,null,9,1.00),(6,null,8,1.00),(7,'c',null,7.25)
select distinct on (g) g, id, v from d order by g, v, id
select distinct on (g) g, id from d order by g, v desc nulls last, id
select distinct on (g) * from d order by g desc, id
select distinct on (g) id, v from d order by g nulls first, id desc limit 2
select distinct on (1) g, id from d order by 1, 2
select distinct on (x) g as x, id from d order by x, id
select distinct on (v % 2) v % 2 as odd, id from d order by v % 2, id
select distinct on (g, v) g, v, id from d order by v, g, id
select distinct on (n) n, id from d order by n, id
select distinct on (g) id from d order by v
select distinct on (g) id from d order by g, v, id
select distinct on (g) g, sum(v) from d group by g, id order by g, sum(v) desc nulls last
select distinct on (g) g, id, row_number() over (order by id) from d order by g, id
select count(*) from (select distinct on (g) g, id from d order by g, id) x
select id from d where id in (select distinct on (g) id from d order by g, id) order by id
select id, v from d order by v fetch first 3 rows with ties
select id, v from d order by v desc nulls last fetch first 1 rows with ties
select id, v from d order by v offset 1 fetch first 2 rows with ties
select id, n from d order by n fetch first 2 rows with ties
select id from d fetch first 2 rows with ties
select g, count(*) from d group by g order by count(*) desc, g fetch first 1 row with ties
select v from d intersect all select v from d where id <> 3 order by 1
select v from d except all select v from d where id = 3 order by 1
select g, v from d except all select g, v from d where id < 3 order by 1, 2
(select 1 union all select 1 union all select 2) intersect all (select 1 union all select 1 union all select 1) order by 1
(select 1 union all select 1 union all select 2) except all select 1 order by 1
select 1 union all (select 2 intersect all select 2) order by 1
select x from (select v as x from d except all select 2) y order by x
(select null::integer union all select null) intersect all select null
create table d2 (id integer primary key, g text)
insert into d2 select distinct on (g) id, g from d order by g, id
insert into d2 select distinct on (g) id, g from d order by g, v
select * from d2 order by id
select id, v > any (select v from d where g = 'b') from d order by id
select id, v >= all (select v from d where v is not null) from d order by id
select id, v < all (select v from d where g = 'zzz'), v < any (select v from d where g = 'zzz') from d order by id
select id, v <> any (select v from d where g = 'a') from d order by id
select id, v = all (select v from d where id = 3) from d order by id
select id, n > any (select n from d where id < 3), n <= all (select n from d) from d order by id
select id from d a where v > all (select v from d b where b.g = a.g and b.id <> a.id) order by id
select id from d where (g, v) = ('a', 3) order by id
select id, (g, v) = ('a', 3), (g, v) <> ('a', 3) from d order by id
select id, (v, id) < (2, 4), (v, id) <= (2, 4), (v, id) > (2, 3), (v, id) >= (2, 3) from d order by id
select id from d where (g, v) in (('a', 3), ('b', 2)) order by id
select id, (g, v) not in (('a', 3), ('b', 2)) from d order by id
select id from d where (g, v) in (select g, v from d where id > 2) order by id
select id, (g, v) not in (select g, v from d where id > 2) from d order by id
select (1, 2) = (1, 2, 3)
select (1, 2) in (select 1)
select row(1, 2) < row(1, 3), (1, 'b') > (1, 'a'), (1, null) < (2, null), (1, null) = (2, 2), (1, null) = (1, 2)
select (n, id) > (1.00, 3) from d order by id
create table dn (id integer primary key, x numeric, g text)
insert into dn values (1, 1.5, 'a'), (2, 2.25, 'a'), (3, 1.5, 'b'), (4, null, 'b'), (5, null, 'a'), (6, 10, 'a'), (7, 10, 'a')
select distinct x from dn order by x
select distinct x, g from dn order by g, x desc
select distinct x * 2 from dn order by 1
select distinct g, x / 3 from dn order by 1, 2
select count(*) from (select distinct x from dn) y
select x from dn union select 7.75 order by 1
select x, g from dn union select id, g from dn order by 1, 2
select 1 union select 2.5 union select 3 order by 1 desc
select 1.5 union select 2.5 order by 1 limit 1
select distinct x from dn order by x limit 2
select x from dn union select 1 intersect select 1 order by 1
select distinct x, row_number() over (order by id) from dn order by 2
insert into dn (id, x) select 100, x from (select distinct x from dn) y where x = 2.25
