-- Views.
create table t (id int primary key, name text, n numeric(10,2))
insert into t values (1, 'one', 1.5), (2, 'two', 2.5), (3, null, null)
create view v as select id, name from t where id < 3
create view v as select 1
create or replace view v as select id, name from t where id < 3
select * from v order by id
select v.id, x.name from v join v x using (id) order by 1
select count(*) from v where name = 'one'
create view agg (k, total) as select name, sum(n) from t group by name
select * from agg order by k
select k, total * 2 as twice from agg where k is not null order by k
create view vv as select id + 1 as next, upper(name) from v
select * from vv order by next
create view lit as select 'abc' as a, 1 as b, null as c
select a || 'x', b + 1, c from lit
create view dup as select id, id from t
create view toomany (a, b, c) as select id, name from t
create view nosuch as select * from nowhere
create or replace view v as select id from t
create or replace view lit as select 'abc' as z, 1 as b, null as c
create or replace view lit as select 5 as a, 1 as b, null as c
create or replace view lit as select 'x'::text as a, 2 as b, null as c, 4 as d
select * from lit
create or replace view t as select 1 as x
insert into v values (9, 'x')
with v as (select 7 as id) select * from v
select id from v where exists (select 1 from agg where k = name) order by id
create table copy_of (id int, name text)
insert into copy_of select * from v
select * from copy_of order by id
update copy_of set name = (select max(name) from v)
select * from copy_of order by id
drop table t
drop view v
drop view nosuch2
drop view if exists nosuch2
drop view t
drop table v
drop table lit
drop view vv
drop view v, agg
select * from v
create view v as select * from t
create view v2 as select * from v
drop table t cascade
select * from v2
drop view lit
drop table copy_of
create table kept (id int, name text, n int)
create view over_kept as select id, name from kept
insert into kept values (1, 'a', 2), (2, 'b', null)
alter table kept add constraint kept_pk primary key (id)
alter table only kept alter column n set default 7
alter table kept add constraint kept_u unique (name)
alter table kept add constraint kept_c check (id > 0)
insert into kept (id, name) values (3, 'c')
select * from over_kept order by id
select * from kept order by id
drop table kept
drop view over_kept
drop table kept
