-- real and double precision: text, arithmetic, casts, comparison, keys.
select 1.5::float8, 1.5::float4, '1e15'::float8, '1e14'::float8, '1234567'::float4, '123456'::float4
select '0.0001'::float8, '0.00001'::float8, '-0'::float8, 'NaN'::float8, 'infinity'::float8, '-inf'::float8
select '5e-324'::float8, '1.7976931348623157e308'::float8, '2.2250738585072014e-308'::float8, '1e-45'::float4, '3.4028235e38'::float4
select 0.1::float8 + 0.2::float8, 0.1::float4 + 0.2::float4, 0.1::float4 + 0.2::float8, 1::float8 / 3
select '1e400'::float8
select '1e-400'::float8
select '1e39'::float4
select 'abc'::float8
select ''::float8
select '  1.25  '::float8, '0x10'::float8, '.5'::float8, '5.'::float8
select '1.2.3'::float8
select 1::float8 / 0
select 1::float8 / 0::float4
select 'NaN'::float8 / 0
select 1e308::float8 * 10
select 1e-308::float8 * 1e-308::float8
select 1e308::float8 + 1e308::float8
select 'inf'::float8 - 'inf'::float8, 'inf'::float8 * 0
select 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'inf'::float8, '-0'::float8 = 0::float8, -(0::float8)
select 1::float8 = 1, 1.5::float8 > 1.5, 2::float4 < 3.5, 0.1::float4 = 0.1::float8, 0.1::float4 < 0.1
select 2.5::float8::int, 3.5::float8::int, -2.5::float8::int, 2.5::float4::int2, 1e10::float8::int8
select 1e10::float8::int
select 40000::float8::int2
select 1e20::float8::int8
select 'nan'::float8::int
select 1.23456789012345678::float8::numeric, 1.23456789::float4::numeric, 1e20::float8::numeric, 1e-5::float8::numeric
select 123456789012345678::float8, 9007199254740993::float8, 16777217::float4, 0.1::numeric::float8
select round(2.5::float8), round(-2.5::float8), round(3.5::float8), ceil(1.2::float8), floor(-1.2::float8), trunc(-1.7::float8), sign(-3::float8)
select round(5), ceil(7), floor(7), trunc(7), sign(-7), round(5::int8)
select sqrt(2), sqrt(2::float8), |/ 16::float8, abs(-1.5::float8), @ (-2.5::float8), abs(-1.5::float4)
select sqrt(-1)
select pi(), degrees(1::float8), radians(180)
select exp(1::float8), ln(2::float8), log(100::float8), power(2::float8, 10), 2::float8 ^ 0.5, cbrt(27::float8)
select ln(0::float8)
select ln(-1::float8)
select power(0::float8, -1)
select power(-8::float8, 0.5)
select sin(1), cos(1), tan(1), asin(1), acos(1), atan(1), atan2(1, 2), sinh(1), cosh(1), tanh(1)
select asin(2)
select 1.5::float8 || 'x', concat(1.5::float8, 1e20::float4), 'y' || 0.1::float4
select 1.5::float8::text, 1e-7::float8::text, '3.25'::text::float8
select coalesce(null::float8, 1), case when true then 1 else 1.5::float8 end, greatest(1, 2.5::float8), least(1.5::float4, 1)
select nullif(1::float8, 1), nullif(1.5::float8, 2)
select pg_typeof(1)
create table f (id integer primary key, d double precision, r real)
insert into f values (1, 1.5, 1.5), (2, '-0', 0), (3, 'NaN', 'Infinity'), (4, null, -1e-5), (5, 1e300, 1e30), (6, '-Infinity', 'NaN'), (7, 0.1, 0.1)
insert into f values (8, 1e400, 0)
insert into f values (9, 'x', 0)
insert into f values (10, 1, 1e39)
select id, d, r from f where d <> 0 order by d, id
select id, r from f order by r desc nulls last, id
select id from f where d = 0.1 or r = 0.1::real order by id
select id from f where d > 1 order by id
select id from f where d between -1 and 2 order by id
select id from f where d in (1.5, 'NaN') order by id
select min(d), max(d), min(r), max(r), count(d) from f
select sum(d), avg(d) from f where id in (1, 7)
select sum(r), avg(r), stddev(d), variance(d), var_pop(d), stddev_pop(d) from f where id in (1, 2, 7)
select corr(d, id), covar_pop(d, id), covar_samp(d, id), regr_slope(d, id), regr_intercept(d, id) from f where id in (1, 2, 7)
select d, count(*) from f where d <> 0 group by d order by d
select distinct d from f where d <> 0 order by d
update f set d = d + 1, r = r * 2 where id = 1 returning d, r
update f set d = sqrt(d) where id = 5 returning d
create table fk (d double precision primary key, r real unique)
insert into fk values (1.5, 2.5), (0, 1)
insert into fk values (1.5, 3)
insert into fk values ('-0', 3)
insert into fk values (2, 2.5)
insert into fk values ('nan', 'nan')
insert into fk values ('nan', 1)
select * from fk order by d
select * from fk where d = 1.5
create index fk_r on fk (r)
select * from fk where r >= 2 order by r
delete from fk where d = 'NaN'
drop table f, fk
