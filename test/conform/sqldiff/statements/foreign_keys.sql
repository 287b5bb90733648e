-- Foreign keys. DETAIL holds no values here: those answers count as "wording".
create table p (id int primary key, code text unique, a int, b int, unique (a, b))
insert into p values (1, 'one', 1, 1), (2, 'two', 1, 2), (3, 'three', 2, 1), (4, 'four', null, 4)
create table c (id int primary key, p_id int references p)
insert into c values (1, 1), (2, 2), (3, null)
insert into c values (4, 9)
insert into c select 10 + g, g from generate_series(1, 5) g
insert into c values (4, 3), (5, 3) returning id, p_id
update c set p_id = 8 where id = 1
update c set p_id = 4 where id = 1
update c set p_id = p_id + 1
delete from p where id = 2
delete from p where id = 1
update p set id = 20 where id = 2
update p set id = 2, a = 7 where id = 2
delete from p
truncate p
truncate p, c
select * from c order by id
insert into p values (1, 'one', 1, 1), (2, 'two', 1, 2), (3, 'three', 2, 1), (4, 'four', null, 4)
insert into c values (1, 1), (2, 2), (3, null)
drop table p
drop table p restrict
drop table c
drop table p cascade
-- several columns, MATCH FULL
create table p (a int, b text, primary key (a, b))
insert into p values (1, 'x'), (2, 'y')
create table s (id int, a int, b text, foreign key (a, b) references p)
create table f (id int, a int, b text, constraint full_key foreign key (a, b) references p (a, b) match full)
insert into s values (1, 1, 'x'), (2, null, 'q'), (3, 9, null), (4, null, null)
insert into s values (5, 1, 'y')
insert into f values (1, 1, 'x'), (2, null, null)
insert into f values (3, 1, null)
insert into f values (3, null, 'x')
insert into f values (3, 2, 'x')
update f set b = null where id = 1
update f set a = null, b = null where id = 1
update s set b = 'zz' where id = 3
update s set b = 'zz' where id = 2
delete from p where a = 1
delete from s where id = 1
delete from p where a = 1
drop table f, s, p
-- swapped columns
create table p (a int, b int, unique (a, b))
insert into p values (1, 2)
create table s (x int, y int, foreign key (x, y) references p (b, a))
insert into s values (1, 2)
insert into s values (2, 1)
delete from p
drop table s, p
-- ON DELETE, ON UPDATE
create table p (id int primary key)
insert into p select g from generate_series(1, 10) g
create table cas (id int primary key, p int references p on delete cascade on update cascade)
create table nul (id int primary key, p int references p on delete set null on update set null)
create table def (id int primary key, p int default 10 references p on delete set default on update set default)
create table res (id int primary key, p int references p on delete restrict on update restrict)
insert into cas values (1, 1), (2, 1), (3, 2), (4, 3)
insert into nul values (1, 1), (2, 2), (3, 4)
insert into def values (1, 1), (2, 2), (3, 4)
insert into res values (1, 7)
delete from p where id = 1
select * from cas order by id; select * from nul order by id; select * from def order by id
update p set id = 22 where id = 2
select * from cas order by id; select * from nul order by id; select * from def order by id
delete from p where id = 7
update p set id = 77 where id = 7
update p set id = 7 where id = 7
delete from p where id = 10
update p set id = 100 where id = 10
delete from def
delete from p where id = 10
insert into def values (9, 3)
delete from p where id = 3
select * from cas order by id; select * from def order by id
select * from p order by id
update p set id = id + 1000 where id <> 7
select * from p order by id
select * from cas order by id; select * from nul order by id; select * from def order by id
drop table cas, nul, def, res, p
-- SET NULL (columns)
create table p (t int, id int, primary key (t, id))
create table c (t int not null, id int, x int, d int default 5, foreign key (t, id) references p on delete set null (id))
insert into p values (1, 1), (1, 2)
insert into c values (1, 1), (1, 2)
delete from p where id = 1
select * from c order by id
create table e (t int not null, id int, foreign key (t, id) references p on delete set null)
insert into e values (1, 2)
delete from p where id = 2
create table g (t int, id int, foreign key (t, id) references p on delete set null (nosuch))
create table g (t int, id int, x int, foreign key (t, id) references p on delete set null (x))
drop table c, e, p
-- chains and diamonds
create table a (id int primary key)
create table b1 (id int primary key references a on delete cascade on update cascade)
create table b2 (id int primary key, a int references a on delete cascade on update cascade)
create table c (id int primary key, b1 int references b1 on delete cascade on update cascade, b2 int references b2 on delete set null)
insert into a values (1), (2), (3)
insert into b1 values (1), (2)
insert into b2 values (11, 1), (12, 2), (13, 3)
insert into c values (1, 1, 11), (2, 2, 12), (3, 2, 11), (4, null, 13)
delete from a where id = 1
select * from b1 order by id; select * from b2 order by id; select * from c order by id
update a set id = 50 where id = 2
select * from b1 order by id; select * from b2 order by id; select * from c order by id
delete from a
select count(*) from b1; select count(*) from b2; select * from c order by id
drop table c, b2, b1, a
-- a table that refers to itself
create table t (id int primary key, up int references t on delete cascade on update cascade)
insert into t values (1, null), (2, 1), (3, 2), (4, 2), (5, 5)
insert into t values (7, 8), (8, 7)
insert into t values (9, 99)
update t set id = 10 where id = 1
select * from t order by id
delete from t where id = 2
select * from t order by id
delete from t where id = 5
delete from t
select count(*) from t
drop table t
create table t (id int primary key, up int, foreign key (up) references t (id))
insert into t values (1, 2), (2, 1), (3, null)
delete from t where id = 1
delete from t where id in (1, 2)
insert into t values (1, 2), (2, 1)
update t set id = 3 - id, up = 3 - up where id < 3
update t set up = null
update t set id = 5 where id = 1
delete from t
drop table t
-- on conflict, other writes
create table p (id int primary key, n int)
create table c (id int primary key, p int references p)
insert into p values (1, 1), (2, 2)
insert into c values (1, 1)
insert into c values (1, 5) on conflict do nothing
insert into c values (1, 5) on conflict (id) do update set p = excluded.p
insert into c values (1, 2) on conflict (id) do update set p = excluded.p
insert into p values (2, 7) on conflict (id) do update set n = excluded.n
insert into p values (2, 7) on conflict (id) do update set id = 12
update c set p = q.id from (select max(id) as id from p) q
update c set p = q.id from (select max(id) + 5 as id from p) q
delete from p using c where c.p = p.id
delete from c using p where c.p = p.id
with x as (select 1 as id) insert into c select id, 77 from x
insert into p values (30, 0); insert into c values (30, 30)
insert into c values (31, 31); insert into p values (31, 0)
delete from p where id = 30; delete from c where id = 30
begin
insert into p values (31, 0)
insert into c values (31, 31)
savepoint s
insert into c values (32, 32)
rollback to s
delete from p where id = 31
rollback to s
select * from c order by id
commit
select * from c order by id
delete from p where id = 31
drop table c, p
-- types
create table p (i2 smallint unique, i4 int unique, i8 bigint unique, n numeric(10,2) unique, t text unique, v varchar(10) unique, ch char(5) unique, d date unique, ts timestamp unique, u uuid unique, by bytea unique, f float8 unique, bo boolean unique)
insert into p values (1, 2, 3, 4.50, 'five', 'six', 'sev', '2020-08-08', '2020-09-09 10:00', '00000000-0000-0000-0000-000000000010', '\x11', 1.5, true)
create table c1 (a bigint references p (i2), b smallint references p (i4), c int references p (i8), d int references p (n), e varchar references p (t), f text references p (v))
insert into c1 values (1, 2, 3, null, 'five', 'six')
insert into c1 (a) values (2)
insert into c1 (b) values (1)
insert into c1 (d) values (4)
insert into c1 (e) values ('six')
insert into c1 (f) values ('five')
create table c2 (a text references p (i4))
create table c2 (a int references p (t))
create table c2 (a numeric references p (i4))
create table c2 (a timestamp references p (d))
insert into c2 values ('2020-08-08 00:00')
insert into c2 values ('2020-08-08 00:01')
create table c3 (a char(5) references p (ch), b date references p (ts), c uuid references p (u), d bytea references p (by), e float8 references p (f), f boolean references p (bo), g int references p (f))
insert into c3 (a, c, d, e, f) values ('sev', '00000000-0000-0000-0000-000000000010', '\x11', 1.5, true)
insert into c3 (a) values ('sevn')
insert into c3 (b) values ('2020-09-09')
insert into c3 (f) values (false)
insert into c3 (g) values (1)
delete from p
drop table c1, c2, c3, p
-- what CREATE TABLE refuses
create table p (id int primary key, a int, b int unique, c int)
create unique index p_c on p (c) where c > 0
create view pv as select * from p
create table c (x int references nosuch)
create table c (x int references p (nosuch))
create table c (x int, foreign key (y) references p)
create table c (x int references p (a))
create table c (x int references p (c))
create table c (x int, y int, foreign key (x, y) references p (id, id))
create table c (x int, y int, foreign key (x, y) references p)
create table c (x int, foreign key (x) references p (id, b))
create table c (x int references pv)
create table nokey (a int)
create table c (x int references nokey)
create table c (x int, constraint n check (x > 0), constraint n foreign key (x) references p)
create table c (x int primary key, constraint c_pkey foreign key (x) references p)
create table c (x int references p match partial)
create table c (x int references p, y int references p (b), foreign key (x) references p, foreign key (y, x) references p (id, b))
create table c (x int references p, y int references p (b), foreign key (x) references p)
insert into c values (5, 6)
drop view pv
drop table c, p, nokey
-- ALTER TABLE
create table p (id int primary key, code text)
create table c (id int, p int, q int)
insert into p values (1, 'a'), (2, 'b')
insert into c values (1, 1, 1), (2, 2, null), (3, 3, 2)
alter table c add foreign key (p) references p
alter table only c add constraint c_key foreign key (p) references p(id) not valid
insert into c values (4, 4, null)
update c set q = 1 where id = 3
update c set p = 4 where id = 3
alter table c validate constraint c_key
alter table c validate constraint nosuch
delete from c where id = 3
alter table c validate constraint c_key
alter table c validate constraint c_key
alter table only public.c add constraint c_q foreign key (q) references public.p(id) on delete cascade
alter table c add constraint c_q foreign key (p) references p
alter table c add column r int references p default 2
alter table c add column s int references p default 9
select * from c order by id
delete from p where id = 1
alter table c drop constraint c_key
alter table c drop constraint c_key
alter table c drop constraint if exists c_key
delete from p where id = 1
select * from c order by id
alter table c alter column id type text
insert into c values ('x', 7, 7, 2)
insert into c values ('x', 7, 2, 2)
alter table p drop constraint p_pkey
alter table p drop column id
alter table p drop column id restrict
alter table p add column more int default 3
insert into c values ('y', 7, 9, 2)
insert into p (id) values (9)
insert into c values ('y', 7, 9, 2)
delete from p where id = 2
alter table c drop column r
delete from p where id = 9
select * from c order by id
alter table p rename to pp
alter table pp rename column id to key
insert into c values ('z', 7, 8)
alter table c rename to cc
alter table cc rename column q to qq
alter table cc rename constraint c_q to renamed
insert into cc values ('z', 7, 8)
alter table pp drop column code
insert into cc values ('z', 7, 8)
insert into pp values (8)
insert into cc values ('z', 7, 8)
alter table pp drop column key cascade
insert into cc values ('zz', 7, 99)
drop table pp
drop table cc
create table p (id int, constraint pk primary key (id))
create table c (id int references p)
alter table p drop constraint pk cascade
insert into c values (1)
drop table c, p
create table p (id int)
create unique index p_id on p (id)
create table c (id int references p (id))
drop index p_id
drop index p_id cascade
insert into c values (1)
drop table c, p
create table p (id int primary key)
create table c (id int references p, d int references p)
alter table c drop column id
insert into c values (1)
alter table c drop column d, add column e int
drop table p
drop table c
-- schemas
create schema s1
create table s1.p (id int primary key)
create table c (id int references s1.p)
insert into c values (1)
drop schema s1
drop schema s1 cascade
insert into c values (1)
drop table c
-- TRUNCATE
create table p (id int primary key)
create table c (id int references p)
create table d (id int primary key references p)
insert into p values (1)
insert into c values (1)
truncate p
truncate c
truncate p, c
truncate p cascade
select count(*) from c
drop table c, d, p
-- DEFERRABLE
create table p (id int primary key)
create table c (id int primary key, p int references p deferrable initially deferred)
create table i (id int primary key, p int references p deferrable)
insert into c values (1, 1)
insert into c values (1, 1); insert into p values (1)
insert into i values (1, 2); insert into p values (2)
begin
insert into c values (2, 2)
insert into p values (2)
commit
begin
insert into c values (3, 3)
commit
select * from c order by id
begin
delete from p where id = 2
update c set p = 1 where id = 2
commit
begin
delete from p where id = 1
insert into p values (1)
commit
begin
delete from p where id = 1
delete from c
commit
select * from p order by id
begin
insert into c values (7, 7)
savepoint s
rollback to s
delete from c where id = 7
commit
begin
insert into c values (7, 7)
set constraints all immediate
rollback
begin
set constraints all deferred
insert into i values (7, 7)
insert into p values (7)
set constraints all immediate
insert into i values (8, 8)
rollback
begin
set constraints c_p_fkey immediate
insert into c values (9, 9)
rollback
begin
set constraints nosuch immediate
rollback
begin
set constraints i_p_fkey deferred
insert into i values (9, 9)
insert into p values (9)
commit
begin
insert into c values (70, 70)
alter table c add column more int
rollback
begin
insert into c values (70, 70)
set constraints all immediate
rollback
begin
insert into c values (70, 1)
set constraints all immediate
alter table c add column more int
insert into c values (71, 71)
commit
begin
insert into c values (71, 71)
truncate c
rollback
begin
insert into c values (71, 71)
drop table c
rollback
begin
insert into c values (71, 71)
drop table p cascade
rollback
alter table i alter constraint i_p_fkey deferrable initially deferred
begin
insert into i values (10, 10)
insert into p values (10)
commit
create table u (id int unique deferrable)
create table u (id int primary key deferrable initially deferred)
create table u (id int references p not deferrable initially immediate)
drop table c, i, p, u
-- names
create table "P q" ("I d" int primary key, "x""y" text unique)
create table "c C" ("a B" int references "P q", "z" text references "P q" ("x""y"))
insert into "c C" values (1, null)
insert into "P q" values (1, 'k')
insert into "c C" values (1, 'k')
insert into "c C" values (1, 'j')
delete from "P q"
drop table "c C", "P q"
-- checks meet what cascades
create table p (id int primary key)
create table c (id int primary key, p int not null check (p < 100) references p on delete set null on update cascade)
insert into p values (1), (2)
insert into c values (1, 1)
delete from p where id = 1
update p set id = 200 where id = 1
update p set id = 20 where id = 1
select * from c
create table u (id int primary key, p int unique references p on delete set default on update cascade)
insert into u values (1, 2), (2, 20)
delete from p where id = 2
select * from u order by id
drop table c, u, p
