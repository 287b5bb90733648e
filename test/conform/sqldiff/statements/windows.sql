-- Window functions, frames and named windows.
create table w (id integer primary key, g text, v integer, n numeric(8,2), t text)
insert into w values (1,'a',10,1.50,'x'),(2,'a',20,2.25,'y'),(3,'a',20,null,'z'),(4,'b',5,10.00,'p'),(5,'b',null,0.01,'q'),(6,'b',7,3.33,null),(7,null,1,1.00,'r'),(8,null,2,2.00,'s')
select id, row_number() over (order by id) from w order by id
select id, row_number() over (partition by g order by id desc) from w order by id
select id, rank() over (partition by g order by v), dense_rank() over (partition by g order by v) from w order by id
select id, rank() over (order by v desc nulls last) from w order by id
select id, rank() over (order by v desc) from w order by id
select id, lag(v) over (order by id), lead(v) over (order by id) from w order by id
select id, lag(v, 2) over (order by id), lead(v, 2, -1) over (order by id) from w order by id
select id, lag(v, 0) over (order by id) from w order by id
select id, lag(n, 1, 0) over (order by id), lag(t, 1, 'none') over (partition by g order by id) from w order by id
select id, lag(v, 1, 1.5) over (order by id) from w order by id
select id, first_value(v) over (partition by g order by id), last_value(v) over (partition by g order by id) from w order by id
select id, last_value(v) over (partition by g order by id rows between unbounded preceding and unbounded following) from w order by id
select id, nth_value(v, 2) over (partition by g order by id) from w order by id
select id, nth_value(v, 0) over (order by id) from w
select id, ntile(3) over (order by id) from w order by id
select id, ntile(0) over (order by id) from w
select id, sum(v) over (order by id), avg(v) over (order by id), count(*) over (order by id), count(v) over (order by id) from w order by id
select id, sum(n) over (partition by g order by id), min(n) over (partition by g), max(n) over (partition by g order by id) from w order by id
select id, sum(v) over (order by id rows between 1 preceding and 1 following) from w order by id
select id, sum(v) over (order by id rows between 2 preceding and 1 preceding) from w order by id
select id, avg(n) over (order by id rows 2 preceding) from w order by id
select id, sum(n) over (order by id rows between current row and unbounded following) from w order by id
select id, count(*) over (order by v range between 5 preceding and 5 following) from w where v is not null order by id
select id, count(*) over (order by v groups between 1 preceding and current row) from w order by id
select id, sum(v) over (order by v rows between unbounded preceding and unbounded following exclude current row) from w order by id
select id, count(*) over (order by v range between unbounded preceding and current row exclude ties) from w order by id
select id, count(*) over (order by v range between unbounded preceding and current row exclude group) from w order by id
select id, min(v) over (order by id rows between 1 preceding and current row), max(t) over (order by id rows between 1 preceding and current row) from w order by id
select id, string_agg(t, ',') over (partition by g order by id) from w order by id
select id, sum(v) filter (where v > 5) over (partition by g order by id) from w order by id
select g, sum(v), sum(sum(v)) over (order by g) from w group by g order by g
select g, count(*), rank() over (order by count(*) desc, g) from w group by g order by g
select g, rank() over (order by sum(v)) as r from w group by g having sum(v) > 3 order by r, g
select id, sum(v) over a, count(*) over (a rows 1 preceding), sum(v) over b from w window a as (partition by g order by id), b as (order by id) order by id
select id, sum(v) over (a order by id) from w window a as (partition by g) order by id
select id, sum(v) over (a partition by v) from w window a as (partition by g)
select id, sum(v) over (a order by v) from w window a as (order by id)
select id, sum(v) over missing from w
select id, sum(v) over (a) from w window a as (order by id rows 1 preceding)
select id, sum(v) over a from w window a as (order by id), a as (order by v)
select id from w where row_number() over () > 1
select id from w group by row_number() over ()
select count(*) from w having rank() over () > 1
select sum(row_number() over ()) from w
select rank() over (order by rank() over ()) from w
select row_number() from w
select lower(t) over () from w
select sum(distinct v) over () from w
select row_number() filter (where true) over () from w
select id, sum(v) over (order by id rows between -1 preceding and current row) from w
select id, sum(v) over (order by id, v range between 1 preceding and current row) from w
select count(*) over (groups 1 preceding) from w
select distinct count(*) over (partition by g) as c from w order by c
select id from w order by row_number() over (order by id desc)
select * from (select id, row_number() over (partition by g order by v desc nulls last, id) as r from w) x where r = 1 order by id
select id, row_number() over (order by n, id) from w where g is not null order by 2
select id, bool_and(v > 1) over (order by id), every(v > 0) over () from w order by id
select id, row_number() over (order by id) + 1 as k, 100 * sum(v) over () as s from w order by id
create table w2 (id integer primary key, r bigint, s bigint)
insert into w2 select id, row_number() over (order by id desc), sum(v) over (order by id) from w
select * from w2 order by id
update w2 set r = 0 where id in (select id from (select id, row_number() over (order by id) as k from w) x where k <= 2)
select * from w2 order by id
