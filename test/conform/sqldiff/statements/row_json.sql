-- Whole rows as JSON.
create table t (a int primary key, b text, c numeric, e int[], j jsonb, d date, ts timestamptz, by bytea, f float8, bo bool)
insert into t values (1, 'one"', 1.50, '{1,2,3}', '{"a": 1, "b": [1, 2]}', '2020-01-01', '2020-01-02 03:04:05+00', '\x01', 1.5, true), (2, null, null, null, null, null, null, null, null, null)
create table u (id int primary key, a int, v text)
insert into u values (1, 1, 'x'), (2, 9, 'y')
select row_to_json(t) from t order by a
select to_jsonb(t), to_json(t) from t order by a
select json_agg(u) from u
select jsonb_agg(u order by u.id desc) from u
select json_agg(t) from (select a, b from t order by a) t
select row_to_json(x) from (select 1 as a, 'x' as b) x
select row_to_json(row(1, 'a', null)), to_jsonb(row(1.50, true))
select u.id, row_to_json(t) from u left join t on t.a = u.a order by 1
select u.id, row_to_json(t.*) from u join t on t.a = u.a order by 1
select t.a, (select json_agg(u) from u where u.a = t.a) from t order by 1
select t.a, (select row_to_json(t)) from t order by 1
select u.id, row_to_json(x) from u left join (select a from t) x on x.a = u.a order by 1
select row_to_json(j) from (t join u using (a)) j
select json_agg(t) from t group by a order by a
select row_to_json(t) from t group by b
select row_to_json(g) from generate_series(1, 2) g
select row_to_json(v) from (values (1, 'a')) v(x, "Y z")
select row_to_json('{}'::json)
select json_agg(a) from t
select json_build_object('t', t.a, 'u', (select json_agg(u) from u)) from t order by 1::text
insert into u select 10, 1, row_to_json(t)::text from t where a = 1
select v from u where id = 10
select json_agg(nope) from t
select a, l.x from t, lateral (select to_jsonb(t) -> 'a' as x) l order by 1
