-- Blocks of one session: states, words, savepoints, modes, cursors. Other sessions: test/system/test_blocks.py.
create table t (id integer primary key, n integer not null check (n < 1000), s text)
insert into t values (1, 10, 'a'), (2, 20, 'b'), (3, 30, null)
begin
begin
commit
commit
rollback
end
abort
begin work
commit work
begin transaction
end transaction
start transaction
rollback transaction
savepoint s
release s
rollback to s
commit and chain
rollback and chain
-- What it sees, and what is left.
begin
select * from t order by id
insert into t values (4, 40, 'd') returning id, n, s
update t set n = n + 1 where id < 3 returning id, n
delete from t where id = 3
select id, n, s from t order by id
select count(*), sum(n) from t
rollback
select id, n, s from t order by id
begin; insert into t values (5, 50, 'e'); commit
begin; insert into t values (6, 60, 'f'); rollback
select id from t order by id
begin; insert into t values (7, 70, 'g')
select id from t order by id
commit
select id from t order by id
insert into t values (8, 80, 'h'); begin; insert into t values (9, 90, 'i')
rollback
select id from t order by id
insert into t values (8, 80, 'h'); commit; insert into t values (10, 1, 'j'); select 1 / 0
select id from t order by id
begin; delete from t where id = 8; commit; select count(*) from t
-- Errors inside.
begin
insert into t values (1, 1, 'again')
select 1
insert into t values (20, 1, 'x')
savepoint s
commit
select count(*) from t
begin
select nothing
rollback
begin
selec 1
select 1
rollback
begin
insert into t values (21, 2000, 'x')
end
begin
select 1 / 0
abort
begin
insert into t values (22, null, 'x')
rollback and chain
select count(*) from t
commit
-- Savepoints.
begin
savepoint a
insert into t values (30, 1, 'x')
savepoint b
insert into t values (31, 1, 'x')
rollback to b
select id from t where id >= 30 order by id
insert into t values (32, 1, 'x')
rollback to savepoint a
select id from t where id >= 30 order by id
insert into t values (33, 1, 'x')
release a
rollback to a
select 1
rollback
begin
savepoint a
insert into t values (30, 1, 'x')
savepoint a
insert into t values (31, 1, 'x')
rollback to a
release a
rollback to a
select id from t where id >= 30 order by id
commit
begin
savepoint a
select 1 / 0
select 1
rollback to a
select 2
release savepoint a
release savepoint a
rollback
begin
insert into t values (40, 1, 'x')
savepoint "A b"
insert into t values (40, 2, 'x')
rollback to "a b"
rollback to "A b"
insert into t values (41, 2, 'x')
commit
select id from t where id >= 40 order by id
begin; savepoint a; insert into t values (42, 1, 'x'); rollback to a; release a; commit
select id from t where id >= 40 order by id
-- Tables inside.
begin
create table u (a integer primary key, b integer references t (id))
insert into u (a) values (1), (2)
select * from u order by a
savepoint a
create table v (a integer)
insert into v values (1)
rollback to a
select * from v
rollback to a
create table v (b text)
insert into v values ('x')
select * from v
drop table u
select * from u
rollback
select * from u
begin
create table w (a integer)
create index w_a on w (a)
insert into w values (1), (2)
commit
select * from w order by a
begin
drop table w
rollback
select * from w order by a
-- Modes. The default level is another one: docs/sql/transactions.md.
begin isolation level repeatable read
show transaction_isolation
show transaction isolation level
commit
begin isolation level serializable, read only, deferrable
show transaction_isolation
show transaction_read_only
show transaction_deferrable
select count(*) from t
insert into t values (50, 1, 'x')
rollback
begin read only
update t set n = 1
rollback
begin read only
delete from t
rollback
begin read only
create table x (a integer)
rollback
begin read only
drop table t
rollback
begin read only
select * from t for update
rollback
begin read only
select * from t for share
rollback
begin read only; commit
start transaction isolation level read committed, read write
show transaction_isolation
set transaction isolation level repeatable read
show transaction_isolation
select 1
set transaction isolation level serializable
rollback
begin
set transaction read only
show transaction_read_only
select 1
set transaction read write
rollback
set transaction isolation level serializable
set session characteristics as transaction isolation level repeatable read
show default_transaction_isolation
begin
show transaction_isolation
set local transaction_read_only = on
commit
show transaction_read_only
set default_transaction_read_only = on
insert into t values (51, 1, 'x')
begin
insert into t values (51, 1, 'x')
rollback
begin read write
update t set n = n where id = 1
commit
reset default_transaction_read_only
set default_transaction_isolation = 'read committed'
set default_transaction_isolation = 'nothing'
begin isolation level nothing
begin; set local application_name = 'inside'
show application_name
commit
show application_name
begin; set application_name = 'inside'
rollback
show application_name
begin; set application_name = 'kept'
commit
show application_name
set local application_name = 'x'
show application_name
reset application_name
-- Locks that nobody holds.
select id from t where id = 1 for update
select id from t where id < 3 order by id for share
select id from t where id = 1 for no key update nowait
select id from t where id = 1 for key share skip locked
select t.id from t join w on w.a = t.id order by 1 for update of t
select id from t group by id for update
select distinct id from t for update
select id from t union select 1 for update
select id from t having true for update
select count(*) from t for update
select t.id from t for update of nothing
values (1) for update
lock table t
begin; lock table t in access share mode; lock t; lock table t, w in exclusive mode nowait; commit
begin
lock table nothing
rollback
-- Cursors.
declare c cursor for select 1
fetch c
close c
begin
declare c scroll cursor for select id, s from t order by id
fetch c
fetch next from c
fetch 2 in c
fetch prior from c
fetch backward 10 c
fetch first c
fetch last c
fetch absolute 3 c
fetch absolute -2 c
fetch relative 1 c
fetch relative -2 c
fetch relative 0 c
fetch 0 c
fetch all c
fetch next c
fetch backward all c
fetch forward all c
move first c
move 2 c
move backward all c
fetch forward 1 c
declare c cursor for select 1
rollback
begin
declare c no scroll cursor for select id from t order by id
fetch 1 c
fetch prior c
rollback
begin
declare "C d" insensitive cursor without hold for select id from t where n > 5 order by id
fetch 1 from "C d"
delete from t
fetch 1 from "C d"
fetch 1 from c
rollback
begin
declare a cursor for select 1
declare b cursor for select 2
close a
fetch a
rollback
begin
declare a cursor for select 1 union all select 2 order by 1
savepoint s
declare b cursor for select 2
fetch a
rollback to s
fetch a
fetch b
rollback
begin
declare a cursor for select id from t order by id; fetch 2 a
close all
commit
begin; declare a cursor for select id from t order by id; fetch 2 a; commit; fetch a
-- At last.
begin
drop table t
commit
select * from t
