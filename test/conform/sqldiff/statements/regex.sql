-- Regular expressions.
select 'abc' ~ 'b', 'abc' ~ '^b', 'abc' ~ 'c$', 'abc' ~ '^(a|x)bc$', 'ABC' ~* 'b', 'abc' !~ 'd', 'ABC' !~* 'b', null ~ 'a', 'a' ~ null, '' ~ '', 'abc' ~ ''
select 'a1b2' ~ '\d\w\d', 'foo.bar' ~ '^[a-z]+\.[a-z]+$', 'x' ~ '[^x]', 'tab	x' ~ '\s', 'aaa' ~ '^a{3}$', 'aaaa' ~ '^a{2,3}$', 'aab' ~ '^a{2,}b', 'ab' ~ 'a{0}b', 'é' ~ '^.$', 'a-b' ~ '[a\-z]', 'a]b' ~ '[]]', 'x^y' ~ '[y^]'
select 'user@example.com' ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$', '2026-01-02' ~ '^\d{4}-\d{2}-\d{2}$', 'abc' ~ '[[:alpha:]]+', 'ab1' ~ '^[[:alnum:]]+$', 'a b' ~ '[[:space:]]'
select 'a' ~ '('
select 'a' ~ '[a'
select 'a' ~ '*a'
select 'a' ~ 'a{2'
select 'a' ~ 'a{3,2}'
select 'a' ~ '\1'
select 'aa' ~ '(a)\1'
select regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('Hello', 'l', '[\&]', 'g'), regexp_replace('abc', 'B', 'x', 'i'), regexp_replace('abc', '', '-', 'g'), regexp_replace('aaa', 'a*', 'x', 'g'), regexp_replace('a.b.c', '\.', '', 'g')
select regexp_replace('abc', 'b', 'x', 'y')
select regexp_match('foobar', 'o+'), regexp_match('foobar', 'z'), regexp_split_to_array('a1b22c', '\d+'), regexp_split_to_array('abc', ''), regexp_split_to_array('a,b,', ','), regexp_count('abab', 'ab'), regexp_like('abc', 'B', 'i'), regexp_substr('foobar', 'o.'), substring('foobar' from 'o.b')
select * from regexp_split_to_table('a  b c', '\s+')
select substring('foobar' from 'o(.)b')
select overlay('abcdef' placing 'XX' from 3), overlay('abcdef' placing 'XX' from 3 for 1), overlay('abcdef' placing '' from 2 for 3)
select x from (values ('apple'), ('banana'), ('cherry')) v(x) where x ~ 'an|rr' order by x
select x ~ y from (values ('abc', 'b'), ('abc', 'd'), ('abc', '^a')) v(x, y)
