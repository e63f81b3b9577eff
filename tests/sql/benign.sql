-- count by a declared domain
SELECT gender, count(*) FROM residents GROUP BY gender

-- alias in Chinese
SELECT gender AS 性别, count(*) AS 人数 FROM residents GROUP BY gender

-- quoted Chinese alias
SELECT gender AS "性别", count(*) AS "人数" FROM residents GROUP BY 1 ORDER BY "人数" DESC

-- group by position
SELECT gender, insured, count(*) FROM residents GROUP BY 1, 2

-- group by alias
SELECT date_trunc('year', visit_date) AS y, count(*) FROM visits GROUP BY y

-- group by all
SELECT gender, insured, avg(income) AS m FROM residents GROUP BY ALL

-- total without groups
SELECT count(*) FROM residents

-- several aggregates
SELECT count(*) AS n, sum(income) AS s, avg(income) AS m FROM residents

-- hidden key
SELECT count(*) AS n FROM residents GROUP BY gender

-- units
SELECT department, count(DISTINCT resident_id) AS patients FROM visits GROUP BY department

-- count of an expression
SELECT count(visit_date) AS dated FROM visits

-- count of a constant
SELECT count(1) AS n FROM visits

-- private key
SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY diagnosis_code

-- private key of free values
SELECT street, count(*) AS n FROM residents GROUP BY street

-- equality
SELECT count(*) FROM residents WHERE gender = 'F'

-- inequality
SELECT count(*) FROM residents WHERE gender <> 'F' AND insured

-- negated boolean
SELECT count(*) FROM residents WHERE NOT insured

-- boolean literal
SELECT count(*) FROM residents WHERE insured = TRUE

-- is true
SELECT count(*) FROM residents WHERE insured IS TRUE

-- is not null
SELECT count(*) FROM residents WHERE birth_date IS NOT NULL

-- list
SELECT count(*) FROM visits WHERE department IN ('内科', '外科')

-- negated list
SELECT count(*) FROM visits WHERE department NOT IN ('儿科')

-- between dates
SELECT count(*) FROM visits WHERE visit_date BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'

-- dates as text
SELECT count(*) FROM visits WHERE visit_date >= '2024-06-01'

-- date cast
SELECT count(*) FROM visits WHERE visit_date < CAST('2025-01-01' AS DATE)

-- date cast, short form
SELECT count(*) FROM visits WHERE visit_date < '2025-01-01'::DATE

-- pattern
SELECT count(*) FROM visits WHERE department LIKE '内%'

-- pattern without case
SELECT count(*) FROM residents WHERE gender ILIKE 'f%'

-- three-valued logic
SELECT count(*) FROM residents WHERE gender = 'F' OR (insured AND NOT (birth_date IS NULL))

-- null-safe
SELECT count(*) FROM residents WHERE gender IS DISTINCT FROM 'F'

-- measure compared where granted
SELECT count(*) FROM residents WHERE balance > 100.5

-- negative literal
SELECT count(*) FROM residents WHERE balance < -100

-- histogram by CASE
SELECT CASE WHEN balance < 0 THEN 'debt' WHEN balance < 1000 THEN 'low' ELSE 'high' END AS band, count(*) FROM residents GROUP BY band

-- simple CASE
SELECT CASE gender WHEN 'F' THEN '女' WHEN 'M' THEN '男' END AS g, count(*) FROM residents GROUP BY g

-- boolean key
SELECT gender = 'F' AS female, count(*) FROM residents GROUP BY female

-- IF
SELECT if(insured, 'yes', 'no') AS i, count(*) FROM residents GROUP BY i

-- conditional sum
SELECT sum(CASE WHEN gender = 'F' THEN income ELSE 0 END) AS f FROM residents

-- conditional count
SELECT sum(CASE WHEN gender = 'F' THEN 1 ELSE 0 END) AS f FROM residents

-- arithmetic
SELECT sum(cost * 2 + 1.5) AS x FROM visits

-- difference of columns
SELECT avg(balance - income) AS x FROM residents

-- division
SELECT sum(cost / 12) AS monthly FROM visits

-- clamp by hand
SELECT sum(LEAST(GREATEST(days, 0), 30)) AS days FROM visits

-- coalesce
SELECT sum(coalesce(balance, 0)) AS b FROM residents

-- coalesce in a key
SELECT coalesce(gender, '未知') AS g, count(*) FROM residents GROUP BY g

-- absolute value
SELECT avg(abs(balance)) AS b FROM residents

-- years
SELECT year(birth_date) AS y, count(*) FROM residents GROUP BY y

-- extract
SELECT extract(month FROM visit_date) AS m, count(*) FROM visits GROUP BY m

-- quarters
SELECT date_trunc('quarter', visit_date) AS q, avg(cost) FROM visits GROUP BY q ORDER BY q

-- calendar quarter
SELECT quarter(visit_date) AS q, count(*) FROM visits GROUP BY q

-- text functions
SELECT upper(substring(diagnosis_code, 1, 1)) AS c, count(*) FROM visits GROUP BY c

-- left
SELECT left(street, 2) AS s, count(*) FROM residents GROUP BY s

-- casts
SELECT CAST(year(birth_date) AS VARCHAR) AS y, count(*) FROM residents GROUP BY y

-- try_cast
SELECT TRY_CAST(street AS INTEGER) AS n, count(*) FROM residents GROUP BY n

-- join along a declared path
SELECT r.gender, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id GROUP BY r.gender

-- inner join spelled out, condition turned round
SELECT r.gender, avg(v.cost) FROM visits v INNER JOIN residents r ON v.resident_id = r.resident_id AND r.insured GROUP BY r.gender

-- using
SELECT gender, count(DISTINCT resident_id) AS n FROM residents JOIN visits USING (resident_id) GROUP BY gender

-- one column merged over three tables
SELECT count(DISTINCT resident_id) AS n FROM residents JOIN visits USING (resident_id) JOIN payments USING (resident_id)

-- public table
SELECT h.tier, h.district, count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.tier, h.district

-- three tables
SELECT h.tier, r.gender, avg(v.cost) AS c FROM hospitals h JOIN visits v ON h.hospital = v.hospital JOIN residents r ON r.resident_id = v.resident_id GROUP BY 1, 2

-- two children of one unit
SELECT count(*) FROM visits v JOIN payments p ON v.resident_id = p.resident_id

-- self join on the unit
SELECT a.department, count(*) FROM visits a JOIN visits b ON a.resident_id = b.resident_id WHERE b.department = '外科' GROUP BY 1

-- plain CTE
WITH v AS (SELECT resident_id, department, cost FROM visits WHERE visit_date >= '2024-06-01') SELECT department, avg(cost) FROM v GROUP BY department

-- CTE with column names
WITH v(who, dep) AS (SELECT resident_id, department FROM visits) SELECT dep, count(DISTINCT who) AS n FROM v GROUP BY dep

-- chained CTEs
WITH a AS (SELECT * FROM visits), b AS (SELECT a.*, cost * 2 AS twice FROM a) SELECT sum(twice) AS s FROM b

-- one CTE twice
WITH a AS (SELECT resident_id, cost FROM visits) SELECT sum(x.cost - y.cost) AS d FROM a x JOIN a y ON x.resident_id = y.resident_id

-- derived table
SELECT t.g, count(*) FROM (SELECT gender AS g FROM residents WHERE insured) AS t GROUP BY t.g

-- join inside a derived table
SELECT t.tier, sum(t.cost) AS s FROM (SELECT v.cost, h.tier FROM visits v JOIN hospitals h USING (hospital)) t GROUP BY t.tier

-- order and limit on released values
SELECT department, count(*) AS n FROM visits GROUP BY department ORDER BY n DESC NULLS LAST, department LIMIT 3

-- order by an aggregate that is shown
SELECT department, count(*) AS n FROM visits GROUP BY department ORDER BY count(*) DESC

-- order by position
SELECT department, count(*) AS n FROM visits GROUP BY department ORDER BY 2 DESC

-- comments
SELECT gender, /* how many */ count(*) FROM residents -- all
GROUP BY gender

-- brackets
(SELECT (gender), count(*) FROM residents WHERE ((gender = 'F')) GROUP BY (gender))

-- FROM first is spelled out
FROM residents SELECT gender, count(*) GROUP BY gender

-- integer domain
SELECT channel, sum(amount) AS a FROM payments GROUP BY channel

-- upper-case names
SELECT GENDER, COUNT(*) FROM RESIDENTS GROUP BY GENDER
