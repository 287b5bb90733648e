-- A ledger of bills kept by three banks and a supervisor.
create table banks (id integer primary key, name text not null unique, active boolean not null default true)
create table bills (id bigint primary key, drawer integer not null, holder integer not null, amount numeric(14,2) not null check (amount > 0), fee numeric(6,4) default 0.0125, issued timestamptz not null, due timestamptz, state text not null default 'open' check (state in ('open', 'paid', 'void')), memo text, seal bytea, constraint due_later check (due > issued), constraint not_self check (drawer <> holder))
create index bills_holder on bills (holder, state)
create index bills_due on bills (due)
insert into banks (id, name) values (1, 'Alpha Bank'), (2, 'Beta Bank'), (3, 'Gamma Bank'), (4, 'Supervisor')
insert into bills (id, drawer, holder, amount, issued, due, memo, seal) values (1001, 1, 2, 2500.00, '2026-01-05 09:00:00+00', '2026-04-05', 'goods', '\x0a0b'), (1002, 2, 3, 1000.555, '2026-01-06 10:30:00+01', '2026-03-01', null, null), (1003, 3, 1, 99.99, '2026-01-07', null, 'no due', '\xdeadbeef'), (1004, 1, 3, 10000, '2026-02-01', '2026-08-01', 'big', '')
insert into bills (id, drawer, holder, amount, issued) values (1001, 1, 2, 5, '2026-01-01')
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 1, 5, '2026-01-01')
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 2, 0, '2026-01-01')
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 2, -3.5, '2026-01-01')
insert into bills (id, drawer, holder, amount, issued, due) values (1005, 1, 2, 5, '2026-01-01', '2025-01-01')
insert into bills (id, drawer, holder, amount, issued, state) values (1005, 1, 2, 5, '2026-01-01', 'lost')
insert into bills (id, drawer, holder, amount, issued) values (1005, null, 2, 5, '2026-01-01')
insert into bills (id, drawer, holder, amount) values (1005, 1, 2, 5)
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 2, 1000000000000.00, '2026-01-01')
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 2, 'abc', '2026-01-01')
insert into bills (id, drawer, holder, amount, issued) values (1005, 1, 2, 0.004, '2026-01-01')
insert into banks values (5, 'Alpha Bank')
select * from bills order by id
select b.id, d.name as drawer, h.name as holder, b.amount, b.amount * b.fee as fee, round(b.amount * b.fee, 2) as rounded from bills b join banks d on d.id = b.drawer join banks h on h.id = b.holder order by b.id
select h.name, count(*) as bills, sum(b.amount) as total, avg(b.amount) as mean, min(b.due), max(b.issued) from bills b join banks h on h.id = b.holder group by h.name order by total desc
select n.name, coalesce(sum(b.amount) filter (where b.state = 'open'), 0) as open, coalesce(sum(b.amount) filter (where b.state = 'paid'), 0) as paid from banks n left join bills b on b.holder = n.id group by n.id order by n.id
select n.name, coalesce(sum(case when b.drawer = n.id then -b.amount else b.amount end), 0) as net from banks n left join bills b on n.id in (b.drawer, b.holder) group by n.name order by n.name
update bills set state = 'paid' where id = 1002 and state = 'open' returning id, state, amount
update bills set state = 'paid' where id = 1002 and state = 'open' returning id
update bills set holder = 1 where id = 1001
update bills set amount = amount * 1.1 where state = 'open' returning id, amount
update bills set amount = amount * 1000000000000
update bills set due = issued
update bills set memo = coalesce(memo, '') || ' [checked]' where due < '2026-05-01' returning id, memo
update bills set holder = 3 where id = 1001; insert into bills (id, drawer, holder, amount, issued) values (1006, 2, 1, 12.34, '2026-02-02')
update bills set state = 'void' where id = 1003; insert into bills (id, drawer, holder, amount, issued) values (1003, 2, 1, 1, '2026-02-02')
select state from bills where id = 1003
insert into bills (id, drawer, holder, amount, issued) select id + 1000, holder, drawer, amount / 3, issued from bills where holder <> 2 and id < 1005 returning id, amount
select state, count(*), sum(amount) from bills group by state having sum(amount) > 100 order by state
select drawer, holder, sum(amount) from bills group by drawer, holder order by 1, 2
select id from bills where due between '2026-03-01' and '2026-06-30' order by due, id
select id from bills where issued >= timestamptz '2026-01-06' and memo is not null order by id
select id, seal, length(seal), encode(seal, 'hex') from bills where seal is not null order by id
select id, amount from bills order by amount desc nulls last, id limit 3
select id, due from bills order by due nulls first, id
select id from bills where memo like '%checked%' order by id
select id from bills where amount > (select avg(amount) from bills) order by id
select name from banks n where not exists (select 1 from bills b where b.drawer = n.id) order by name
select name from banks where id in (select holder from bills where state = 'open') order by name
select drawer, max(amount) - min(amount) as spread from bills group by drawer order by spread desc, drawer
delete from bills where state = 'void' returning id
delete from bills where id between 2000 and 2100
delete from banks where id not in (select drawer from bills union select holder from bills) returning name
select sum(amount), count(*), avg(amount), sum(fee), avg(fee) from bills
select sum(amount) / 7, sum(amount) % 7, -sum(amount), sum(amount)::bigint, sum(amount)::text from bills
drop table banks
drop table bills
