SELECT count(*) FROM residents WHERE balance > 0x10
SELECT count(*) FROM residents WHERE balance > 0b101
SELECT count(*) FROM residents WHERE balance > 0o17
SELECT count(*) FROM residents WHERE balance > 1e3
SELECT count(*) FROM residents WHERE balance > 1E+2
SELECT count(*) FROM residents WHERE balance > 10d
SELECT count(*) FROM residents WHERE gender = x'41'
SELECT count(*) FROM residents WHERE gender = b'01'
SELECT count(*) FROM residents WHERE gender = 'a' 'b'
SELECT count(*) FROM residents WHERE gender = E'\x41'
SELECT count(*) FROM residents WHERE gender = U&'\0046'
SELECT count(*) FROM residents WHERE gender = "F"
SELECT count(*) FROM residents WHERE gender = [F]
SELECT count(*) FROM residents WHERE gender = 'F\' OR name = 'x'
SELECT count(*) FROM residents WHERE gender = 'F'' OR name = ''x' OR name = 'y'
SELECT count(*) FROM `residents`
SELECT `gender`, count(*) FROM residents GROUP BY `gender`
SELECT count(*) FROM [residents]
SELECT count(*) AS select FROM residents
SELECT 1 AS select
SELECT sum(5!) FROM residents
SELECT sum(balance!) FROM residents
SELECT sum(~balance) FROM residents
SELECT sum(balance ^ 2 ^ 3 ^ 4) FROM residents
SELECT count(*) FROM residents WHERE balance BETWEEN SYMMETRIC 9 AND 1
SELECT count(*) FROM residents WHERE gender = {name}
SELECT count(*) FROM {name}
SELECT count(*) FROM residents WHERE gender = ?::INT
SELECT count(*) FROM residents WHERE gender = ${x}
SELECT count(*) FROM residents WHERE gender = {{x}}
SELECT count(*) FROM residents WHERE gender = %(x)s
SELECT count(*) FROM residents WHERE gender = %s
SELECT count(*) FROM residents WHERE gender !~ 'a'
SELECT count(*) FROM residents WHERE gender ~ 'a'
SELECT count(*) FROM residents WHERE gender ~~~ 'F*'
SELECT count(*) FROM residents WHERE gender GLOB 'F*'
SELECT count(*) FROM residents WHERE gender SIMILAR TO '(a+)+'
SELECT count(*) FROM residents WHERE gender COLLATE NOCASE = 'f'
SELECT count(*) FROM residents WHERE gender LIKE 'F' ESCAPE 'F'
SELECT count(*) FROM residents WHERE gender LIKE ANY ('F', 'M')
SELECT count(*) FROM residents WHERE gender OPERATOR(pg_catalog.=) 'F'
SELECT count(*) FROM residents WHERE gender IS JSON
SELECT count(*) FROM residents WHERE (gender, district) OVERLAPS (district, gender)
SELECT TOP 1 gender FROM residents
SELECT count(*) FROM residents LIMIT 1 BY gender
SELECT gender, count(*) FROM residents GROUP BY gender FETCH FIRST 1 ROW WITH TIES
SELECT gender, count(*) FROM residents GROUP BY gender LIMIT 50%
SELECT gender, count(*) FROM residents GROUP BY gender LIMIT ALL OFFSET -1
SELECT gender, count(*) FROM residents GROUP BY gender WITH TOTALS
SELECT count(*) FROM residents PREWHERE income > 5
SELECT count(*) FROM residents AT (VERSION => 1)
SELECT count(*) FROM residents FOR SYSTEM_TIME AS OF '2020-01-01'
SELECT count(*) FROM residents PARTITION (p0)
SELECT count(*) FROM ONLY residents
SELECT count(*) FROM residents MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS income > 5)
SELECT count(*) FROM residents CONNECT BY PRIOR resident_id = resident_id
SELECT count(*) FROM residents PIVOT (sum(income) FOR gender IN ('F', 'M'))
SELECT count(*) FROM residents UNPIVOT (v FOR k IN (income, balance))
SELECT count(*) FROM residents /* SELECT /* name */ FROM residents
SELECT count(*) FROM residents */ WHERE name = 'x'
SELECT count(*) FROM residents WHERE gender = 'F' # AND name = 'x'
SELECT count(*), FROM residents, WHERE
SELECT count(*) FROM residents UNION
SELECT count(*) FROM residents WHERE gender = 'F
SELECT count(*) FROM residents WHERE "gender = 'F'
SELECT count(* FROM residents
SELECT count(*) FROM residents)
SELECT count(*) FROM (SELECT gender FROM residents
SELECT count(*) FROM residents WHERE gender = 'F' AND
SELECT avg(n) FROM (SELECT resident_id, count() AS n FROM visits GROUP BY resident_id) t
SELECT gender, EXISTS (*) AS e, count(*) FROM residents GROUP BY gender
SELECT EXISTS (*) FROM visits WHERE visit_date >= '2024-06-01'
