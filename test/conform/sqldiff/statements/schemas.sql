-- Schemas, qualified names, names in quotes, indexes over expressions and partial ones.
create schema app
create schema app
create schema if not exists app
create schema "Odd name"
create schema pg_x
create table app.t (id int primary key, name text unique, check (id > 0))
create table t (id int primary key, name text)
create table "T" (id int, "Id" int, "select" text)
create table "a.b" ("c.d" int primary key, "e""f" text not null)
create table sqlite_thing (rowid int, oid2 int, "c0" text, c1 text)
create table nowhere.t (id int)
create table "Odd name"."T t" (id int primary key, "Größe" numeric(10,2) check ("Größe" > 0))
insert into app.t values (1, 'one'), (2, 'two')
insert into t values (1, 'uno')
insert into "T" values (1, 2, 'x')
insert into "T" ("Id", id) values (5, 6) returning "Id", id, "select"
insert into "a.b" values (1, 'x'), (2, 'y')
insert into "a.b" values (1, 'x')
insert into "a.b" values (3, null)
insert into sqlite_thing values (1, 2, 'a', 'b')
insert into "Odd name"."T t" values (1, 0)
insert into "Odd name"."T t" values (1, 2.5)
select * from app.t order by id
select app.t.name, t.name from app.t, t where app.t.id = t.id
select a.name, b.name from app.t a join t b on a.id = b.id
select * from "T" order by id
select id, "Id" from "T" order by "Id"
select Id from "T" order by 1
select "c.d", "e""f" from "a.b" order by "c.d"
select rowid, c0, c1 from sqlite_thing
select "Größe" from "Odd name"."T t"
update app.t set name = 'ONE' where t.id = 1
update "T" set "Id" = "Id" + id, id = "Id" returning *
delete from app.t where app.t.name = 'two' returning id
insert into app.t values (-1, 'x')
insert into app.t values (1, 'x')
insert into app.t values (3, 'ONE')
insert into app.t values (3, 'x') on conflict (id) do nothing
insert into app.t values (3, 'y') on conflict (id) do update set name = excluded.name returning *
insert into app.t values (3, 'z') on conflict on constraint t_pkey do update set name = excluded.name || '!' returning *
create index on app.t (name)
create index t_name_idx on t (name)
create index t_name_idx on app.t (name)
create index on t (lower(name))
create index on t (lower(name), id desc)
create index "An index" on t ((id + 1))
create unique index one_open on t (name) where id > 10
create unique index if not exists one_open on t (name) where id > 10
insert into t values (11, 'a'), (12, 'b')
insert into t values (13, 'a')
insert into t values (2, 'a')
insert into t values (3, 'a')
select id from t where lower(name) = 'a' order by id
select id from t where id + 1 = 12
drop index one_open
insert into t values (13, 'a')
drop index app.t_name_idx
drop index app.t_name_idx
drop index "An index"
drop index t_pkey
drop index nowhere.x
drop index if exists nowhere.x
drop table if exists app.nothing
drop table app.nothing
drop table nowhere.nothing
drop schema app
drop schema app restrict
create table app.u (id int)
drop schema app
drop schema app cascade
select * from app.t
drop schema app
drop schema if exists app
drop schema "Odd name" cascade
drop table t, "T", "a.b", sqlite_thing
create table a (b int)
create table "A" ("B" int, b int)
insert into "A" values (1, 2)
insert into a select "B" + b from "A" returning *
drop table "A"
select * from a
drop table a
