-- GROUPING SETS, ROLLUP, CUBE, GROUPING().
create table gs (id integer primary key, a text, b text, v integer, n numeric(6,2))
insert into gs values (1,'x','p',1,1.10),(2,'x','q',2,2.20),(3,'y','p',3,3.30),(4,'y',null,4,null),(5,null,'q',5,5.50)
select a, sum(v) from gs group by rollup (a) order by a, sum(v)
select a, b, sum(v), count(*) from gs group by rollup (a, b) order by a, b, 3
select a, b, sum(v) from gs group by cube (a, b) order by a, b, 3
select a, b, sum(v) from gs group by grouping sets ((a, b), (a), ()) order by a, b, 3
select a, b, sum(v) from gs group by grouping sets (a, b, ()) order by a, b, 3
select a, b, sum(v) from gs group by a, rollup (b) order by a, b, 3
select a, b, grouping(a), grouping(b), grouping(a, b), sum(v) from gs group by cube (a, b) order by 5, a, b
select a, grouping(a) from gs group by a order by a
select a, b, sum(v) from gs group by (a, b) order by a, b
select count(*) from gs group by ()
select 1 from gs group by ()
select count(*) from gs where false group by ()
select count(*) from gs where false group by rollup (a)
select a, count(*) from gs group by grouping sets ((), ()) 
select a, sum(v) from gs group by rollup (a) having sum(v) > 4 order by a, 2
select a, b, sum(v) from gs group by rollup (a, b) having grouping(b) = 1 order by a, b, 3
select coalesce(a, '*'), sum(v) * 2 + 1 from gs group by rollup (a) order by 1, 2
select a || '!', sum(v) from gs group by rollup (a || '!') order by 1, 2
select upper(a), sum(v) from gs group by rollup (a) order by 1, 2
select a, b, v from gs group by rollup (a, b)
select id, a, sum(v) from gs group by rollup (id) order by id
select distinct a from gs group by rollup (a, b) order by a
select a, sum(n), avg(n) from gs group by rollup (a) order by a, 2
select n, count(*) from gs group by rollup (n) order by n, 2
select grouping(v) from gs group by a
select a, b, sum(v) from gs group by rollup ((a, b)) order by a, b, 3
select a, b, sum(v) from gs group by grouping sets (rollup (a), cube (b)) order by a, b, 3
select a, sum(v) from gs group by distinct rollup (a), rollup (a) order by a, 2
select a, sum(v) from gs group by rollup (a) order by grouping(a), a
select a, sum(v) from gs group by rollup (a) order by a, 2 limit 2
select * from (select a, sum(v) as s from gs group by rollup (a)) x where a is null order by s
select a, sum(v) from gs group by rollup (a) union all select 'z', 0 order by 1, 2
select x.a, sum(y.v) from gs x join gs y on x.id <= y.id group by rollup (x.a) order by 1, 2
select a as k, count(*) from gs group by rollup (k) order by k, 2
select a, count(*) from gs group by rollup (1) order by 1, 2
create table gs2 (a text, s bigint)
insert into gs2 select a, sum(v) from gs group by rollup (a)
select * from gs2 order by a, s
select 1 from gs having true
select 1 from gs having false
select 5 from gs having count(*) > 2
select a from gs having true
