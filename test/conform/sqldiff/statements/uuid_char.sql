-- uuid and char(n).
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'A0EEBC999C0B4EF8BB6D6BB9BD380A11'::uuid, '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}'::uuid
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'::uuid
select 'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
select ''::uuid
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid = 'A0EEBC999C0B4EF8BB6D6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid < 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::text, 'x' || 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::int
create table u (id uuid primary key, o uuid)
insert into u values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', null), ('00000000-0000-0000-0000-000000000001', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')
insert into u values ('A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', null)
insert into u values ('x', null)
select * from u order by id
select * from u where id = '00000000-0000-0000-0000-000000000001'
select id from u where o in ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000001')
select o, count(*) from u group by o order by o
select 'ab'::char(4), 'ab'::char(4) || 'x', length('ab'::char(4)), octet_length('ab'::char(4)), 'abcdef'::char(3), 'x'::char, 'ab'::character(2)
select 'ab'::char(4) = 'ab', 'ab'::char(4) = 'ab  '::char(6), 'ab'::char(4) = 'ab'::text, 'ab '::char(3) < 'abc'::char(3), 'ab'::char(4) = 'ab  '::text
select 'ab'::char(4) like 'ab', 'ab'::char(4) like 'ab  ', 'ab'::char(4) like 'ab%'
select upper('ab'::char(4)) || 'x', concat('ab'::char(4), 'x'), coalesce('ab'::char(4), 'x') || '|'
select 'ab'::char(4)::text || '|', 'ab'::text::char(4) || '|', 5::char(3) || '|', '12 '::char(3)::int
select 'x'::char(0)
create table c (id integer primary key, c char(3), d char)
insert into c values (1, 'a', 'x'), (2, 'ab', 'y'), (3, 'abc', null), (4, 'a  ', 'z'), (5, null, ' ')
insert into c values (6, 'abcd', 'x')
insert into c values (6, 'abc   ', 'x')
select id, c, d, length(c) from c order by id
select id from c where c = 'a' order by id
select id from c where c in ('a', 'ab') order by id
select c, count(*) from c group by c order by c
select distinct c from c order by c
select min(c), max(c) from c
select id from c where c > 'a' order by c, id
create unique index c_u on c (c, id)
create table ck (c char(3) primary key, v int)
insert into ck values ('a', 1), ('b', 2)
insert into ck values ('a ', 3)
select * from ck where c = 'a'
select * from ck where c = 'a    '
select * from ck join c on ck.c = c.c order by id
update ck set c = 'zz' where c = 'b' returning c
drop table u, c, ck
