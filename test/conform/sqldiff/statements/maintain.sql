-- TRUNCATE, COMMENT, storage parameters.
create table t (id serial primary key, a int) with (fillfactor = 90)
insert into t (a) values (1), (2)
truncate t
select count(*) from t
insert into t (a) values (3) returning *
truncate table t restart identity
insert into t (a) values (3) returning *
create table u (a int)
insert into u values (1)
truncate t, u
select (select count(*) from t) + (select count(*) from u)
truncate nosuch
truncate only t continue identity
comment on table t is 'a table'
comment on column t.a is 'a column'
comment on column t.nosuch is 'x'
comment on table nosuch is 'x'
comment on index t_pkey is 'x'
comment on schema public is 'x'
comment on table t is null
create index t_a on t (a) with (fillfactor = 50)
drop table t, u
create table clustered (id integer primary key, v integer)
cluster clustered
cluster clustered using clustered_pkey
cluster clustered using nothing
cluster nowhere using nothing
