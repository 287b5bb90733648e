-- date, time, timestamp, interval: text, arithmetic, casts, fields.
select date '2026-01-02', '2026-1-2'::date, '20260102'::date, 'Jan 2, 2026'::date, '2 January 2026'::date, '1/2/2026'::date, '2026-Jan-02'::date, '02-Jan-2026'::date
select '0044-03-15 BC'::date, 'infinity'::date, '-infinity'::date, 'epoch'::date, '5874897-12-31'::date, '260102'::date, '1/2/99'::date
select '2026-02-29'::date
select '2026-13-01'::date
select '13/13/2026'::date
select '5874898-01-01'::date
select 'abc'::date
select ''::date
select '2026-01'::date
select time '04:05:06', '04:05'::time, '040506'::time, '04:05:06.789'::time, '04:05 AM'::time, '04:05 PM'::time, '12:00 AM'::time, '24:00:00'::time, '23:59:60'::time, 'allballs'::time
select '25:00'::time
select '04:60'::time
select 'x'::time
select '04:05:06.7890123'::time, '04:05:06.789'::time(0), '04:05:06.789'::time(2), time(1) '04:05:06.75'
select timestamp '2026-01-02 03:04:05', '2026-01-02'::timestamp, '2026-01-02T03:04:05.678'::timestamp, 'Jan 2 2026 3:04 PM'::timestamp, '2026-01-02 03:04:05+05'::timestamp
select timestamp '2026-01-02 03:04:05.6789', timestamp(2) '2026-01-02 03:04:05.6789', '2026-01-02 03:04:05.6789'::timestamp(0), '2026-01-02 03:04:05.6789+00'::timestamptz(1)
select 'infinity'::timestamp, '-infinity'::timestamp, 'epoch'::timestamp, '4714-11-24 00:00:00 BC'::timestamp
select '294277-01-01'::timestamp
select '2026-01-02 25:00:00'::timestamp
select interval '1 day', '1 day 2 hours'::interval, '1-2'::interval, '1 2:03:04'::interval, 'P1Y2M3DT4H5M6S'::interval, '1.5 days'::interval, '-1 day'::interval, '1 day ago'::interval, '@ 1 minute'::interval
select '1 year 2 mons 3 days 04:05:06.789'::interval, '-1 year -2 mons +3 days -04:05:06'::interval, '0'::interval, '1 week'::interval, '1 decade'::interval, '1.5 years'::interval, '1.25 months'::interval, '1 century 3 millennia'::interval
select interval '1' day, interval '1' hour, interval '1' year, interval '1-2' year to month, interval '1 2' day to hour, interval '90' minute, interval '1:30' minute to second, interval '5' second(2)
select '1 day'::interval(3), '1.23456 seconds'::interval(3), '10:20:30.123456'::interval second(2)
select 'abc'::interval
select ''::interval
select '1 foo'::interval
select '9999999999 years'::interval
select date '2026-01-31' + 1, 1 + date '2026-01-31', date '2026-01-31' - 31, date '2026-03-01' - date '2026-02-01'
select date '2026-01-31' + interval '1 month', date '2026-01-31' + time '01:02', date '2024-02-29' + interval '1 year', interval '1 day' + date '2026-01-01', date '2026-01-01' - interval '1 day'
select timestamp '2026-01-31 10:00' + interval '1 month 1 day', timestamp '2026-01-31' - interval '36 hours', timestamp '2026-03-01' - timestamp '2026-02-01 12:00', timestamptz '2026-03-01' - timestamptz '2026-02-01 12:00+00'
select timestamptz '2026-01-31 10:00+00' + interval '1 mon', timestamptz '2026-01-31 10:00+00' - interval '1 hour'
select time '10:00' + interval '15 hours', time '10:00' - interval '11 hours', time '10:00' - time '08:30', interval '1 hour' + time '23:30'
select interval '1 day' + interval '2 hours', interval '1 month' - interval '1 day', - interval '1 day 2 hours', interval '1 day' * 1.5, 2 * interval '3 hours', interval '1 month' / 4, interval '1 year' * 0.3
select interval '1 day' / 0
select interval '1 day' = interval '24 hours', interval '1 month' = interval '30 days', interval '1 month' > interval '29 days', interval '1 year' < interval '360 days'
select date '2026-01-01' < timestamp '2026-01-01 00:00:01', date '2026-01-01' = timestamptz '2026-01-01 00:00+00', timestamp '2026-01-01' <= timestamptz '2026-01-01'
select date '2026-01-01' = '2026-01-01', '2025-01-01' < date '2026-01-01', timestamp '2026-01-01' = '2026-01-01'
select date '2026-01-01' = 5
select date '2026-01-01' + date '2026-01-01'
select extract(year from date '2026-05-06'), extract(month from date '2026-05-06'), extract(dow from date '2026-05-06'), extract(doy from date '2026-05-06'), extract(week from date '2026-05-06'), extract(epoch from date '2026-05-06'), extract(quarter from date '2026-05-06'), extract(isodow from date '2026-05-06'), extract(century from date '2026-05-06'), extract(julian from date '2026-05-06')
select extract(hour from date '2026-05-06')
select extract(foo from date '2026-05-06')
select extract(hour from timestamp '2026-05-06 07:08:09.123'), extract(second from timestamp '2026-05-06 07:08:09.123'), extract(milliseconds from timestamp '2026-05-06 07:08:09.123'), extract(epoch from timestamp '2026-05-06 07:08:09.123'), extract(julian from timestamp '2026-05-06 12:00')
select extract(timezone from timestamp '2026-05-06 07:08:09')
select extract(day from interval '40 days 5 hours'), extract(hour from interval '40 days 30 hours'), extract(epoch from interval '1 year 2 months 3 days 4 hours'), extract(month from interval '14 months'), extract(second from interval '1:02:03.456'), extract(quarter from interval '5 months'), extract(century from interval '250 years')
select extract(dow from interval '1 day')
select extract(hour from time '07:08:09.5'), extract(second from time '07:08:09.5'), extract(epoch from time '07:08:09.5')
select extract(day from time '07:08:09')
select date_part('year', timestamp '2026-05-06'), date_part('epoch', timestamptz '2026-05-06 00:00+00'), date_part('second', interval '1.5 s'), date_part('day', date '2026-05-06')
select date_trunc('month', timestamp '2026-05-06 07:08:09'), date_trunc('hour', timestamptz '2026-05-06 07:08:09+00'), date_trunc('week', date '2026-05-06'), date_trunc('hour', interval '1 day 2:30:00'), date_trunc('year', interval '14 months')
select date_trunc('foo', timestamp '2026-05-06')
select age(timestamp '2026-05-06', timestamp '2020-02-29'), age(timestamp '2020-02-29', timestamp '2026-05-06 01:00'), age(timestamptz '2026-01-01', timestamptz '2025-12-31 23:00'), age(date '2026-05-06', date '2026-03-31')
select justify_hours(interval '50 hours'), justify_days(interval '65 days'), justify_interval(interval '1 month -1 hour')
select make_date(2026, 5, 6), make_time(7, 8, 9.5), make_timestamp(2026, 5, 6, 7, 8, 9.5), make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(), make_interval(2)
select make_interval(days => 7), make_interval(hours => 1, mins => 30), make_interval(1, secs => 2.5)
select make_date(2026, 13, 1)
select make_time(25, 0, 0)
select to_timestamp(0), to_timestamp(1700000000.5), to_timestamp(-1)
select isfinite(date 'infinity'), isfinite(timestamp '2026-01-01'), isfinite(interval '1 day')
select date '2026-05-06'::timestamp, timestamp '2026-05-06 07:08:09'::date, timestamp '2026-05-06 07:08:09'::time, timestamptz '2026-05-06 07:08:09+00'::timestamp, timestamptz '2026-05-06 07:08:09+00'::date, time '01:02:03'::interval, interval '25:02:03'::time
select date '2026-05-06'::text, timestamp '2026-05-06 07:08'::text, interval '1 day'::text, time '07:08'::text, '2026-05-06'::text::date
select date '2026-05-06' || 'x', concat(date '2026-05-06', time '01:02', interval '1 h')
select date '2026-05-06'::int
select 5::date
select date('2026-05-06'), date(timestamp '2026-05-06 07:08'), timestamp '2026-05-06 07:08' = date '2026-05-06'
select current_date = now()::date, localtimestamp = now()::timestamp, current_date - current_date
create table e (id integer primary key, d date not null default '2026-01-01', t time, s timestamp, i interval, z timestamptz(3))
insert into e (id, t, s, i, z) values (1, '10:00', '2026-01-01 10:00', '1 day', '2026-01-01 10:00:00.12345+00'), (2, '09:00', '2025-01-01', '24 hours', null), (3, null, 'infinity', '1 month', '2020-01-01'), (4, '24:00', '-infinity', '-1 day', now())
insert into e (id, d) values (5, 'x')
insert into e (id, d) values (5, null)
insert into e values (5, '2026-02-03', '11:11', '2026-02-03', '30 days', '2026-02-03')
select id, d, t, s, i from e order by id
select id, i from e order by i, id
select id from e where i = interval '1 day' order by id
select i, count(*) from e where id <> 1 group by i order by i
select count(distinct i) from e
select min(d), max(d), min(t), max(t), min(s), max(s), min(i), max(i) from e where id > 3
select sum(i), avg(i) from e
select id from e where d >= '2026-01-15' order by id
select id from e where s between '2025-01-01' and '2026-01-31' order by id
select id from e where d in ('2026-01-01', '2026-02-03') order by id
select d + id, s + i, s - interval '1 day' from e where id in (1, 2, 5) order by id
create index e_d on e (d, t)
create unique index e_s on e (s)
insert into e (id, s) values (6, '2026-01-01 10:00')
update e set i = i + interval '1 hour', d = d + 1 where id = 1 returning i, d
create table i (i interval unique, n int)
insert into i values ('1 day', 1)
insert into i values ('24 hours', 2)
insert into i values ('25 hours', 2)
select * from i order by i
select * from i where i = '1500 minutes'
create table dk (d date primary key, check (d > '2000-01-01'))
insert into dk values ('2026-01-01'), ('2026-01-02')
insert into dk values ('2026-01-01')
insert into dk values ('1999-01-01')
select d from dk where d = date '2026-01-02'
drop table e, i, dk
