-- UPDATE … FROM, DELETE … USING, ON CONFLICT DO UPDATE of several rows.
create table p (id integer primary key, name text not null unique, price numeric(8,2), stock integer default 0)
create table q (pid integer, add_stock integer, price numeric(8,2))
insert into p values (1,'a',1.00,5),(2,'b',2.00,6),(3,'c',3.00,7),(4,'d',null,8)
insert into q values (1, 10, 1.50),(3, 30, null),(9, 90, 9.00)
update p set stock = p.stock + q.add_stock from q where q.pid = p.id
select * from p order by id
update p set price = q.price, name = name || '!' from q where q.pid = p.id and q.price is not null returning p.id, p.price, name
update p x set stock = 0 from q y where y.pid = x.id and y.add_stock > 20 returning x.*
update p set stock = stock + 1 from (select pid, sum(add_stock) as s from q group by pid) z where z.pid = p.id returning id, stock
update p set stock = t.n from (values (1, 100), (2, 200)) as t(id, n) where t.id = p.id returning p.id, p.stock
update p set stock = b.stock from p b where b.id = p.id + 1 returning p.id, p.stock
update p set stock = 1 from q join p o on o.id = q.pid where o.id = p.id returning p.id
update p set id = p.id + 100 from q where q.pid = p.id returning p.id
update p set id = p.id - 100 from q where q.pid = p.id - 100 returning id
update p set stock = q.add_stock from q where p.id = 999
update p set stock = q.nothing from q where q.pid = p.id
update p set stock = pid from q where pid = p.id returning id, stock
with big as (select * from q where add_stock > 5) update p set stock = big.add_stock from big where big.pid = p.id returning p.id, p.stock
update p set name = 'a!' from q where q.pid = p.id and p.id = 3
update p set stock = 1 from p where p.id = 1
delete from p using q where q.pid = p.id and q.add_stock > 20 returning p.id, p.name
select * from p order by id
delete from q using p where p.id = q.pid
select * from q order by pid
delete from p a using p b where a.id = b.id + 1 returning a.id
select * from p order by id
insert into p (id, name, stock) values (1, 'a2', 1), (2, 'b2', 2), (7, 'g', 7) on conflict (id) do update set stock = p.stock + excluded.stock
select * from p order by id
insert into p (id, name, stock) values (7, 'x', 70), (8, 'h', 80), (1, 'y', 10) on conflict (id) do update set stock = excluded.stock, name = excluded.name returning id, name, stock
insert into p (id, name) values (20, 'twice'), (20, 'again') on conflict (id) do update set name = excluded.name
insert into p (id, name) values (1, 'u1'), (1, 'u2') on conflict (id) do update set name = excluded.name
insert into p (id, name) values (30, 'y'), (31, 'z') on conflict (name) do update set stock = -1
select * from p order by id
insert into p (id, name, stock) select id, name || '?', 3 from p on conflict (id) do update set stock = excluded.stock, name = excluded.name
select * from p order by id
insert into p (id, name) select 40, 'new' union all select 41, 'newer' on conflict (id) do update set stock = 5
insert into p (id, name) values (40, 'n1'), (42, 'n2') on conflict do nothing
select id, name, stock from p order by id
create table nk (a integer, b text, c integer, unique (a, b))
insert into nk values (null, 'x', 1), (null, 'x', 2), (1, null, 3) on conflict (a, b) do update set c = 0
insert into nk values (1, 'x', 1), (2, 'x', 2), (null, 'x', 9) on conflict (a, b) do update set c = nk.c + excluded.c
insert into nk values (1, 'x', 10), (2, 'x', 20), (null, 'x', 90) on conflict (a, b) do update set c = nk.c + excluded.c
select * from nk order by c
update p set (name, stock) = (select 'from ' || q.pid, q.add_stock from (values (1, 77)) as q(pid, add_stock) where q.pid = p.id) where id = 1 returning *
update p set (name, stock) = (select 'x', 2 union all select 'y', 3) where id = 1
update p set (stock, price) = (select count(*), max(price) from p) where id in (1, 7) returning id, stock, price
update p set (stock, price) = (select 1, 2, 3)
update p set (stock, price) = (select stock, price from p b where b.id = -1) where id = 8 returning id, stock, price
update p set (stock, stock) = (select 1, 2)
update p set (name, nothing) = (select 1, 2)
update p set (stock, price) = row(5, 6.5) where id = 7 returning id, stock, price
