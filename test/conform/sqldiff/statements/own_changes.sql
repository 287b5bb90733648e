-- A statement does not see its own changes.
create table o (id int primary key, k int, w text)
insert into o values (1, 1, 'a'), (2, 1, 'ab'), (3, 1, null), (4, 2, 'b')
update o set w = left(w, -1) where (select min(z.w) from o z where z.k = o.k) ilike 'a%'
select * from o order by id
update o set w = 'q' where (select min(z.id) from o z where z.k = o.k and z.w <> 'q') = 1
update o set k = 9 where exists (select 1 from o z where z.k = 1 and z.id < o.id)
update o set k = 1
update o set k = 9 where k in (select z.k from o z where z.k = 1 and z.id = 1)
update o set k = 1
update o set k = 9 where id > 1 and (select count(*) from o z where z.k = 1) > 3
update o set k = 1
delete from o where (select count(*) from o z where z.k = o.k) > 2
insert into o values (1, 1, 'a'), (2, 1, 'ab'), (3, 1, null), (4, 2, 'b')
delete from o where exists (select 1 from o z where z.k = o.k and z.id <> o.id)
select * from o order by id
create table c (id int primary key, v int unique, n int)
insert into c values (1, 10, 1), (2, 20, 2), (3, 30, 3)
update c set n = (select sum(n) from c)
select * from c order by id
update c set n = n + (select count(*) from c z where z.n > c.n), v = v + 100
select * from c order by id
update c set n = id where n >= (select max(n) from c)
select * from c order by id
update c set n = 7 where id in (select max(id) from c) or n = (select min(n) from c)
select * from c order by id
insert into c select id + 10, v + 1, n from c
insert into c select id + 100, v + 500, (select count(*) from c) from c
select * from c order by id
update c set n = 0 where case when id > 2 then (select count(*) from c z where z.n = 0) = 0 else false end
update c set n = 1 where coalesce((select max(n) from c z where z.id = c.id - 1), 0) = 0
update c set n = 2 where length((select string_agg(z.n::text, ',') from c z)) > 5
select * from c order by id
delete from c where n = (select max(n) from c)
delete from c where v > (select avg(v) from c)
delete from c where (select count(*) from c z where z.id <= c.id) % 2 = 0
select * from c order by id
with w as (select max(id) as m from c) update c set n = 50 where id = (select m from w)
with w as (select id from c) delete from c where id in (select id from w)
select count(*) from c
create table d (k int primary key, a int)
insert into d values (1, null), (2, 1), (3, null), (4, 3), (5, null), (6, 7), (7, null)
delete from d where a is not null or a not in (select z.k from d z where z.k in (2, 4, 6))
select * from d order by k
insert into d values (2, 1), (4, 3), (6, 7)
delete from d where k > 1 and (a is not null or (select count(*) from d) < 7)
select * from d order by k
update d set a = 1 where k = 1 or a is null and k not in (select z.a from d z where z.a = 1)
select * from d order by k
insert into d values (20, (select count(*) from d)), (21, (select count(*) from d)), (22, (select max(a) from d))
select * from d order by k
update d set a = (select max(k) from d), k = k + 100
select * from d order by k
delete from d
drop table o, c, d
