-- ALTER TABLE and renaming.
create table t (id int primary key, a int, b text)
insert into t values (1, 10, 'x'), (2, 20, 'y'), (3, null, 'z')
alter table t add column c int
alter table t add column c int
alter table t add column if not exists c int
alter table t add d text default 'dd' not null, add e numeric(10,2) default 1.5
alter table t add column f int not null
alter table t add column f int unique check (f > 0)
alter table t add column g int default 7 check (g > 10)
alter table t add column h boolean default true
select * from t order by id
insert into t (id, b) values (4, 'w')
select * from t order by id
insert into t (id, f) values (5, 0)
insert into t (id, f) values (5, 1)
insert into t (id, f) values (6, 1)
alter table t drop column c
alter table t drop column c
alter table t drop column if exists c
alter table t drop column nosuch, add column c2 int
select * from t order by id
alter table t drop column f
insert into t (id) values (7)
select id, d, e, h from t where id > 3 order by id
alter table t alter column a set default 99
insert into t (id) values (8)
alter table t alter a drop default
insert into t (id) values (9)
select id, a from t order by id
alter table t alter column a set default 'abc'
alter table t alter column nosuch set default 1
alter table t alter column a set not null
update t set a = id where a is null
alter table t alter column a set not null
insert into t (id) values (10)
alter table t alter column a drop not null
insert into t (id) values (10)
alter table t alter column id drop not null
alter table t alter column a type bigint
alter table t alter column a type text
select id, a from t order by id
alter table t alter column a type int
alter table t alter column a type int using a::int + 1
select id, a + 1 from t order by id
alter table t alter column b type varchar(3)
alter table t alter column d type varchar(1)
alter table t alter column e type numeric(12,4)
select id, e from t order by id
alter table t alter column e type int
select id, e from t order by id
alter table t add constraint a_positive check (a > 0)
alter table t add constraint a_small check (a < 15)
alter table t add constraint a_positive check (a > 1)
insert into t (id, a) values (20, -1)
alter table t drop constraint a_positive
alter table t drop constraint a_positive
alter table t drop constraint if exists a_positive
insert into t (id, a) values (20, -1)
alter table t add unique (b)
alter table t add constraint b_key unique (b, a)
insert into t (id, b) values (21, 'x')
update t set b = 'q' || id where b is not null
alter table t add unique (e)
alter table t drop constraint t_b_key
alter table t drop constraint t_pkey
insert into t (id, a) values (1, 1)
alter table t add primary key (id)
delete from t where a = 1
alter table t add primary key (id)
alter table t add primary key (a)
insert into t (id, a) values (1, 1)
alter table t drop constraint t_pkey, add constraint t_pk primary key (id, b)
update t set b = 'b' || id where b is null
alter table t drop constraint t_pkey, add constraint t_pk primary key (id, b)
insert into t (id, b) values (1, 'q1')
select id, b from t order by id, b
alter table t rename column a to amount
alter table t rename a to x
alter table t rename column amount to "Amount here"
alter table t rename column id to b
alter table t add constraint amount_check check ("Amount here" > -10)
alter table t rename column "Amount here" to amount
insert into t (id, b, amount) values (30, 'x', -11)
insert into t (id, b, amount) values (30, 'x', -1)
select id, amount from t where amount < 5 order by id
alter table t rename constraint amount_check to amount_limit
alter table t rename constraint nosuch to x
insert into t (id, b, amount) values (31, 'x', -11)
alter table t rename to u
select * from t
select id, amount from u where amount < 5 order by id
alter table u rename to u
create table t (x int)
alter table u rename to t
create index u_lower on u (lower(b))
create index u_part on u (amount) where amount > 5
alter table u rename column b to bb
select bb from u where lower(bb) = 'q2'
alter index u_lower rename to u_lower_idx
alter index nosuch rename to x
drop index u_lower_idx
create schema other
alter table u set schema other
select count(*) from u
select count(*) from other.u
alter table other.u set schema public
alter table u set schema nosuch
alter schema other rename to another
create table another.z (i int)
alter schema another rename to other
select * from other.z
alter table if exists nosuch add column x int
alter table nosuch add column x int
alter table nosuch rename to nosuch2
alter table u set (fillfactor = 70)
alter table u alter column amount set statistics 100
alter table t add y int default 3, add constraint pos check (y > x), alter x set default 1
insert into t default values returning *
alter table t drop x
select * from t
insert into t values (4)
alter table t drop y
drop table t, u
drop schema other cascade
create table r (rowid int, "OID2" text, x int)
insert into r values (7, 'a', 1), (7, 'b', 2)
alter table r add column _rowid_ int default 3, drop column x
insert into r values (8, 'c', 4)
select rowid, "OID2", _rowid_ from r order by 2
drop table r
create table k (a int, b int, unique (a, b))
insert into k values (1, 1), (1, 2), (null, 1), (null, 1)
alter table k add unique (a)
alter table k add constraint kk primary key (b)
alter table k add check (a > 1)
alter table k add check (b > 0), add check (b < 100), drop constraint k_a_b_key
insert into k values (1, 1), (1, 200)
insert into k values (1, 1)
select * from k order by a, b
drop table k
