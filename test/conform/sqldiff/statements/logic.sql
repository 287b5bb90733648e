-- NULL, boolean logic, CASE, IN, LIKE, operators.
create table n (id int primary key, a int, b int, s text, f boolean)
insert into n values (1, 1, 1, 'one', true), (2, 1, null, 'two', false), (3, null, 1, null, null), (4, null, null, '', true), (5, 5, 4, 'Five', false)
select id, a = b, a <> b, a < b, a is null, a is distinct from b, a is not distinct from b from n order by id
select id, f and true, f or true, f and false, f or false, not f, f and null, f or null from n order by id
select id from n where f order by id
select id from n where not f order by id
select id from n where f is true order by id
select id from n where f is not true order by id
select id from n where f is unknown order by id
select id from n where f is not false order by id
select id from n where f = null
select id from n where a
select id from n where s
select id from n where a and f
select id from n where null
select id from n where 'true'
select id from n where 1
select id, case when a = 1 then 'one' when a is null then 'none' else 'other' end from n order by id
select id, case a when 1 then 'one' when null then 'never' when 5 then 'five' end from n order by id
select case when true then 1 else 2.5 end, case when true then 1 else 'x' end
select case when true then 1 else 2.5 end, case when false then 1 end
select case when 1 then 2 end
select case 1 when 'a' then 2 end
select case when true then 'a' else null end, case when false then null end
select coalesce(a, b, 0), coalesce(s, 'null'), coalesce(null, null), nullif(a, 1), nullif(s, '') from n order by id
select coalesce(1, 'x')
select coalesce(1, 2.5), coalesce(null, 1), coalesce('a', null)
select coalesce()
select nullif(1, 'x')
select nullif(1, 1.0), nullif(1.0, 1), nullif('a', 'b')
select greatest(1, 2, null), least(1, 2, null), greatest(null, null), greatest('a', 'b'), least(1.5, 2), greatest(1, 2.5)
select id from n where a in (1, 5) order by id
select id from n where a not in (1) order by id
select id from n where a not in (1, null) order by id
select id from n where a in (null) order by id
select id from n where s in ('one', 'two') order by id
select id from n where a in ('1', '5') order by id
select id from n where a in ('x')
select id from n where a in (select b from n) order by id
select id from n where a not in (select b from n) order by id
select id from n where a not in (select b from n where b is not null) order by id
select id from n where (a, b) in ((1, 1), (5, 4)) order by id
select id from n where (a, b) in (select a, b from n) order by id
select id from n where a in (select a, b from n)
select id from n where exists (select 1 from n n2 where n2.a = n.b and n2.id <> n.id) order by id
select id from n where not exists (select 1 from n n2 where n2.a = n.b) order by id
select id from n where a = any (select b from n) order by id
select id from n where a = some (select b from n) order by id
select id from n where a > all (select b from n where b is not null) order by id
select id from n where a <> all (select b from n) order by id
select id from n where a >= all (select b from n where false) order by id
select id from n where a = any (array[1, 5]) order by id
select id from n where a = any ('{1,5}') order by id
select id from n where a between 1 and 4 order by id
select id from n where a not between 1 and 4 order by id
select id from n where a between 4 and 1 order by id
select id from n where a between symmetric 4 and 1 order by id
select id from n where s between 'F' and 'p' order by id
select id from n where a = 1.0 order by id
select id from n where a = '1' order by id
select id from n where a > 'x'
select id from n where s > 1
select id from n where s = a
select id from n where f = 1
select id from n where f = 't' order by id
select id from n where f > false order by id
select id, s like 'o%', s like '%o%', s like 't_o', s not like 'o%', s ilike 'F%', s like '', s ilike '%IV%' from n order by id
select 'a%b' like 'a\%b', 'axb' like 'a\%b', 'a_b' like 'a\_b', 'a%b' like 'a#%b' escape '#', 'a\b' like 'a\b' escape '', 'abc' like 'a__', 'abc' like '_', '' like '%', 'é' like '_'
select 'a' like 'a\'
select 'a' like 'ab' escape 'xx'
select 'abc' similar to 'a%'
select 'abc' ~ 'a.c'
select 'abc' ~* 'A', 'abc' !~ 'x'
select 'ABC' ilike 'abc', 'ÄBC' ilike 'äbc', 'abc' not ilike 'ABC', 'abc' ~~ 'a%', 'abc' !~~ 'a%', 'abc' ~~* 'A%'
select 'a' < 'b', 'B' < 'a', 'a' < 'ab', '' < 'a', 'Z' < 'é', 'ab' < 'b', 'a ' = 'a', '10' < '9'
select s from n order by s
select s from n order by s desc
select s from n order by s nulls first
select 'x' collate "C" < 'y'
select 1 = 1.0, 1.50 = 1.5, 2 > 1.9999, 1::bigint = 1::smallint, 1 <> 1.00000001
select 1 < 2 = true
select 1 < 2 < 3
select not null, not 1
select not null
select true > false, true = 't', true <> false, true is not null
select 1 is true
select null and 1
select true and 'x'
select (null is null) is true, null is unknown, (1 = null) is unknown
select null::boolean is not true, true is distinct from null, null is distinct from null
select id from n where a = b or s = 'two' and f order by id
select id from n where (a = b or s = 'two') and f order by id
select 1 between 0 and 2 and true, 5 not in (1, 2), not 5 in (1, 2)
select a + b, a - b, a * b, a + null from n order by id
select 1 != 2, 1 <> 2, 1 ^= 2
select 5 % 3, -5 % 3, 5 % -3, 5.5 % 2, 7 / 2, -7 / 2, 7 / 2.0, 2 ^ 3
select 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 16 >> 2, @ -5, |/ 25
select 5 & 3, 5 | 3, ~5
select 1 << 4, 16 >> 2
select 5 # 3
select @ -5, @ -5.5
select 2 ^ 3
select 5!
select 1 <=> 2
select isnull(1)
select a isnull, a notnull from n order by id
drop table n
select null between null and 5, null not between null and 2.5, '5' between 1 and 9, '5' between 1 and 'x', 'b' between 'a' and 'c', null between 1 and 2
select '5' not between 1 and 'x', 5 between '1' and 9.5, null between symmetric 'a' and 1
