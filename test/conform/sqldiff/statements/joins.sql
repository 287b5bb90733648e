-- Joins of every kind.
create table bank (id integer primary key, name text not null)
create table bill (id integer primary key, bank_id integer, payee integer, amount numeric(12,2), due timestamptz, paid boolean default false)
insert into bank values (1, 'North'), (2, 'South'), (3, 'East'), (4, 'Idle')
insert into bill values (10, 1, 2, 100.00, '2026-01-01', false), (11, 1, 3, 50.50, '2026-02-01', true), (12, 2, 1, 75.25, null, false), (13, null, 1, 10.00, '2026-03-01 12:00', true), (14, 9, 3, null, null, null)
select b.id, n.name, b.amount from bill b join bank n on n.id = b.bank_id order by b.id
select b.id, n.name from bill b left join bank n on n.id = b.bank_id order by b.id
select b.id, n.name from bill b right join bank n on n.id = b.bank_id order by n.id, b.id
select b.id, n.name from bill b full join bank n on n.id = b.bank_id order by b.id nulls last, n.name nulls last
select b.id, n.name from bill b full outer join bank n on n.id = b.bank_id where n.id is null order by b.id
select b.id, n.name from bill b left outer join bank n on n.id = b.bank_id and n.name <> 'North' order by b.id
select b.id, n.name from bill b left join bank n on n.id = b.bank_id where n.name <> 'North' order by b.id
select b.id, n.name from bill b, bank n where n.id = b.bank_id order by 1
select count(*) from bill cross join bank
select count(*) from bill, bank
select b.id, x.name as drawer, y.name as payee from bill b join bank x on x.id = b.bank_id join bank y on y.id = b.payee order by b.id
select a.name, c.name from bank a join bank c on a.id < c.id order by 1, 2
create table l (id int, k int, v text)
create table r (id int, k int, w text)
insert into l values (1, 1, 'l1'), (2, 2, 'l2'), (3, 3, 'l3'), (null, 4, 'ln')
insert into r values (1, 1, 'r1'), (2, 5, 'r2'), (4, 4, 'r4'), (null, 4, 'rn')
select * from l join r using (id) order by id
select * from l join r using (id, k)
select * from l left join r using (id) order by v
select * from l right join r using (id) order by w
select * from l full join r using (id) order by id, v, w
select id from l full join r using (id) order by id
select l.id, r.id, id from l full join r using (id) order by 3, 1, 2
select * from l natural join r
select * from l natural left join r order by v
select * from l natural full join r order by v, w
select * from l join r using (nosuch)
select * from l join r using (v)
select id from l join r on l.k = r.k
select k from l, r
select l.* from l join r on l.k = r.k order by l.v
select r.*, l.v from l join r on l.k = r.k order by 3, 4
select * from l join r on l.k = r.k order by v, w
select * from l a join l b using (k) order by k
select a.*, b.v as bv from l a, l b where a.k = b.k + 1 order by a.k
select * from l, l
select * from l join l on true
select * from l x, r x
select x.v from l as x (a, b, v) where x.a = 1
select * from l as x (a) order by b
select x.a from l as x (a, k, c) order by x.a
select * from l as x (a, b, c, d)
select * from (l join r using (id)) order by id
select * from (l join r using (id)) as j order by id
select j.v from (l join r using (id)) as j order by v
select * from l join (r join bank on bank.id = r.id) on l.id = r.id order by l.id
select * from l left join (r join bank on bank.id = r.id) on l.id = r.id order by l.k
select l.v from l join r on l.id = r.id and l.k = r.k
select * from l join r on id = 1
select * from l join r on l.id
select * from l join r on 1
select * from l join r
select * from l inner join r on true where l.id = 1 and r.id = 2
select * from (select 1 as a) x cross join (select 2 as b) y
select * from (select 1)
select * from (select 1) x
select * from (values (1, 'a'), (2, 'b')) v
select * from (values (1, 'a'), (2, 'b')) as v (n, s) order by n
select v.s from (values (1, 'a'), (2, 'b')) as v (n, s) where v.n = 2
values (1, 'a'), (2, 'b')
values (1, 'a'), (2.5, 'b') order by 1 desc limit 1
values (1), ('x')
values (1, 2), (3)
select * from l, lateral (select r.w from r where r.k = l.k) z order by l.v, z.w
select * from l left join lateral (select r.w from r where r.k = l.k) z on true order by l.v, z.w
select * from l, (select r.w from r where r.k = l.k) z
select * from generate_series(1, 3)
select * from unnest(array[1])
select b.bank_id, sum(b.amount) from bill b join bank n on n.id = b.bank_id group by b.bank_id order by 1
select n.name, count(b.id), sum(b.amount), coalesce(sum(b.amount), 0) from bank n left join bill b on b.bank_id = n.id group by n.id, n.name order by n.name
select n.name, count(*) from bank n left join bill b on b.bank_id = n.id group by n.name having count(b.id) > 0 order by count(*) desc, n.name
select n.* from bank n left join bill b on b.bank_id = n.id where b.id is null order by n.id
select bill.id, bank.name from public.bill join public.bank on public.bank.id = bill.bank_id order by 1
select bill.id from bill b
select b from bill b
select bank from bank
select count(b) from bank b
select b.nosuch from bill b
select l.v, (select w from r where r.k = l.k and r.id is not null) from l order by v
select (select w from r where r.k = l.k) from l
select * from l full join r on l.id = r.id and l.k > 0 order by 1, 2, 3, 4, 5, 6
select * from l natural join bank order by id
select * from l tablesample system (10)
select * from only l order by k
select * from l for update
select * from l order by v for share
drop table l, r, bank, bill
