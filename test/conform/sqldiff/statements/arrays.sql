-- Arrays of one dimension, and functions that give rows.
select array[1,2,3], '{1,2,3}'::int[], array['a','b c',null,'NULL',''], '{"a,b",c\"d, NULL ,"NULL"}'::text[], array[]::int[], '{}'::text[]
select array[1, 2.5], array[1, 3000000000], array[true,false], array['2026-01-01'::date], array[1.5::float8, 'nan'], array['1 day'::interval]
select array[]
select '{1,2'::int[]
select '1,2}'::int[]
select '{1,x}'::int[]
select '{1,,2}'::int[]
select array[1,2]::text[], array['1','2']::int[], array[1,2]::int8[], array[1,2]::numeric[], '{1,2}'::int[]::text, array[1,2]::float8[]
select (array[10,20,30])[2], (array[10,20,30])[0], (array[10,20,30])[4], (array[10,20,30])[2:3], (array[10,20,30])[:2], (array[10,20,30])[2:], (array[10,20,30])[3:1]
select array[1,2] || array[3], array[1,2] || 3, 0 || array[1,2], array[1,2] || '{3}', array['a'] || 'b'::text, array[1,2] || null::int[], array[1] || null::int, null::int[] || 1
select array[1,2] = array[1,2], array[1,2] < array[1,3], array[1,2] < array[1,2,0], array[2] > array[1,9], array[1,null] = array[1,null], array[1.0] = array[1.00], '{1,2}' = array[1,2]
select array[1,2,3] @> array[3,1], array[1,2] @> array[4], array[1] <@ array[1,2], array[1,2] && array[2,3], array[1] && array[2], array[1,null] @> array[null]::int[], array[1] @> '{}'
select array_length(array[1,2,3], 1), array_length('{}'::int[], 1), array_length(array[1], 2), cardinality(array[1,2]), cardinality('{}'::int[]), array_ndims(array[1]), array_dims(array[1,2,3]), array_upper(array[1,2],1), array_lower(array[1,2],1)
select array_append(array[1], 2), array_prepend(0, array[1]), array_cat(array[1], array[2]), array_remove(array[1,2,1,null], 1), array_replace(array[1,2,1], 1, 5), array_remove(array[1,null], null), array_append(null::int[], 1)
select array_position(array['a','b','c','b'], 'b'), array_position(array['a','b','c','b'], 'b', 3), array_positions(array[1,2,1], 1), array_position(array[1], 5), trim_array(array[1,2,3], 1)
select array_to_string(array[1,null,3], ','), array_to_string(array[1,null,3], ',', '*'), array_to_string(array['a','b'], ''), string_to_array('a,b,c', ','), string_to_array('a,b,c', ',', 'b'), string_to_array('abc', null), string_to_array('', ','), string_to_array('abc', '')
select trim_array(array[1], 5)
select 2 = any(array[1,2,3]), 5 = any(array[1,2,3]), 5 = any(array[1,null]), 2 = any('{1,2}'), null = any(array[1]), 1 = any(null::int[]), 1 = any('{}'::int[]), 'a' = any(array['a','b'])
select 2 <> all(array[1,2,3]), 5 <> all(array[1,2,3]), 5 <> all(array[1,null]), 1 <> all('{}'::int[]), 1.0 = any(array[1.00, 2]), 2 = any(array[1.0, 2.0]), 1.5 = any(array[1, 2]), '\x00ff'::bytea = any(array['\x00ff'::bytea]), date '2026-01-01' = any('{2026-01-01}')
select 1 = any(5)
select array[1,2] + 1
select array[1,2] = array['a']
select array_agg(x) from (values (1), (2), (null)) v(x)
select array_agg(x order by x desc) from (values (1), (3), (2)) v(x)
select array_agg(distinct x) from (values ('b'), ('a'), ('b')) v(x)
select array_agg(x) filter (where x > 1) from (values (1), (3), (2)) v(x)
select array_agg(x) from (values (1)) v(x) where x > 1
select array(select x from (values (3), (1)) v(x) order by x), array(select 1 where false)
select * from unnest(array[1,2,null]) 
select * from unnest(array['a','b,c','"']) as x
select * from unnest(array['a','b']) with ordinality
select * from unnest(array['a','b']) with ordinality as u(v, n) where n > 1
select v + 1 from unnest(array[1.5, 2]) as u(v)
select * from unnest('{}'::int[])
select * from generate_series(1, 5)
select * from generate_series(1, 10, 3) as g(n)
select * from generate_series(5, 1, -2)
select * from generate_series(3, 1)
select * from generate_series(1, 2, 0)
select * from generate_series(1.0, 2.5, 0.5)
select * from generate_series('2026-01-01'::timestamp, '2026-01-03', '1 day')
select * from generate_series('2026-01-31'::date, '2026-04-01', '1 month')
select * from generate_series('2026-01-03'::timestamp, '2026-01-01', '-12 hours')
select count(*), sum(g) from generate_series(1, 1000) g
select * from string_to_table('a,b,c', ',')
select * from generate_subscripts(array[5,6], 1)
create table a (id integer primary key, i int[], t text[] default '{}', n numeric[], f float8[])
insert into a values (1, '{1,2,3}', '{a,b}', '{1.0,2}', '{1.5}'), (2, array[4,5], array['x'], null, null), (3, null, '{}', '{}', '{nan,0}')
insert into a (id) values (4)
insert into a values (5, '{x}')
select * from a order by id
select id from a where 2 = any(i) order by id
select id from a where i @> array[1] order by id
select id, i[1], t[2], i[2:3] from a order by id
select id, u from a, unnest(i) as u order by id, u
select id, u from a join unnest(t) as u on true order by id, u
select id from a where id = any('{1,3}') order by id
select id from a where id <> all(array[1,3]) order by id
select i from a order by i
select i, count(*) from a group by i order by i
select distinct t from a order by t
select max(array_length(i, 1)) from a
update a set i = i || 9, t = array_append(t, 'z') where id = 1 returning i, t
update a set i = array[7] where i = '{4,5}' returning id
create unique index a_i on a (i)
insert into a (id, i) values (6, '{7}')
select id from a where i = '{7}'
select array_agg(id order by id) from a
select string_agg(x::text, '-') from unnest(array[3,1,2]) x
delete from a where t = '{}' returning id
drop table a
