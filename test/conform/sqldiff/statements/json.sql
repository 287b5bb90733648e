-- json and jsonb.
select '{"b": 1, "a": [1, 2.50, 1e3, true, null, "x\u00e9\n"], "b": 2}'::json, '{"b": 1, "a": [1, 2.50, 1e3, true, null, "x\u00e9\n"], "b": 2}'::jsonb
select '  [1,2]  '::json, '  [1,2]  '::jsonb, '"x"'::jsonb, 'null'::jsonb, '-0.10'::jsonb, '{}'::jsonb, '[]'::jsonb, '{"aa":1,"b":2,"a":3}'::jsonb
select '{"a":'::json
select '{a:1}'::jsonb
select '[1,]'::jsonb
select ''::json
select '01'::json
select '"\u0000"'::jsonb
select 'tru'::jsonb
select '{"a": {"b": [10, 20, "x"]}}'::jsonb -> 'a' -> 'b' -> 1, '{"a": {"b": [10, 20, "x"]}}'::json -> 'a' -> 'b' ->> 2, '[1,2,3]'::jsonb -> -1, '[1,2,3]'::jsonb ->> 5, '{"a":null}'::jsonb ->> 'a', '{"a":null}'::jsonb -> 'a', '{"a": {"b":  1}}'::json -> 'a'
select '{"a": {"b": [10, 20]}}'::jsonb #> '{a,b,1}', '{"a": {"b": [10, "x"]}}'::jsonb #>> '{a,b,1}', '{"a": 1}'::jsonb #> '{b}', '{"a":[1,2]}'::json #>> array['a','-1'], '{"a":1}'::jsonb #> '{}'
select '{"a":1,"b":2}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb <@ '{"a":1,"b":2}', '[1,2,3]'::jsonb @> '[3,1]', '[1,2]'::jsonb @> '1', '{"a":[1,2]}'::jsonb @> '{"a":[2]}', '{"a":1.0}'::jsonb @> '{"a":1.00}', '[[1,2]]'::jsonb @> '[[1]]', '1'::jsonb @> '[1]'
select '{"a":1}'::jsonb ? 'a', '["a","b"]'::jsonb ? 'b', '{"a":1}'::jsonb ?| array['x','a'], '{"a":1}'::jsonb ?& array['x','a'], '"a"'::jsonb ? 'a', '{"a":1}'::jsonb ?& '{}'
select '{"a":1,"b":2}'::jsonb || '{"b":3,"c":4}', '[1]'::jsonb || '[2,3]', '[1]'::jsonb || '2', '1'::jsonb || '2', '{"a":1}'::jsonb || '[1]', '[]'::jsonb || '{}'
select '{"a":1,"b":2}'::jsonb - 'a', '["a","b","a"]'::jsonb - 'a', '[1,2,3]'::jsonb - 1, '[1,2,3]'::jsonb - -1, '{"a":1,"b":2}'::jsonb - '{a,b}'::text[], '{"a":{"b":1,"c":2}}'::jsonb #- '{a,b}', '[1,[2,3]]'::jsonb #- '{1,0}'
select '1'::jsonb - 'a'
select '{"a":1}'::jsonb - 1
select jsonb_set('{"a":{"b":1}}', '{a,b}', '2'), jsonb_set('{"a":1}', '{c}', '3'), jsonb_set('{"a":1}', '{c}', '3', false), jsonb_set('[1,2,3]', '{1}', '"x"'), jsonb_set('[1,2]', '{5}', '9'), jsonb_set('[1,2]', '{-5}', '9'), jsonb_set('{"a":[1]}', '{a,0}', '{"z":1}')
select jsonb_insert('[1,2]', '{1}', '9'), jsonb_insert('[1,2]', '{1}', '9', true), jsonb_insert('{"a":1}', '{b}', '2')
select jsonb_insert('{"a":1}', '{a}', '2')
select jsonb_set('[1]', '{x}', '2')
select jsonb_typeof('1'), jsonb_typeof('"x"'), jsonb_typeof('null'), jsonb_typeof('true'), jsonb_typeof('[]'), json_typeof('{}'), jsonb_array_length('[1,2]'), json_array_length('[]')
select jsonb_array_length('{}')
select jsonb_array_length('1')
select jsonb_strip_nulls('{"a":null,"b":{"c":null,"d":1},"e":[null]}'), jsonb_pretty('{"a":[1,{"b":2}],"c":{}}'), jsonb_extract_path('{"a":{"b":1}}', 'a', 'b'), jsonb_extract_path_text('{"a":{"b":"x"}}', 'a', 'b')
select to_jsonb(1), to_jsonb('x'::text), to_jsonb(1.50), to_jsonb(true), to_jsonb(array[1,2]), to_jsonb(array['a',null]), to_jsonb(date '2026-01-02'), to_jsonb(timestamp '2026-01-02 03:04:05.6'), to_jsonb(timestamptz '2026-01-02 03:04:05+00'), to_jsonb(1.5::float8), to_jsonb('nan'::float8), to_jsonb('{"a":1}'::json), to_jsonb(null::int)
select to_json(array[1,2]), to_json('a"b'::text), to_json(interval '1 day'), to_json('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), to_json(1e20::float8), to_json('{"b":1,  "a":2}'::json)
select jsonb_build_object('b', 1, 'a', 'x', 'c', null, 'd', array[1,2], 1, true), json_build_object('b', 1, 'a', 'x'), jsonb_build_array(1, 'x', null, 2.5, true), json_build_array(1, 'x', null), jsonb_build_object(), json_build_array()
select jsonb_build_object('a')
select jsonb_build_object(null, 1)
select '{"a":1}'::jsonb = '{"a":1.0}', '{"a":1}'::jsonb < '{"a":2}', '[1,2]'::jsonb < '[1,2,3]', '{"a":1}'::jsonb > '[1]', '1'::jsonb < '"a"', 'null'::jsonb < '1', '[]'::jsonb < 'null', 'true'::jsonb > 'false', '{"b":1}'::jsonb > '{"a":1}'
select '{"a":1}'::json = '{"a":1}'
select '{"a":1}'::jsonb::text, '{"a":1}'::jsonb::json, '{"b":1,"a":2}'::json::jsonb, '1.5'::jsonb::numeric, '2'::jsonb::int, 'true'::jsonb::boolean, '1.5'::jsonb::float8, '{"a":1}'::text::jsonb
select '"x"'::jsonb::int
select '1'::jsonb::boolean
select 'x' || '{"a":1}'::jsonb::text, concat('{"a": 1}'::jsonb, 'x')
select * from jsonb_each('{"a":1,"b":"x","c":null}')
select * from jsonb_each_text('{"a":1,"b":"x","c":null}')
select key, value from json_each('{"b":1,"a": {"x":  1}}')
select * from jsonb_array_elements('[1,"x",null,{"a":1}]')
select * from jsonb_array_elements_text('[1,"x",null,{"a":1}]') as t(v)
select * from jsonb_object_keys('{"b":1,"a":2}')
select value ->> 'a' from jsonb_array_elements('[{"a":1},{"a":2}]') order by 1
select * from jsonb_array_elements('{"a":1}')
select * from jsonb_each('[1]')
select jsonb_agg(x), json_agg(x) from (values (1), (2), (null)) v(x)
select jsonb_agg(x order by x desc) from (values (1), (3), (2)) v(x)
select jsonb_object_agg(k, v), json_object_agg(k, v) from (values ('b', 1), ('a', 2)) x(k, v)
select jsonb_agg(x) from (values (1)) v(x) where x > 1
create table j (id integer primary key, a json, b jsonb default '{}', c jsonb[])
insert into j values (1, '{"x": 1}', '{"x": 1, "tags": ["a","b"]}', null), (2, null, '{"x": 2, "y": {"z": "q"}}', array['1'::jsonb]), (3, '[]', '[1,2]', null)
insert into j (id) values (4)
insert into j values (5, '{', '{}')
insert into j values (5, '{}', '[')
select * from j order by id
select id from j where b @> '{"x": 1}' order by id
select id, b ->> 'x', (b ->> 'x')::int + 1 from j where b ? 'x' order by id
select id from j where b -> 'y' ->> 'z' = 'q'
select id from j where b = '{"tags": ["a", "b"], "x": 1.0}'
select b, count(*) from j group by b order by b
select distinct b from j order by b
select id from j order by b desc, id
update j set b = b || '{"n": true}' where id = 1 returning b
update j set b = jsonb_set(b, '{y,z}', '"w"') where id = 2 returning b #>> '{y,z}'
select id, t from j, jsonb_array_elements_text(b -> 'tags') as t order by id, t
create unique index j_b on j (b)
insert into j (id, b) values (6, '{}')
select jsonb_agg(jsonb_build_object('id', id, 'x', b -> 'x') order by id) from j
create table jp (k jsonb primary key)
select max(b) from j
drop table j
