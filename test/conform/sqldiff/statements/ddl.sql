-- Tables, constraints and indexes in the forms that people write.
create table bank (id integer primary key, name text not null unique, note text)
create table bank (id integer)
create table if not exists bank (id integer)
create table t1 (a varchar(10), b char(5), c character varying(3), d character(2), e varchar, f bpchar)
create table t1 (a varchar(10), c character varying(3), e varchar)
insert into t1 values ('0123456789', 'abc', 'anything')
insert into t1 values ('0123456789x', 'abc', 'anything')
insert into t1 values ('0123456789  ', 'abc   ', 'anything')
select a, length(a), c, length(c), e from t1
select * from t1
create table t2 (id serial primary key, x int)
create table t2 (id bigserial primary key, x int)
create table t2 (id int generated always as identity, x int)
create table t2 (id int, x int generated always as (id * 2) stored)
create table t2 (id int primary key, x int default 7, y text default 'none', z numeric(10,2) default 1.5, b boolean default true, k bytea default '\x01', big bigint default 5000000000, n text default null)
insert into t2 (id) values (1)
insert into t2 (id, x) values (2, default)
insert into t2 default values
insert into t2 values (3)
insert into t2 values (4, 1, 'q', 2.345, false, '\xff', 1, 'n')
select * from t2 order by id
create table t3 (id int default 1 + 2 * 3, s text default 'a' || 'b', n int default -5, m numeric default 10.50, neg numeric(4,1) default -1.25)
insert into t3 default values
select * from t3
create table t4 (id int default 'x')
create table t4 (id int default 1.6)
insert into t4 default values
select * from t4
create table t5 (id int default (select 1))
create table t5 (id int, d int default id)
create table t5 (a int, b int, primary key (a, b))
insert into t5 values (1, 1), (1, 2), (2, 1)
insert into t5 values (1, 1)
insert into t5 values (1, null)
insert into t5 values (null, 1)
create table t6 (a int, b int, unique (a, b))
insert into t6 values (1, 1), (1, null), (1, null), (null, null), (null, null)
insert into t6 values (1, 1)
select a, b from t6
create table t7 (a int constraint a_positive check (a > 0), b int, c int, constraint sums check (a + b = c), check (b < c), check (b <> 5))
insert into t7 values (1, 2, 3)
insert into t7 values (0, 2, 2)
insert into t7 values (1, 2, 4)
insert into t7 values (5, -1, 4)
insert into t7 values (1, 5, 6)
insert into t7 values (5, 0, 5)
insert into t7 values (null, null, null)
insert into t7 values (null, 1, null)
insert into t7 values (5, -5, 0)
update t7 set a = -1
create table t8 (a int constraint t8_named_pk primary key, b text constraint b_uq unique, c int constraint c_nn not null)
insert into t8 values (1, 'x', 1)
insert into t8 values (1, 'y', 1)
insert into t8 values (2, 'x', 1)
insert into t8 values (3, 'z', null)
create table t9 (a int primary key, b int primary key)
create table t9 (a int primary key, primary key (a))
create table t9 (a int, primary key (b))
create table t9 (a int, unique (zz))
create table t9 (a int, a text)
create table t9 (a int, A text)
create table t9 (a int, "A" text)
insert into t9 values (1, 'x') returning a, "A", *
drop table t9
create table t9 (a int check (b > 1))
create table t9 (a int, b int check (b > a))
insert into t9 values (1, 2)
insert into t9 values (2, 1)
create table t10 (a int check (a))
create table t10 (a int check (a > 'x'))
create table t10 (a text check (a > 5))
create table t10 (a text check (length(a) between 1 and 3 and a <> 'no'))
insert into t10 values ('')
insert into t10 values ('yes')
insert into t10 values ('no')
insert into t10 values (null)
insert into t10 values ('long')
create table t11 (a text check (a in ('x', 'y')), b int check (b in (1, 2)), c boolean check (c is not null))
insert into t11 values ('x', 1, true)
insert into t11 values ('z', 1, true)
insert into t11 values ('x', 3, true)
insert into t11 values ('x', 1, null)
create table t12 (a int references bank (id))
create table t12 (a int references bank)
create table t12 (a int, foreign key (a) references bank (id) on delete cascade)
create table t12 (a int null, b int not null)
create table t13 (a int null not null)
create table t20 (a unknowntype)
create table t20 (a real)
create table t20 (a double precision, b float)
create table t20 (a date)
create table t20 (a timestamp)
create table t20 (a timestamp with time zone, b timestamptz, c timestamptz(3))
create table t13 (a timestamp with time zone, b timestamptz)
create table t14 (a json)
create table t14 (a jsonb)
create table t14 (a uuid)
create table t14 (a int[])
create table t14 (a interval)
create table t14 (a smallint, b int2, c int4, d int8, e decimal, f dec(5,2), g numeric(3), h bool, i decimal(4,1))
insert into t14 values (1, 2, 3, 4, 5.50, 6.005, 7.5, true, 99.95)
select * from t14
insert into t14 (i) values (999.95)
insert into t14 (g) values (999.5)
insert into t14 (a) values (32768)
insert into t14 (b) values (-32769)
create table t15 (a numeric(0))
create table t15 (a numeric(1001))
create table t15 (a numeric(10, 11))
create table t15 (a numeric(2, -2))
create table t21 (a numeric(10, 1001))
create table t21 (a varchar(0))
create table t21 (a text(5))
create table t21 (a int(5))
create table t21 ()
create table t16 (a text collate "C")
create table t16 (a text collate "de_DE")
create temp table t17 (a int)
create unlogged table t17 (a int)
create table t17 as select 1 as x
create table t17 (like bank)
create table t17 (a int) inherits (bank)
create table t17 (a int) with (fillfactor = 70)
create table t17 (a int) partition by range (a)
create table public.t18 (a int primary key)
insert into public.t18 values (1)
select public.t18.a, t18.a from public.t18
select * from public.t18 as z where z.a = 1
select t18.a from t18 as z
drop table public.t18
create table nosuch.t18 (a int)
create table main.public.t18 (a int)
select * from nosuch.t18
drop table nosuch.t18
drop table t18
drop table if exists t18
drop table if exists t18, t19
drop table if exists nosuch.t18
create table a1 (a int)
create table a2 (a int)
drop table a1, a2
create table a1 (a int)
drop table a1 cascade
create table a1 (a int)
drop table a1 restrict
create table a1 (a int)
drop table a1, nosuch
drop table a1, a1
create table a1 (a int)
select * from a1
drop table if exists a1, nosuch
select * from a1
alter table bank add column x int
alter table bank rename to bench
alter table bank drop column note
alter table nosuch add column x int
truncate bank
truncate table bank, t1
create index on bank (name)
create index bank_note on bank (note)
create index bank_note on bank (note)
create index if not exists bank_note on bank (note)
create unique index bank_note2 on bank (note)
insert into bank values (1, 'A', 'n'), (2, 'B', 'n')
insert into bank values (1, 'A', 'n'), (2, 'B', 'm')
create unique index bank_lower on bank (lower(name))
insert into bank values (3, 'a', 'k')
drop index bank_lower
create index bank_desc on bank (name desc nulls last, id asc)
create index bank_hash on bank using hash (name)
create index bank_btree on bank using btree (name)
create index bank_gin on bank using gin (name)
create index bank_partial on bank (name) where id > 5
create unique index bank_partial_u on bank (note) where id > 5
create index bank_incl on bank (name) include (note)
create index concurrently bank_conc on bank (name)
create index bank_no on bank (nosuch)
create index bank_no on nosuch (a)
create index bank_expr on bank ((id + 1))
create index bank_expr2 on bank (id + 1)
create unique index bank_dup on t6 (a)
drop index bank_note
drop index bank_note
drop index if exists bank_note
drop index bank_pkey
drop index bank
drop table bank_desc
drop index public.bank_desc
drop index bank_btree, bank_expr
create view v as select 1
create sequence s
create schema s
create function f() returns int language sql as 'select 1'
create type ty as enum ('a')
create extension pgcrypto
create database d
create role r
comment on table bank is 'x'
drop view v
drop sequence s
drop schema s
create table "Mixed Case" ("Col A" int primary key, "select" text, "quo""te" int)
insert into "Mixed Case" values (1, 's', 2) returning *
insert into "Mixed Case" ("Col A", "select") values (1, 's')
select "Col A", "select", "quo""te" from "Mixed Case"
select "col a" from "Mixed Case"
select * from mixed
select * from "mixed case"
update "Mixed Case" set "select" = 't', "quo""te" = "Col A" + 1 returning "select", "quo""te"
drop table "Mixed Case"
create table select (a int)
create table user (a int)
create table "user" ("order" int, "table" text)
insert into "user" ("order", "table") values (1, 'x')
select "order", "table" from "user"
select order from "user"
drop table "user"
create table UPPER_name (ID int, Value text)
select id, VALUE, Id from Upper_NAME
select "ID" from upper_name
drop table upper_name
create table überweisung (betrag numeric(10,2), "größe" int)
insert into überweisung values (1.005, 2) returning betrag, größe
drop table überweisung
create table averyveryveryveryveryveryveryveryveryveryveryveryverylongtablename1234567 (a int)
select * from averyveryveryveryveryveryveryveryveryveryveryveryverylongtablename1234567
create table c1 (a int, constraint x check (a > 0), constraint x check (a < 10))
create table c1 (a int unique, b int unique, unique (a), check (a > 0), check (b > 0), check (a > b), check (a + b > 0))
insert into c1 values (0, -1)
insert into c1 values (1, 0)
insert into c1 values (1, 1)
insert into c1 values (2, 1), (2, 1)
insert into c1 values (3, 1)
create table c2 (a int primary key deferrable)
create table c2 (a int, exclude (a with =))
create table c2 (xmin int)
create table c2 (oid int, rowid int, _rowid_ int)
insert into c2 values (1, 2, 3) returning rowid, _rowid_, oid
select rowid, oid, _rowid_ from c2
create table c3 (a int)
select rowid from c3
select ctid from c3
select xmin from c3
select oid from c3
create table pg_foo (a int)
create table sqlite_foo (a int)
create table sqlite_master (a int)
select * from sqlite_master
drop table sqlite_master
create table o1 (a int primary key, b text unique, c int unique)
insert into o1 values (1, 'x', 1)
insert into o1 values (1, 'x', 1)
insert into o1 values (2, 'x', 1)
insert into o1 values (2, 'y', 1)
create table o2 (a text primary key, b text unique, c int not null check (c > 0), d int not null)
insert into o2 values ('x', 'x', 1, 1)
insert into o2 values ('x', 'x', 1, 1)
insert into o2 values ('x', 'x', 0, null)
insert into o2 values ('x', 'x', 0, 1)
insert into o2 values (null, 'x', 0, 1)
insert into o2 values ('y', 'x', 0, 1), ('x', 'x', null, 1)
create table o3 (a int, b int, constraint z check (a > 0), constraint m check (b > 0), primary key (a, b), unique (b))
insert into o3 values (0, 0)
insert into o3 values (0, 1)
insert into o3 values (1, 1)
insert into o3 values (1, 1)
insert into o3 values (2, 1)
create table o4 (id int primary key, name text, constraint o4_name unique (name))
insert into o4 values (1, 'a')
insert into o4 values (1, 'a')
insert into o4 values (1, 'b')
insert into o4 values (2, 'a')
