-- What groups of regular expressions matched, and what prefers less.
select regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('foobarbequebaz', 'bar.*que'), regexp_match('abc', '(a)(x)?(b)'), regexp_match('abc', 'x')
select regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g')
select regexp_matches('foobarbequebaz', 'ba.', 'g')
select * from regexp_matches('a1b22', '([a-z])([0-9]+)', 'g') as m
select regexp_matches('abc', 'x'), 1
select regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g'), regexp_replace('abc', '(a)(b)?(x)?', '[\1\2\3\&\\\n]'), regexp_replace('John Smith', '(\w+) (\w+)', '\2, \1')
select substring('foobar' from 'o(.)b'), substring('foobar' from 'o.b'), substring('foobar', 'z'), substring('abc' from '(x)?b'), substring('foobar' similar '%#"o_b#"%' escape '#'), substring('abcdefg' similar 'a#"%#"g' escape '#'), substring('abc' similar 'abc' escape '#')
select substring('XY1234Z', 'Y*([0-9]{1,3})'), substring('XY1234Z', 'Y*?([0-9]{1,3})'), substring('XY1234Z', 'Y*?[0-9]{1,3}'), regexp_match('abc01234xyz', '(.*)(\d+)(.*)'), regexp_match('abc01234xyz', '(.*?)(\d+)(.*)'), regexp_match('abc01234xyz', '(?:(.*?)(\d+)(.*)){1,1}')
select regexp_replace('<a><b>', '<.*?>', '-', 'g'), regexp_replace('aaa', 'a*?', 'x'), regexp_replace('aaab', 'a+?b', 'x'), regexp_replace('aaab', 'a??', 'x', 'g'), substring('aaa' from 'a{2,3}?'), substring('aaa' from 'a{2}?'), substring('xaay' from 'x.*?y|x')
select regexp_match('abcd', '(a|ab)(c|bcd)(d*)'), regexp_match('aaaa', '(a*)(a*)'), regexp_match('aaaa', '(a*?)(a*)'), regexp_match('abab', '(ab)*'), regexp_match('abab', '(ab)+'), regexp_match('', '(a*)*'), regexp_match('b', '(a*)*'), regexp_match('aab', '(a|b)*'), regexp_match('xyz', '((x)|(y))*'), regexp_match('ab', '(a)|(b)')
select regexp_match('2020-01-02', '(\d+)-(\d+)-(\d+)'), regexp_match('key=value', '^(\w+)=(.*)$'), regexp_match('a,b,,c', '([^,]*),([^,]*),([^,]*)'), regexp_match('http://x.y/z?q', '^(([^:/?#]+):)?(//([^/?#]*))?([^?#]*)(\?([^#]*))?(#(.*))?')
select regexp_match('aXbX', '(.)X(.)X'), regexp_match('ABC', '(b)', 'i'), regexp_match('abc', '((a)(b(c)))'), regexp_match('abcabc', '(?:(a)(b)c){2}'), regexp_match('aba', '(a)?(b)?(a)?'), regexp_match('xx', '(x){0}x'), regexp_match('xxx', '(x){2,3}?'), regexp_match('xxx', '(x){0,2}'), regexp_match('foo', '(fo|foo)(o*)')
select regexp_match('one two', '\m(\w+)\M'), 'foo bar' ~ '\ybar', 'foobar' ~ '\ybar', 'foobar' ~ 'o\Yb', 'xay' ~ '(?i)A', 'abc' ~ '\mabc\M', 'a b' ~ '\M b'
select regexp_split_to_array('a1b22c', '([0-9])+'), regexp_count('aXbX', '(X)'), regexp_instr('abcabc', 'b'), regexp_instr('abc', 'x'), regexp_substr('abcabc', 'b(.)'), regexp_like('abc', '(B)', 'i')
select regexp_match('a.b', '(a)\.(b)'), regexp_match('aab', '(a+?)(a*b)'), regexp_match('aabb', '(a+?b+)(b*)'), regexp_match('aabb', '(?:a+?)(b+)'), regexp_match('aabb', 'a*?(b*)'), regexp_match('aabb', 'a*(b*?)')
select regexp_match('abcde', '(.)*'), regexp_match('abcde', '(.)*?'), regexp_match('abcde', '(.)+?e'), regexp_match('aabaab', '((a+)b)+'), regexp_match('aabab', '((a+)b){2}'), regexp_match('é1', '(.)(\d)')
select 'aa' ~ '(a)\1'
select 'abc' ~ 'a(?=b)'
select x, regexp_replace(x, '(.)(.)', '\2\1') from (values ('ab'), ('cde'), (''), (null)) v(x) order by 1
select a, m[1], m[2] from (values ('k=v'), ('x'), ('a=b=c')) t(a), regexp_match(a, '(.*)=(.*)') m order by 1
