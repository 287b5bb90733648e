-- Integers, numeric, and their limits.
create table m (i integer, l bigint, n numeric, p numeric(10,2), q numeric(5,3), w numeric(4,0), s smallint)
insert into m values (2147483647, 9223372036854775807, 1.5, 99999999.99, 99.999, 9999, 32767)
insert into m values (-2147483648, -9223372036854775808, -1.5, -99999999.99, -99.999, -9999, -32768)
insert into m values (0, 0, 0, 0, 0, 0, 0), (null, null, null, null, null, null, null)
select * from m order by i
select i + 1 from m where i > 0
select i - 1 from m where i < 0
select i * 2 from m where i > 0
select -i from m where i < 0
select abs(i) from m where i < 0
select i / -1 from m where i < 0
select l + 1 from m where l > 0
select l - 1 from m where l < 0
select l * 2 from m where l > 0
select -l from m where l < 0
select l / -1 from m where l < 0
select i + 1::bigint, i::bigint * 2 from m order by i
select s + 1 from m order by s
select s + 1::smallint from m order by s
select 1 / 0
select 1 % 0
select 1.0 / 0
select 1.0 % 0
select 1 / 0.0
select i / 0 from m
select 0 / i from m where i = 0
select i from m where i <> 0 and 10 / i > 0
select case when i = 0 then 0 else 10 / i end from m order by i
select p + 0.01, p * 2, p / 3, p - 0.001 from m order by p
select p * p, q * q, p + q, p - q, p / q from m where p <> 0 order by p
select p / q from m where q = 0
insert into m (p) values (99999999.994)
insert into m (p) values (99999999.995)
insert into m (p) values (100000000)
insert into m (p) values (-99999999.995)
insert into m (w) values (9999.4), (0.5), (1.5), (-0.5), (2.4999)
insert into m (w) values (9999.5)
insert into m (i) values (2147483648)
insert into m (i) values (1.5), (2.5), (-2.5)
insert into m (i) values ('12')
insert into m (i) values ('x')
insert into m (i) values (true)
insert into m (i) values ('2147483648')
insert into m (l) values (9223372036854775808)
insert into m (s) values (40000)
insert into m (n) values (1e10), (1.23e-5), (12345678901234567890.123456789), ('0.1000')
select i, w, p, n from m order by i nulls last, w nulls last, p nulls last, n nulls last
update m set i = i + 1 where i > 0
update m set p = p * 10
update m set p = p / 3 where p > 0 returning p
select 1.0 + 2, 1.10 + 2.205, 1.5 * 1.5, 10 / 4, 10 / 4.0, 10.0 / 3, 2.0 / 3.0, 1 / 3.0, 100.00 / 7, 0.1 * 0.1, 5 - 5.00
select 1.000 / 3, 12345.6789 / 0.0001, 1e20 / 3, 0.00001 / 3, 1 / 7.0, 22 / 7.000000
select 1e-10 / 3, 123456789.123456789 * 987654321.987654321, 1e50 * 1e50
select round(2.5), round(3.5), round(-2.5), round(2.45, 1), round(-2.45, 1), round(1234.5, -2), round(1.005, 2), round(5, 0), round(15, -1), round(25, -1)
select round(2), ceil(2), floor(2)
select trunc(2.9), trunc(-2.9), trunc(2.999, 2), ceil(2.1), ceil(-2.1), ceiling(2.1), floor(2.9), floor(-2.1), sign(-5.5), sign(0.0), abs(-1.50)
select mod(5, 3), mod(-5, 3), mod(5.5, 2), mod(5, 0)
select mod(5, 3), mod(-5, 3), mod(5.5, 2), div(7, 2), div(-7.5, 2)
select power(2, 10), sqrt(4), exp(1), ln(2), log(100)
select power(2.0, 10), power(2.0, 0.5), power(2::numeric, 3)
select sqrt(2.0), exp(1.0), ln(2.0), log(100.0)
select gcd(12, 18), lcm(4, 6), factorial(5)
select random()
select pi()
select width_bucket(5, 0, 10, 5)
select 1::numeric(10,2) + 1::numeric(10,3), 1::numeric(10,2) * 3, (1::numeric(10,2))::text
select 1.10, 1.10::text, (1.10)::numeric(5,1), 100::numeric, 1e2::text, 1.0e1
select 0.1 + 0.2 = 0.3, 1.0 = 1.00, 1.00::text = 1.0::text
select sum(i), sum(l), sum(n), sum(p), sum(q), sum(w), sum(s) from m where i is not null and i > -5
select sum(l) from m
select avg(i), avg(l), avg(n), avg(p), avg(w), avg(s) from m
select sum(i), count(i), count(*), min(i), max(i), avg(i) from m where false
select sum(i)::int from m
select avg(i)::int, avg(p)::numeric(10,2), round(avg(p), 2) from m
create table d (v numeric(10,2), k int)
insert into d values (1.00, 1), (2.00, 2), (4.00, 4), (-0.01, 3)
select avg(v), sum(v), min(v), max(v), avg(k), sum(k) from d
select avg(v) from d where v > 0
select avg(k) from d where k < 3
select sum(v) / count(*), sum(v) * 1.19, sum(v * k), sum(v) - sum(k) from d
select v / 3, v * 0.19, round(v * 0.195, 2), v::int, v % 3, -v, +v, abs(v) from d order by v
select stddev(v), variance(k) from d
select sum(distinct k), count(distinct v), avg(distinct k) from d
select max(v) - min(v), max(k) / min(k) from d
select 1 + '2', '3' * 2, '1' + '2'
select 1 + '2', '3' * 2
select 1 + 'x'
select 'a' + 1
select 1 + true
select 1.5 + 'x'
select '2147483647'::int + 1
select 2147483647 + 1
select 9223372036854775807 + 1
select -(-9223372036854775807 - 1)
select 32767::smallint + 1::smallint
select 99999 * 99999
select 99999::bigint * 99999
select to_char(1.5, '9.9')
select 10 ^ 2
select 1.5::text, 1e-7::text, 100000000000000000000::text
select 1 = 1.0000000000000000000001
select 3 - -3, 3 - - 3, 3 + +3, - - 3
select 2 + 3 * 4, (2 + 3) * 4, 10 - 4 - 3, 100 / 10 / 5, 7 - 2 * 3 % 4
select numeric_send(1)
select 1.2.3
select 1a
select 0.1e, 1
select 123abc
drop table m
drop table d
