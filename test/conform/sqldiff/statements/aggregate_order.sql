-- ORDER BY and DISTINCT in aggregates.
create table ag (id integer primary key, g text, t text, v integer, n numeric(6,2), k bytea)
insert into ag values (1,'a','x',3,1.5,'\x01'),(2,'a','y',1,2.5,'\x0100'),(3,'a',null,2,null,'\x00'),(4,'b','z',null,-1,null),(5,'b','x',9,0,'\xff'),(6,'b','x',-9,10,'\x02'),(7,null,'',0,2.50,'')
select string_agg(t, ',' order by id) from ag
select string_agg(t, ',' order by id desc) from ag
select g, string_agg(t, ',' order by v, id) from ag group by g order by g
select g, string_agg(t, ',' order by v desc, id), string_agg(t, '-' order by v nulls first, id), string_agg(t, '+' order by v desc nulls last, id) from ag group by g order by g
select string_agg(t, ',' order by n, id), string_agg(t, ',' order by n desc, id) from ag
select string_agg(t, ',' order by k, id), string_agg(t, ',' order by k desc, id) from ag
select string_agg(t, ',' order by length(t), t desc, id) from ag
select string_agg(t, t order by id) from ag
select string_agg(t, null order by id) from ag
select string_agg(distinct t, ',') from ag
select string_agg(distinct t, ',' order by t desc) from ag
select string_agg(distinct t, ',' order by id) from ag
select g, string_agg(distinct t, ',') from ag group by g order by g
select string_agg(v::text, ',' order by v) filter (where v > 0) from ag
select string_agg(k, '\x2c' order by id) from ag
select string_agg(distinct k, '\x2c' order by k) from ag
select sum(v order by id), count(v order by v), max(t order by id), count(distinct v order by v), sum(distinct v order by v) from ag
select count(distinct v order by id) from ag
select string_agg(t, ',' order by 1) from ag where id = 1
select string_agg(t, ',' order by sum(v)) from ag
select string_agg(t, ',' order by nothing) from ag
select string_agg(t, ',' order by id) from ag where false
select string_agg('a' || t, ', ' order by 'a' || t, id) from ag
select string_agg(t, ',' order by id using <) from ag
create table ag2 (g text primary key, all_t text)
insert into ag2 select coalesce(g, 'none'), string_agg(t, ',' order by v, id) from ag group by g
select * from ag2 order by g
update ag2 set all_t = (select string_agg(t, '' order by id desc) from ag where ag.g = ag2.g)
select * from ag2 order by g
