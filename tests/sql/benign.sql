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

-- residents by district and gender, Chinese aliases
SELECT district AS 区县, gender AS 性别, count(*) AS 人数
FROM residents
GROUP BY district, gender
ORDER BY 区县, 性别

-- income by district
SELECT district, count(*) AS n, avg(income) AS mean_income, sum(income) AS total_income
FROM residents
GROUP BY district
ORDER BY mean_income DESC

-- age bands by year of birth
SELECT
    CASE
        WHEN year(birth_date) >= 2008 THEN '0-17'
        WHEN year(birth_date) >= 1961 THEN '18-64'
        ELSE '65+'
    END AS age_band,
    count(*) AS n
FROM residents
GROUP BY age_band
ORDER BY age_band

-- age bands in Chinese
SELECT CASE WHEN year(birth_date) >= 2008 THEN '少年' WHEN year(birth_date) >= 1966 THEN '成年' ELSE '老年' END AS 年龄段,
       count(*) AS 人数, avg(income) AS 平均收入
FROM residents GROUP BY 年龄段

-- visits by month
SELECT visit_date AS month, count(*) AS visits FROM visits GROUP BY visit_date ORDER BY visit_date

-- visits by year and department
SELECT year(visit_date) AS y, department, count(*) AS visits, count(DISTINCT resident_id) AS patients
FROM visits
GROUP BY 1, 2
ORDER BY 1, visits DESC

-- one year only
SELECT department, avg(cost) AS mean_cost
FROM visits
WHERE visit_date >= DATE '2025-01-01' AND visit_date < DATE '2026-01-01'
GROUP BY department
ORDER BY mean_cost DESC
LIMIT 5

-- winter months
SELECT department, count(*) AS n FROM visits WHERE month(visit_date) IN (12, 1, 2) GROUP BY department

-- half years
SELECT CASE WHEN quarter(visit_date) <= 2 THEN '上半年' ELSE '下半年' END AS 半年, sum(cost) AS 费用 FROM visits GROUP BY 1

-- cost per tier
SELECT h.tier AS 等级, count(*) AS 就诊次数, avg(v.cost) AS 平均费用
FROM visits AS v
INNER JOIN hospitals AS h ON v.hospital = h.hospital
GROUP BY h.tier
ORDER BY 等级

-- where patients live and where they are treated
SELECT r.district AS lives_in, h.district AS treated_in, count(*) AS visits
FROM visits v
JOIN residents r ON v.resident_id = r.resident_id
JOIN hospitals h ON v.hospital = h.hospital
GROUP BY r.district, h.district
ORDER BY visits DESC

-- treated outside the own district
SELECT r.district, count(*) AS n
FROM visits v JOIN residents r ON v.resident_id = r.resident_id JOIN hospitals h ON v.hospital = h.hospital
WHERE r.district <> h.district
GROUP BY r.district

-- cost by gender and department
SELECT r.gender, v.department, avg(v.cost) AS mean_cost, count(*) AS visits
FROM residents r JOIN visits v USING (resident_id)
GROUP BY r.gender, v.department

-- conditional sums side by side
SELECT department,
       sum(CASE WHEN year(visit_date) = 2024 THEN cost ELSE 0 END) AS cost_2024,
       sum(CASE WHEN year(visit_date) = 2025 THEN cost ELSE 0 END) AS cost_2025
FROM visits
GROUP BY department

-- conditional counts side by side
SELECT district,
       sum(CASE WHEN gender = 'F' THEN 1 ELSE 0 END) AS women,
       sum(CASE WHEN gender = 'M' THEN 1 ELSE 0 END) AS men,
       count(*) AS everybody
FROM residents
GROUP BY district

-- patients of several departments
SELECT count(DISTINCT resident_id) AS patients FROM visits WHERE department IN ('内科', '儿科') AND year(visit_date) = 2024

-- diagnosis groups
SELECT left(diagnosis_code, 1) AS chapter, count(*) AS n, avg(cost) AS mean_cost FROM visits GROUP BY chapter ORDER BY n DESC

-- diagnosis by department
SELECT department, diagnosis_code, count(*) AS n FROM visits GROUP BY department, diagnosis_code ORDER BY department, n DESC

-- hospital by department
SELECT hospital, department, sum(cost) AS total FROM visits GROUP BY hospital, department

-- decades of birth
SELECT year(birth_date) AS born, gender, count(*) AS n FROM residents WHERE year(birth_date) BETWEEN 1950 AND 1959 GROUP BY ALL

-- debts
SELECT insured, sum(CASE WHEN balance < 0 THEN -balance ELSE 0 END) AS debt, count(*) AS n FROM residents GROUP BY insured

-- costs capped by hand
SELECT department, avg(LEAST(cost, 5000)) AS mean_capped FROM visits GROUP BY department

-- costs in thousands
SELECT department, sum(cost / 1000) AS thousands FROM visits GROUP BY department

-- a surcharge
SELECT h.tier, sum(v.cost * 1.13) AS with_tax FROM visits v JOIN hospitals h USING (hospital) GROUP BY h.tier

-- payments by channel and quarter
SELECT channel, date_trunc('quarter', paid_on) AS q, sum(amount) AS paid
FROM payments
WHERE paid_on BETWEEN '2024-01-01' AND '2025-12-31'
GROUP BY channel, q
ORDER BY channel, q

-- payments by gender
SELECT r.gender, count(*) AS n, avg(p.amount) AS mean FROM payments p JOIN residents r ON p.resident_id = r.resident_id GROUP BY r.gender

-- insured and uninsured patients
SELECT r.insured, count(DISTINCT v.resident_id) AS patients, sum(v.cost) AS cost
FROM visits v JOIN residents r ON r.resident_id = v.resident_id
WHERE v.department <> '儿科'
GROUP BY r.insured

-- a filter in a CTE
WITH recent AS (
    SELECT resident_id, hospital, department, cost
    FROM visits
    WHERE visit_date >= '2025-01-01'
)
SELECT h.district, recent.department, sum(recent.cost) AS total
FROM recent
JOIN hospitals h ON recent.hospital = h.hospital
GROUP BY h.district, recent.department
ORDER BY total DESC

-- bands made in a CTE
WITH people AS (
    SELECT resident_id, gender,
           CASE WHEN year(birth_date) < 1960 THEN 'older' ELSE 'younger' END AS band
    FROM residents
    WHERE district = '长安区'
),
stays AS (
    SELECT resident_id, department, cost FROM visits
)
SELECT people.band, stays.department, avg(stays.cost) AS mean_cost, count(*) AS n
FROM people
JOIN stays ON people.resident_id = stays.resident_id
GROUP BY people.band, stays.department

-- nested derived tables
SELECT t.band, count(*) AS n
FROM (
    SELECT CASE WHEN s.y < 1970 THEN 'a' ELSE 'b' END AS band
    FROM (SELECT year(birth_date) AS y FROM residents) AS s
) AS t
GROUP BY t.band

-- twenty lines
SELECT
    h.district                                AS 区县,
    h.tier                                    AS 医院等级,
    r.gender                                  AS 性别,
    CASE
        WHEN year(r.birth_date) >= 2008 THEN '未成年'
        WHEN year(r.birth_date) >= 1966 THEN '成年'
        ELSE '老年'
    END                                       AS 年龄段,
    count(*)                                  AS 就诊次数,
    count(DISTINCT v.resident_id)             AS 就诊人数,
    avg(v.cost)                               AS 次均费用
FROM visits v
JOIN residents r ON v.resident_id = r.resident_id
JOIN hospitals h ON v.hospital = h.hospital
WHERE v.visit_date >= DATE '2024-01-01'
  AND v.visit_date < DATE '2025-01-01'
  AND v.department IN ('内科', '外科')
  AND r.insured
GROUP BY 区县, 医院等级, 性别, 年龄段
ORDER BY 区县, 医院等级, 性别, 年龄段
LIMIT 500

-- NOT BETWEEN
SELECT count(*) AS n FROM residents WHERE balance NOT BETWEEN 0 AND 100

-- equality written twice
SELECT count(*) AS n FROM residents WHERE gender == 'F'

-- same patients in two departments
SELECT b.department, count(DISTINCT a.resident_id) AS patients
FROM visits a JOIN visits b ON a.resident_id = b.resident_id
WHERE a.department = '内科'
GROUP BY b.department

-- Chinese literals with NOT LIKE
SELECT count(*) AS n FROM visits WHERE department NOT LIKE '儿%'

-- NOT ILIKE
SELECT count(*) AS n FROM residents WHERE gender NOT ILIKE 'm%'

-- comma join
SELECT r.gender, count(*) AS visits
FROM residents r, visits v
WHERE r.resident_id = v.resident_id
GROUP BY r.gender

-- comma join of three tables
SELECT h.tier AS 等级, avg(v.cost) AS 平均费用
FROM visits v, residents r, hospitals h
WHERE v.resident_id = r.resident_id
  AND v.hospital = h.hospital
  AND r.gender = 'F'
GROUP BY h.tier

-- comma join with an or among the filters
SELECT v.department, count(*) AS n
FROM residents r, visits v
WHERE (r.gender = 'F' OR r.insured) AND v.resident_id = r.resident_id
GROUP BY v.department

-- comma join with a public table
SELECT h.district, sum(v.cost) AS total FROM visits v, hospitals h WHERE h.hospital = v.hospital GROUP BY h.district

-- left join that keeps residents without visits
SELECT r.district, count(DISTINCT r.resident_id) AS people, count(v.visit_date) AS visits
FROM residents r
LEFT JOIN visits v ON r.resident_id = v.resident_id
GROUP BY r.district

-- left outer join with a condition on the visits
SELECT r.gender, count(v.cost) AS visits_2025
FROM residents r
LEFT OUTER JOIN visits v ON r.resident_id = v.resident_id AND v.visit_date >= '2025-01-01'
GROUP BY r.gender

-- left join to a public table
SELECT h.tier, count(*) AS n FROM visits v LEFT JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.tier

-- left join, coalesced key
SELECT coalesce(v.department, '未就诊') AS 科室, count(*) AS 人次
FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id
GROUP BY 科室

-- left join with using
SELECT gender, avg(amount) AS mean FROM residents LEFT JOIN payments USING (resident_id) GROUP BY gender

-- left join, then a public table
SELECT r.district, h.tier, count(*) AS n
FROM residents r
LEFT JOIN visits v ON r.resident_id = v.resident_id
LEFT JOIN hospitals h ON v.hospital = h.hospital
GROUP BY r.district, h.tier

-- rollup
SELECT district, gender, count(*) AS n FROM residents GROUP BY ROLLUP (district, gender) ORDER BY district, gender

-- rollup with GROUPING
SELECT district, gender, GROUPING(district) AS all_districts, GROUPING(gender) AS all_genders, count(*) AS n
FROM residents
GROUP BY ROLLUP (district, gender)

-- rollup with labelled totals
SELECT CASE WHEN GROUPING(department) = 1 THEN '合计' ELSE department END AS 科室, sum(cost) AS 费用
FROM visits
GROUP BY ROLLUP (department)

-- cube
SELECT gender, insured, avg(income) AS mean FROM residents GROUP BY CUBE (gender, insured)

-- cube over a join
SELECT h.tier, v.department, count(*) AS n FROM visits v JOIN hospitals h ON v.hospital = h.hospital GROUP BY CUBE (h.tier, v.department)

-- grouping sets
SELECT district, gender, sum(income) AS s FROM residents GROUP BY GROUPING SETS ((district), (gender), ())

-- grouping sets with a pair
SELECT year(visit_date) AS y, department, count(*) AS n
FROM visits
GROUP BY GROUPING SETS ((year(visit_date), department), (year(visit_date)), ())

-- plain key beside a rollup
SELECT insured, district, count(*) AS n FROM residents GROUP BY insured, ROLLUP (district)

-- filter on counts
SELECT district, count(*) AS n, count(*) FILTER (WHERE gender = 'F') AS women FROM residents GROUP BY district

-- filter on sums
SELECT department,
       sum(cost) FILTER (WHERE year(visit_date) = 2024) AS cost_2024,
       sum(cost) FILTER (WHERE year(visit_date) = 2025) AS cost_2025
FROM visits
GROUP BY department

-- filter on distinct units
SELECT count(DISTINCT resident_id) FILTER (WHERE department = '内科') AS internal, count(DISTINCT resident_id) AS patients FROM visits

-- filter on averages over a join
SELECT h.tier, avg(v.cost) FILTER (WHERE r.insured) AS insured, avg(v.cost) FILTER (WHERE NOT r.insured) AS uninsured
FROM visits v JOIN residents r ON v.resident_id = r.resident_id JOIN hospitals h ON v.hospital = h.hospital
GROUP BY h.tier

-- having on a count
SELECT department, count(*) AS n FROM visits GROUP BY department HAVING count(*) >= 100

-- having on an alias
SELECT hospital, count(*) AS n, avg(cost) AS mean FROM visits GROUP BY hospital HAVING n > 50 ORDER BY mean DESC

-- having on what is not shown
SELECT department, avg(cost) AS mean FROM visits GROUP BY department HAVING count(*) > 30

-- having on key and aggregate
SELECT district, gender, count(*) AS n FROM residents GROUP BY district, gender HAVING count(*) > 10 AND gender = 'F'

-- having on a ratio
SELECT department, sum(cost) AS total FROM visits GROUP BY department HAVING sum(cost) / count(*) > 300

-- having with between
SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY diagnosis_code HAVING count(*) BETWEEN 20 AND 500

-- ratio of released values
SELECT department, sum(cost) / count(*) AS mean_cost FROM visits GROUP BY department

-- rounded average
SELECT district, round(avg(income), 0) AS mean_income FROM residents GROUP BY district

-- share of women
SELECT district, round(100.0 * sum(CASE WHEN gender = 'F' THEN 1 ELSE 0 END) / count(*), 1) AS women_percent
FROM residents GROUP BY district

-- share of the total
SELECT department, count(*) AS n, round(count(*) * 100.0 / sum(count(*)) OVER (), 2) AS percent
FROM visits
GROUP BY department
ORDER BY percent DESC

-- visits per patient
SELECT department, count(*) * 1.0 / count(DISTINCT resident_id) AS per_patient FROM visits GROUP BY department

-- division that may meet zero
SELECT department, sum(cost) / nullif(count(*) FILTER (WHERE year(visit_date) = 2024), 0) AS m FROM visits GROUP BY department

-- label by size
SELECT district, CASE WHEN count(*) > 1000 THEN '大' WHEN count(*) > 100 THEN '中' ELSE '小' END AS 规模 FROM residents GROUP BY district

-- coalesced average
SELECT department, coalesce(avg(cost), 0) AS mean FROM visits GROUP BY department

-- difference of aggregates
SELECT sum(amount) - sum(CASE WHEN channel = 1 THEN amount ELSE 0 END) AS other_channels FROM payments

-- floor and ceiling
SELECT department, floor(avg(cost)) AS low, ceil(avg(cost)) AS high FROM visits GROUP BY department

-- absolute difference
SELECT abs(sum(CASE WHEN gender = 'F' THEN 1 ELSE 0 END) - sum(CASE WHEN gender = 'M' THEN 1 ELSE 0 END)) AS gap FROM residents

-- count as text
SELECT department, CAST(count(*) AS VARCHAR) AS n FROM visits GROUP BY department

-- order by an expression
SELECT department, count(*) AS n, sum(cost) AS s FROM visits GROUP BY department ORDER BY sum(cost) / count(*) DESC

-- order by what is not shown
SELECT department, count(*) AS n FROM visits GROUP BY department ORDER BY avg(cost) DESC

-- order by CASE
SELECT gender, count(*) AS n FROM residents GROUP BY gender ORDER BY CASE gender WHEN 'M' THEN 1 ELSE 2 END

-- limit and offset
SELECT hospital, count(*) AS n FROM visits GROUP BY hospital ORDER BY n DESC LIMIT 10 OFFSET 5

-- fetch by offset alone
SELECT department, count(*) AS n FROM visits GROUP BY department ORDER BY n OFFSET 2

-- distinct released values
SELECT DISTINCT round(avg(cost), -2) AS mean FROM visits GROUP BY department

-- distinct over a released table
WITH t AS (SELECT district, gender, count(*) AS n FROM residents GROUP BY district, gender)
SELECT DISTINCT district FROM t WHERE n > 100

-- union of two counts
SELECT 'residents' AS what, count(*) AS n FROM residents
UNION ALL
SELECT 'visits', count(*) FROM visits

-- union of two tables
SELECT district AS place, count(*) AS n FROM residents GROUP BY district
UNION ALL
SELECT h.district, count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.district
ORDER BY place

-- union that removes duplicates
SELECT gender, count(*) AS n FROM residents WHERE district = '长安区' GROUP BY gender
UNION
SELECT gender, count(*) FROM residents WHERE district = '裕华区' GROUP BY gender

-- union with a total line
SELECT department, sum(cost) AS s FROM visits GROUP BY department
UNION ALL
SELECT '合计', sum(cost) FROM visits

-- intersect of released keys
WITH a AS (SELECT diagnosis_code, count(*) AS n FROM visits WHERE department = '内科' GROUP BY diagnosis_code),
     b AS (SELECT diagnosis_code, count(*) AS n FROM visits WHERE department = '外科' GROUP BY diagnosis_code)
SELECT diagnosis_code FROM a INTERSECT SELECT diagnosis_code FROM b

-- except of released keys
WITH a AS (SELECT hospital, count(*) AS n FROM visits WHERE year(visit_date) = 2024 GROUP BY hospital),
     b AS (SELECT hospital, count(*) AS n FROM visits WHERE year(visit_date) = 2025 GROUP BY hospital)
SELECT hospital FROM a WHERE n > 10 EXCEPT SELECT hospital FROM b WHERE n > 10

-- except all and limit
(SELECT department, count(*) AS n FROM visits WHERE year(visit_date) = 2024 GROUP BY department)
EXCEPT ALL
(SELECT department, count(*) AS n FROM visits WHERE year(visit_date) = 2025 GROUP BY department)
ORDER BY n DESC LIMIT 3

-- set operation in a CTE
WITH both_years AS (
    SELECT 2024 AS y, department, count(*) AS n FROM visits WHERE year(visit_date) = 2024 GROUP BY department
    UNION ALL
    SELECT 2025, department, count(*) FROM visits WHERE year(visit_date) = 2025 GROUP BY department
)
SELECT department, sum(n) AS n FROM both_years GROUP BY department

-- rank of departments
SELECT department, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM visits GROUP BY department

-- dense rank by alias
SELECT district, avg(income) AS m, dense_rank() OVER (ORDER BY avg(income) DESC) AS place FROM residents GROUP BY district ORDER BY place

-- row number within a group
SELECT h.tier, v.department, count(*) AS n, row_number() OVER (PARTITION BY h.tier ORDER BY count(*) DESC) AS place
FROM visits v JOIN hospitals h ON v.hospital = h.hospital
GROUP BY h.tier, v.department

-- best of each group
SELECT h.tier, v.department, count(*) AS n
FROM visits v JOIN hospitals h ON v.hospital = h.hospital
GROUP BY h.tier, v.department
QUALIFY row_number() OVER (PARTITION BY h.tier ORDER BY count(*) DESC) <= 3

-- qualify by alias
SELECT department, sum(cost) AS s, rank() OVER (ORDER BY sum(cost) DESC) AS place FROM visits GROUP BY department QUALIFY place <= 2

-- change from month to month
SELECT visit_date AS m, count(*) AS n, count(*) - lag(count(*)) OVER (ORDER BY visit_date) AS change
FROM visits
GROUP BY visit_date
ORDER BY m

-- next month beside this one
SELECT visit_date AS m, sum(cost) AS s, lead(sum(cost), 1, 0) OVER (ORDER BY visit_date) AS next FROM visits GROUP BY visit_date

-- running total
SELECT visit_date AS m, sum(count(*)) OVER (ORDER BY visit_date) AS so_far FROM visits GROUP BY visit_date ORDER BY m

-- running total with a frame
SELECT visit_date AS m, sum(sum(cost)) OVER (ORDER BY visit_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far
FROM visits
GROUP BY visit_date

-- moving average of three months
SELECT visit_date AS m, avg(count(*)) OVER (ORDER BY visit_date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS smooth FROM visits GROUP BY visit_date

-- first and last value
SELECT department, year(visit_date) AS y, sum(cost) AS s,
       first_value(sum(cost)) OVER (PARTITION BY department ORDER BY year(visit_date)) AS first_year,
       last_value(sum(cost)) OVER (PARTITION BY department ORDER BY year(visit_date)
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_year
FROM visits
GROUP BY department, y

-- quartiles of hospitals
SELECT hospital, avg(cost) AS m, ntile(4) OVER (ORDER BY avg(cost)) AS quartile FROM visits GROUP BY hospital

-- smallest and largest released count
SELECT department, count(*) AS n, min(count(*)) OVER () AS least, max(count(*)) OVER () AS most FROM visits GROUP BY department

-- named window
SELECT district, count(*) AS n, rank() OVER w AS place, sum(count(*)) OVER w AS so_far
FROM residents
GROUP BY district
WINDOW w AS (ORDER BY count(*) DESC)

-- window over a CTE
WITH per_month AS (SELECT visit_date AS m, count(*) AS n FROM visits GROUP BY visit_date)
SELECT m, n, n - lag(n) OVER (ORDER BY m) AS change FROM per_month ORDER BY m

-- scalar subquery in the select list
SELECT district, avg(income) AS m, (SELECT avg(income) FROM residents) AS city FROM residents GROUP BY district

-- gap to the city
SELECT district, avg(income) - (SELECT avg(income) FROM residents) AS gap FROM residents GROUP BY district ORDER BY gap

-- share by scalar subquery
SELECT department, count(*) * 100.0 / (SELECT count(*) FROM visits) AS percent FROM visits GROUP BY department

-- scalar subquery in having
SELECT department, avg(cost) AS m FROM visits GROUP BY department HAVING avg(cost) > (SELECT avg(cost) FROM visits)

-- scalar subquery in order by
SELECT district, avg(income) AS m FROM residents GROUP BY district ORDER BY abs(avg(income) - (SELECT avg(income) FROM residents))

-- released keys in a released query
WITH n_by_department AS (SELECT department, count(*) AS n, avg(cost) AS m FROM visits GROUP BY department),
     busy AS (SELECT department FROM n_by_department WHERE n > 100)
SELECT department, m FROM n_by_department WHERE department IN (SELECT department FROM busy)

-- IN over a released subquery in having
SELECT diagnosis_code, count(*) AS n FROM visits WHERE department = '内科' GROUP BY diagnosis_code
HAVING diagnosis_code IN (
    SELECT diagnosis_code FROM (SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY diagnosis_code) AS t WHERE t.n > 200
)

-- NOT IN over released keys
WITH a AS (SELECT hospital, count(*) AS n FROM visits GROUP BY hospital),
     small AS (SELECT hospital, count(*) AS n FROM visits WHERE department = '儿科' GROUP BY hospital)
SELECT hospital, n FROM a WHERE hospital NOT IN (SELECT hospital FROM small WHERE small.n < 5)

-- EXISTS over a released relation
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department)
SELECT department, n FROM a WHERE EXISTS (SELECT 1 FROM a AS b WHERE b.n > 1000)

-- NOT EXISTS in having
SELECT gender, count(*) AS n FROM residents GROUP BY gender
HAVING NOT EXISTS (SELECT 1 FROM (SELECT count(*) AS m FROM visits) AS t WHERE t.m < 10)

-- aggregate of aggregates
WITH per_department AS (SELECT department, sum(cost) AS s FROM visits GROUP BY department)
SELECT avg(s) AS mean, max(s) AS most, min(s) AS least, count(*) AS departments FROM per_department

-- derived aggregate
SELECT max(t.n) AS busiest FROM (SELECT hospital, count(*) AS n FROM visits GROUP BY hospital) AS t

-- aggregate by a coarser key
SELECT y, sum(n) AS n
FROM (SELECT year(visit_date) AS y, department, count(*) AS n FROM visits GROUP BY year(visit_date), department) AS t
GROUP BY y

-- two aggregated CTEs joined
WITH people AS (SELECT district, count(*) AS n FROM residents GROUP BY district),
     treated AS (
         SELECT r.district, count(DISTINCT v.resident_id) AS n
         FROM visits v JOIN residents r ON v.resident_id = r.resident_id
         GROUP BY r.district
     )
SELECT people.district, treated.n * 1.0 / people.n AS treated_share
FROM people
JOIN treated ON people.district = treated.district
ORDER BY treated_share DESC

-- two aggregated CTEs, left join
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department),
     b AS (SELECT department, count(*) AS n FROM visits WHERE year(visit_date) = 2024 GROUP BY department)
SELECT a.department, a.n, coalesce(b.n, 0) AS n_2024 FROM a LEFT JOIN b ON a.department = b.department

-- growth from year to year
WITH per_year AS (
    SELECT department, year(visit_date) AS y, sum(cost) AS s FROM visits GROUP BY department, year(visit_date)
)
SELECT now_.department, round((now_.s - before.s) * 100.0 / before.s, 1) AS growth_percent
FROM per_year AS now_
JOIN per_year AS before ON now_.department = before.department AND now_.y = before.y + 1
ORDER BY growth_percent DESC

-- chain of three CTEs
WITH base AS (SELECT resident_id, department, cost FROM visits WHERE visit_date >= '2024-01-01'),
     sums AS (SELECT department, sum(cost) AS s, count(*) AS n FROM base GROUP BY department),
     ranked AS (SELECT department, s / n AS m, rank() OVER (ORDER BY s / n DESC) AS place FROM sums)
SELECT department, round(m, 2) AS mean, place FROM ranked WHERE place <= 3 ORDER BY place

-- filter on a derived aggregate
SELECT t.department, t.n FROM (SELECT department, count(*) AS n FROM visits GROUP BY department) AS t WHERE t.n > 100 ORDER BY t.n

-- visits per patient, on average
SELECT avg(n) AS mean FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) AS t

-- yearly cost per patient
SELECT avg(s) AS mean_cost FROM (SELECT resident_id, sum(cost) AS s FROM visits WHERE year(visit_date) = 2024 GROUP BY resident_id) AS t

-- mean of patients' means
SELECT avg(m) AS mean FROM (SELECT resident_id, avg(cost) AS m FROM visits GROUP BY resident_id) AS t

-- patients with several visits
SELECT count(*) AS frequent FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) >= 3) AS t

-- mean number of visits of frequent patients
SELECT avg(n) AS mean FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) > 1) AS t

-- per patient in a CTE
WITH per_patient AS (SELECT resident_id, count(*) AS n, sum(cost) AS s FROM visits GROUP BY resident_id)
SELECT count(*) AS patients, avg(n) AS visits, avg(s) AS cost FROM per_patient

-- per patient over a join
SELECT avg(n) AS mean
FROM (
    SELECT r.resident_id, count(*) AS n
    FROM residents r JOIN visits v ON r.resident_id = v.resident_id
    WHERE r.gender = 'F' AND v.department = '内科'
    GROUP BY r.resident_id
) AS t

-- per payer
SELECT avg(total) AS mean_total, count(*) AS payers FROM (SELECT resident_id, sum(amount) AS total FROM payments GROUP BY resident_id) AS t

-- rounded per-patient mean
SELECT round(avg(t.n), 1) AS mean FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) AS t

-- variance of incomes
SELECT var_samp(income) AS v FROM residents

-- standard deviation by district
SELECT district, avg(income) AS mean, stddev(income) AS deviation FROM residents GROUP BY district

-- population variance of costs
SELECT department, var_pop(cost) AS v, stddev_pop(cost) AS d FROM visits GROUP BY department

-- variation coefficient
SELECT gender, stddev_samp(balance) / nullif(avg(balance), 0) AS coefficient FROM residents GROUP BY gender

-- variance over a join
SELECT h.tier, variance(v.cost) AS v FROM visits v JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.tier

-- standard deviation of payments
SELECT channel, stddev(amount) AS d, count(*) AS n FROM payments GROUP BY channel

-- text parameter {"gender": "F"}
SELECT district, count(*) AS n FROM residents WHERE gender = $gender GROUP BY district

-- date parameters {"since": {"date": "2024-03-01"}, "until": {"date": "2025-03-01"}}
SELECT department, sum(cost) AS s FROM visits WHERE visit_date >= $since AND visit_date < $until GROUP BY department HAVING count(*) > 20

-- integer parameter in having {"least": 50}
SELECT hospital, count(*) AS n FROM visits GROUP BY hospital HAVING count(*) >= $least ORDER BY n DESC

-- decimal parameter {"limit_": {"decimal": "250.50"}}
SELECT count(*) FILTER (WHERE balance > $limit_) AS above, count(*) AS n FROM residents

-- boolean parameter {"covered": true}
SELECT district, round(avg(income), 0) AS m FROM residents WHERE insured = $covered GROUP BY district

-- integer parameter in a limit {"top": 5}
SELECT department, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM visits GROUP BY department ORDER BY place LIMIT $top

-- pattern parameter {"pattern": "内%"}
SELECT department, count(*) AS n, sum(cost) / count(*) AS m FROM visits WHERE department LIKE $pattern GROUP BY department

-- parameters in a list {"a": "内科", "b": "外科"}
SELECT department, count(*) AS n FROM visits WHERE department IN ($a, $b) GROUP BY ROLLUP (department)

-- trimmed and padded text
SELECT trim(street) AS s, count(*) AS n FROM residents GROUP BY s

-- joined text
SELECT district || '/' || gender AS 组, count(*) AS 人数 FROM residents GROUP BY 组

-- text by concat
SELECT concat(department, '-', CAST(year(visit_date) AS VARCHAR)) AS k, count(*) AS n FROM visits GROUP BY k

-- length of a code
SELECT length(diagnosis_code) AS len, count(*) AS n FROM visits GROUP BY len

-- replaced text
SELECT replace(district, '区', '') AS d, count(*) AS n FROM residents GROUP BY d

-- right
SELECT right(diagnosis_code, 1) AS last, count(*) AS n FROM visits GROUP BY last

-- prefix test
SELECT count(*) AS n FROM visits WHERE starts_with(department, '内')

-- rounded measure inside an aggregate
SELECT sum(round(cost, 0)) AS s FROM visits

-- floor inside an aggregate
SELECT avg(floor(income / 1000)) AS thousands FROM residents

-- age in years at a fixed day
SELECT date_diff('year', birth_date, DATE '2026-01-01') AS age, count(*) AS n FROM residents GROUP BY age

-- decade of birth
SELECT floor(year(birth_date) / 10) * 10 AS decade, count(*) AS n FROM residents GROUP BY decade ORDER BY decade

-- quarter by date_part
SELECT date_part('quarter', visit_date) AS q, sum(cost) AS s FROM visits GROUP BY q

-- month name by CASE
SELECT CASE extract(month FROM visit_date) WHEN 1 THEN '一月' WHEN 2 THEN '二月' ELSE '其他' END AS 月, round(avg(cost), 2) AS 均值
FROM visits GROUP BY 月

-- a date plus an interval
SELECT count(*) AS n FROM visits WHERE visit_date >= DATE '2024-01-01' + INTERVAL 6 MONTH

-- Chinese CTE and columns
WITH 科室统计 AS (SELECT department AS 科室, count(*) AS 次数, sum(cost) AS 费用 FROM visits GROUP BY department)
SELECT 科室, 次数, round(费用 / 次数, 2) AS 次均费用
FROM 科室统计
WHERE 次数 > 50
ORDER BY 次均费用 DESC

-- quoted Chinese names over windows
SELECT "district" AS "区县", count(*) AS "人数", rank() OVER (ORDER BY count(*) DESC) AS "名次"
FROM residents
GROUP BY "district"
QUALIFY rank() OVER (ORDER BY count(*) DESC) <= 2

-- 医院月报, twenty lines
WITH 明细 AS (
    SELECT v.resident_id, v.visit_date, v.cost, v.department, h.tier, h.district
    FROM visits v
    JOIN hospitals h ON v.hospital = h.hospital
    WHERE v.visit_date >= DATE '2024-01-01'
      AND v.department <> '儿科'
),
月度 AS (
    SELECT visit_date AS 月份, tier AS 等级,
           count(*) AS 人次,
           count(DISTINCT resident_id) AS 人数,
           sum(cost) AS 总费用
    FROM 明细
    GROUP BY visit_date, tier
)
SELECT 月份, 等级, 人次, 人数,
       round(总费用 / nullif(人次, 0), 2) AS 次均费用,
       人次 - lag(人次) OVER (PARTITION BY 等级 ORDER BY 月份) AS 环比增量,
       rank() OVER (PARTITION BY 月份 ORDER BY 总费用 DESC) AS 费用名次
FROM 月度
WHERE 人次 > 10
ORDER BY 月份, 等级
LIMIT 200

-- planning report of twenty lines
WITH people AS (
    SELECT district,
           count(*) AS residents,
           count(*) FILTER (WHERE year(birth_date) < 1961) AS elderly,
           avg(income) AS mean_income
    FROM residents
    GROUP BY district
),
care AS (
    SELECT r.district,
           count(*) AS visits,
           sum(v.cost) AS cost
    FROM visits v
    JOIN residents r ON v.resident_id = r.resident_id
    WHERE year(v.visit_date) = 2024
    GROUP BY r.district
)
SELECT p.district,
       p.residents,
       round(p.elderly * 100.0 / p.residents, 1) AS elderly_percent,
       round(p.mean_income, 0) AS mean_income,
       round(c.visits * 1.0 / p.residents, 2) AS visits_per_resident,
       round(c.cost / p.residents, 2) AS cost_per_resident,
       rank() OVER (ORDER BY c.cost / p.residents DESC) AS place
FROM people AS p
JOIN care AS c ON p.district = c.district
WHERE p.residents > 100
ORDER BY place
LIMIT 20

-- everything after release in one query
SELECT department,
       year(visit_date) AS y,
       count(*) AS n,
       count(*) FILTER (WHERE month(visit_date) <= 6) AS first_half,
       round(avg(cost), 2) AS mean,
       CASE WHEN avg(cost) > (SELECT avg(cost) FROM visits) THEN '高' ELSE '低' END AS level,
       row_number() OVER (PARTITION BY year(visit_date) ORDER BY count(*) DESC) AS place
FROM visits
GROUP BY department, year(visit_date)
HAVING count(*) > 20
QUALIFY place <= 5
ORDER BY y, place
LIMIT 10 OFFSET 0

-- brackets around a whole join condition
SELECT r.gender, count(*) AS n FROM residents r JOIN visits v ON (r.resident_id = v.resident_id AND r.insured) GROUP BY r.gender

-- brackets around each condition of a comma join
SELECT v.department, avg(v.cost) AS m
FROM residents r, visits v
WHERE (r.resident_id = v.resident_id) AND (r.gender = 'F')
GROUP BY v.department

-- alias in the having of an inner query
SELECT avg(s) AS mean_cost, count(*) AS patients
FROM (SELECT resident_id, count(*) AS n, sum(cost) AS s FROM visits GROUP BY resident_id HAVING n >= 2) AS t
