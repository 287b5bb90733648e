-- INSERT, UPDATE, DELETE, RETURNING, ON CONFLICT, several statements in one string.
create table a (id int primary key, s text, n numeric(8,2) default 0, b boolean not null default false, t timestamptz)
insert into a values (1, 'one', 1.5, true, '2026-01-01')
insert into a (id, s) values (2, 'two'), (3, 'three')
insert into a (s, id) values ('four', 4) returning *
insert into a (id) values (5) returning id, s, n, b, id + 1 as next, upper(s), n * 2 as twice, 'const'
insert into a (id) values (6) returning a.id, a.*
insert into a as x (id) values (7) returning x.id
insert into a as x (id) values (8) returning a.id
insert into a values (1, 'dup')
insert into a values (20, 'x'), (20, 'y')
select count(*) from a
insert into a (id, id) values (30, 31)
insert into a (id, nosuch) values (30, 31)
insert into a values (30, 'x', 1, true, null, 5)
insert into a (id, s) values (30)
insert into a (id) values (30, 'x')
insert into a (id, s) values (30, 'x'), (31)
insert into nosuch values (1)
insert into a (id, b) values (30, null)
insert into a (id, b) values (30, 'maybe')
insert into a (id, b) values (30, 1)
insert into a (id, s) values (30, 1)
insert into a (id, s) values (31, true)
insert into a (id, n) values (32, 'x')
insert into a (id, n) values (33, '12.345') returning n
insert into a (id, n) values (34, 1234567.89)
insert into a (id, t) values (35, '2026-02-30')
insert into a (id, t) values (36, 5)
insert into a (id, t) values (37, '2026-07-04 12:00:00.123456+02') returning t
insert into a (id, b) values (38, 'yes'), (39, 'OFF') returning id, b
insert into a (id, s) values (null, 'x')
insert into a (s) values ('x')
insert into a (id, s) values (40, default), (41, 'x') returning id, s
insert into a select 100, 'hundred' returning id, s
insert into a (id, s) select id + 200, s || '!' from a where id < 4 returning id, s
insert into a (id, s) select 1, 'x' where false
insert into a (id, s) select 1, 'x'
insert into a (id) select 'x'
insert into a (id) select '300' returning id
insert into a (id, s) select 301, 5 + 5 returning s
insert into a (id, s) (select 302, 'p') returning id
insert into a (id, s) values (303, (select max(s) from a)) returning s
insert into a (id, s) values (304, upper('q') || lower('R')) returning s
insert into a (id) values (id)
insert into a (id) values (sum(1))
insert into a select * from a
insert into a (id, s) select id from a
insert into a values (default, 'x')
insert into a (id, n) values (305, default) returning n
insert into a default values
update a set s = 'ONE' where id = 1
update a set s = 'ONE' where id = 1 returning id, s
update a set s = s || '?', n = n + 1 where id in (2, 3) returning *
update a set id = id + 1000 where id = 4 returning id
update a set id = 1 where id = 2
update a set id = id + 1
update a set id = -id
select id from a order by id
update a set id = -id
update a x set s = 'aliased' where x.id = 5 returning x.s
update a as x set s = 'aliased' where a.id = 5
update a set (s, n) = ('pair', 7) where id = 5 returning s, n
update a set (s, n) = (select 'sub', 8) where id = 5 returning s, n
update a set (s, n) = row('r', 9) where id = 5 returning s, n
update a set s = 'x', s = 'y'
update a set nosuch = 1
update a set a.s = 'x'
update a set s = default, n = default where id = 5 returning s, n
update a set b = default where id = 5 returning b
update a set b = null where id = 5
update a set n = 'x' where id = 5
update a set n = 99999999 where id = 5
update a set s = 5 where id = 5
update a set s = n where id = 5 returning s
update a set n = s where id = 5
update a set n = id where id = 5 returning n
update a set id = n where id = 5 returning id
update a set id = null where id = 5
update a set s = (select 'from subquery') where id = 5 returning s
update a set n = (select count(*) from a) where id = 5 returning n
update a set n = (select id from a)
update a set s = 'none' where false
update a set s = 'none' where s = 'nosuch' returning *
update nosuch set s = 1
update a set s = 'x' where nosuch = 1
update a set s = 'x' where id
update a set s = upper(s) where s like 'o%' or s ilike 'ONE' returning id, s
create table c (id int primary key, aid int, v text)
insert into c values (1, 1, 'c1'), (2, 3, 'c2'), (3, 77, 'c3')
update a set s = c.v from c where c.aid = a.id returning a.id, s, c.v
update a set s = c.v || a.s from c where c.aid = a.id and c.id = 1 returning *
update a set n = x.total from (select aid, count(*) as total from c group by aid) x where x.aid = a.id returning a.id, a.n
update a set s = 'j' from c join c c2 on c2.id = c.id where c.aid = a.id and a.id = 3 returning a.id, c2.v
update a set s = 'q' from a a2 where a2.id = a.id and a.id = 3 returning a.id, a2.s
delete from c using a where a.id = c.aid and a.id = 1 returning c.id, a.id
delete from c as x using a where a.id = x.aid and a.id = 3 returning x.v
delete from c where id = 3 returning *
delete from c where id = 3
delete from c
delete from c where nosuch = 1
delete from nosuch
delete from a where id > 1000 returning id
delete from a x where x.id = 41 returning x.id, x.s
delete from a where id in (select id from a where s is null) returning id
delete a where id = 1
delete from a where exists (select 1 from c)
delete from a where current of cur
insert into c values (1, 1, 'x') on conflict do nothing
insert into c values (1, 1, 'y') on conflict do nothing
insert into c values (1, 1, 'y'), (2, 2, 'z') on conflict (id) do nothing returning id
insert into c values (1, 1, 'upd') on conflict (id) do update set v = excluded.v returning *
insert into c values (1, 5, 'upd2'), (3, 3, 'new') on conflict (id) do update set v = c.v || '/' || excluded.v, aid = excluded.aid returning *
insert into c values (1, 5, 'upd3') on conflict (id) do update set v = excluded.v where c.v = 'no' returning *
insert into c values (9, 1, 'a'), (9, 1, 'b') on conflict (id) do update set v = excluded.v
insert into c values (9, 1, 'a'), (9, 1, 'b') on conflict (id) do nothing
insert into c values (1, 5, 'x') on conflict (aid) do nothing
insert into c values (1, 5, 'x') on conflict do update set v = 'x'
insert into c values (1, 5, 'x') on conflict (nosuch) do nothing
insert into c values (1, 5, 'x') on conflict on constraint c_pkey do nothing
insert into c values (1, 5, 'x') on conflict on constraint nosuch do nothing
insert into c (id, v) values (1, 'w') on conflict (id) do update set v = v
insert into c (id, v) values (1, 'w') on conflict (id) do update set v = default returning v
insert into c as k (id, v) values (1, 'w') on conflict (id) do update set v = k.v || excluded.v returning k.v
insert into c (id, v) select id, v || '+' from c where id < 3 on conflict (id) do update set v = excluded.v returning *
select * from c order by id
create table u (id int primary key, e text unique, k int, unique (k, e))
insert into u values (1, 'a', 1), (2, 'b', 2)
insert into u values (1, 'b', 3)
insert into u values (3, 'a', 3)
insert into u values (3, 'a', 3) on conflict (e) do update set k = excluded.k returning *
insert into u values (1, 'z', 3) on conflict (e) do update set k = excluded.k
insert into u values (1, 'b', 3) on conflict do nothing
insert into u values (5, 'e', 5) on conflict (k, e) do nothing returning *
update u set e = 'a'
update u set e = 'a' where id = 2
create table fresh (id int primary key)
insert into fresh values (1), (2), (3)
update fresh set id = id + 1
update fresh set id = id - 1
update fresh set id = 3 - id
update fresh set id = 10 - id where id > 0
select id from fresh order by id
drop table fresh
insert into u values (7, 'x', 1); insert into u values (8, 'y', 1)
insert into u values (9, 'p', 1); insert into u values (9, 'q', 1); insert into u values (10, 'r', 1)
select count(*) from u
insert into u values (11, 's', 1); select count(*) from u; delete from u where id = 11; select count(*) from u
insert into u values (12, 't', 1); select 1 / 0; insert into u values (13, 'u', 1)
select count(*) from u
insert into u values (12, 't', 1); select * from nosuch
insert into u values (12, 't', 1); selec 1
select count(*) from u
select 1; select 2; select 3
select 1; select 1 / 0; select 3
create table multi (a int); insert into multi values (1), (2); select sum(a) from multi; drop table multi
create table multi (a int); insert into multi values ('x')
select * from multi
create table multi (a int primary key); create index multi_a on multi (a); insert into multi values (1); insert into multi values (1)
select * from multi
insert into u values (40, 'v', 1) returning id; update u set e = 'vv' where id = 40 returning e; delete from u where id = 40 returning id, e
analyze u
vacuum
prepare p as select 1
execute p
listen x
notify x
do $$ begin end $$
call nosuch()
grant select on u to nosuchuser
merge into u using a on u.id = a.id when matched then delete
refresh materialized view x
reindex table u
cluster u
checkpoint
discard all
show nosuch
show search_path
set search_path = public
set timezone = 'UTC'
set nosuch = 1
reset all
update u set k = k + 1 where id = 1 returning k, k * 2, case when k > 1 then 'big' else 'small' end as size, (select count(*) from u) as c
delete from u where id = 1 returning id as "ID", e as "E", *
delete from u returning count(*)
delete from u returning nosuch
insert into u values (60, 'rr', 1) returning (select 5), id in (60, 61), e like 'r%', coalesce(null, k)
insert into u values (61, E'tab\tnl\nquote''', 1) returning e
insert into u values (62, 'ünï', 2147483647) returning e, k, length(e)
update u set k = k + 1 where id = 62
update u set k = k - 1 where id = 62 returning k
insert into u (id, k) values (63, 3.7) returning k
insert into u (id, k) values (64, 2147483648)
update u set e = null where id = 60 returning e, e is null
create table noid (a int, b text)
insert into noid values (1, 'x'), (1, 'x'), (null, null)
update noid set a = a + 1 returning *
delete from noid where a = 2
delete from noid where a is null returning *
insert into noid values ('5', 5) returning *
insert into noid values (5, 5.50) returning *
insert into noid values (5, '\x01'::bytea)
insert into noid values (5, timestamptz '2026-01-01')
insert into noid values (5::bigint, 'x')
insert into noid values (5000000000, 'x')
insert into noid values (5::numeric, 'x')
insert into noid values (null::text, 'x')
insert into noid select null, null
insert into noid select 'x', 1
select * from noid order by a, b
drop table a, c, u, noid
