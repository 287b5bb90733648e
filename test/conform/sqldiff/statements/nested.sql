-- Aggregates over subqueries, types of NULLIF and CASE, defaults in INSERT … SELECT, deeper queries.
create table p (id integer primary key, grp text, v numeric(10,2), w numeric, n integer, at timestamptz)
insert into p values (1, 'a', 1.10, 1.5, 1, '2026-01-01'), (2, 'a', 2.20, 1.50, 2, '2026-02-01'), (3, 'b', null, 2, 3, null), (4, 'b', -1.00, null, null, '2026-03-01'), (5, null, 0.00, 0.001, 5, '2026-04-01')
select grp, count(*) filter (where exists (select 1 from p z where z.id = p.n)) from p group by grp order by grp
select grp, sum(case when exists (select 1 from p z where z.n = p.id) then 1 else 0 end) from p group by grp order by grp
select grp, sum((select z.n from p z where z.id = p.id)) from p group by grp order by grp
select grp, (select max(z.v) from p z where z.grp = p.grp) from p group by grp order by grp
select grp, (select max(z.v) from p z where z.id = p.id) from p group by grp order by grp
select count(*) from p having count(*) > 1
select 1 from p having count(*) > 1
select 1 from p having true
select max(v), min(v), max(w), min(w), max(distinct v), min(distinct w), sum(distinct v), count(distinct w) from p
select sum(distinct w) from p
select avg(distinct w) from p
select nullif(n, 1.0), nullif(v, 1.1), nullif(1, 1.0), nullif(1.50, 2), nullif(n, 1::bigint) from p order by id
select case when n > 2 then v else w end, case n when 1 then 'one' else grp end, coalesce(v, w), coalesce(w, 0), greatest(v, w), least(v, n) from p order by id
select round(v), round(v, 1), trunc(v), ceil(v), floor(v), sign(v), abs(v) from p order by id
select round(n) from p
select ceil(n / 2) from p
select round(n / 2.0), round(n::numeric / 3, 2), round(avg(v), 2), round(sum(v) / count(*), 3) from p group by id, n order by id
select abs(null), round(null)
select sign(-5)
select p.id, q.total from p join (select grp, sum(v) as total from p group by grp) q on q.grp = p.grp order by p.id
select q.grp, q.total from (select grp, sum(v) as total, count(*) as c from p group by grp having count(*) > 1) q where q.total > 1 order by 1
with a as (select grp, sum(v) as s from p group by grp), b as (select max(s) as m from a) select a.grp, a.s from a, b where a.s = b.m
with a as (select id, v from p where v is not null) select x.id, y.id from a x join a y on x.v < y.v order by 1, 2
select id from p where v = (select max(v) from p) or v = (select min(v) from p) order by id
select id, (select count(*) from p z where z.v > p.v) + 1 as place from p where v is not null order by place, id
select id from p where (select count(*) from p z where z.grp = p.grp) = 2 order by id
select id from p where grp in (select grp from p group by grp having count(*) > 1) order by id
select id from p where exists (select 1 from p z where z.grp = p.grp and exists (select 1 from p y where y.id = z.id + 1)) order by id
select id, v - (select avg(v) from p) as off from p order by id
select grp, max(v) - min(v), count(distinct v), sum(v * n), sum(v) * 2, avg(v + n) from p group by grp order by grp
select extract(year from at) as y, count(*) from p group by extract(year from at) order by 1
select at, at > '2026-01-15' as late from p order by at nulls last
select id from p where at between '2026-01-15' and '2026-03-15' order by id
select max(at), min(at), count(at) from p
select id from (select id, v from p order by v desc nulls last limit 2) x order by id
select * from (select id from p union select n from p) x where id > 2 order by id
select x.id from (values (1), (2), (9)) as x (id) left join p on p.id = x.id where p.id is null
select id from p where v in (1.1, 2.20, 3) order by id
select id from p where w in (1.5, 0.001) order by id
select id from p where w = 1.50 order by id
select id from p where v = w order by id
select grp || ':' || id::text || '/' || coalesce(v::text, '-') from p order by id
select id % 2 = 0 as even, count(*) from p group by id % 2 = 0 order by even
select case when id < 3 then 'low' else 'high' end as band, sum(v) from p group by band order by band
select case when id < 3 then 'low' else 'high' end as band, sum(v) from p group by case when id < 3 then 'low' else 'high' end order by band
select distinct grp, v > 0 as positive from p order by grp, positive
select distinct v from p order by v desc nulls last
select distinct w from p
select grp from p group by grp order by max(v) desc nulls last, grp
select grp, count(*) c from p group by grp order by c desc, grp limit 1
select id from p order by v + n nulls first, id
select id as v from p order by v desc
select id, v from p order by 2 desc nulls last, 1 limit 3 offset 1
create table q (id integer primary key, total numeric(12,2) default 9.99, note text default 'new', made timestamptz default '2026-01-01')
insert into q (id, total) select id, v from p where v is not null order by id
insert into q (id) select id + 10 from p where id < 3 returning *
insert into q select id + 20, v, grp, at from p where id = 1 returning *
insert into q (id, total) select id + 30, sum(v) from p group by id having id < 3 returning id, total
insert into q (id, note) select 99, 'text' union select 98, null returning id, note
insert into q (id, total) values (50, 1), (51, (select max(v) from p)), (52, 1 + 1.005) returning *
insert into q (id, total) select id + 60, w from p where id = 5 returning total
insert into q (id, total) select 70, '12.345' returning total
insert into q (id, total) select 71, 'abc'
update q set total = total + (select coalesce(max(v), 0) from p where p.id = q.id) where id < 10 returning id, total
update q set total = (select v from p where p.id = q.id) where id in (select id from p) returning id, total
update q set note = (select grp from p)
update q set note = case when total > 1 then 'big' when total is null then null else 'small' end returning id, note
update q set total = total * 1.005, note = note || total::text where id = 2 returning total, note
delete from q where total < (select avg(total) from q) returning id
delete from q where not exists (select 1 from p where p.id = q.id) returning id
select id, total, note, made from q order by id
drop table p, q
