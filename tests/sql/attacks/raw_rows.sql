SELECT gender FROM residents
SELECT income FROM residents
SELECT gender, income FROM residents WHERE district = '长安区'
SELECT gender, insured FROM residents GROUP BY gender, insured
SELECT DISTINCT gender FROM residents
SELECT DISTINCT diagnosis_code FROM visits
SELECT DISTINCT ON (gender) gender, income FROM residents
SELECT DISTINCT ON (department) department, cost FROM visits ORDER BY department, cost DESC
SELECT gender FROM residents LIMIT 1
SELECT cost FROM visits ORDER BY cost DESC LIMIT 10
SELECT cost FROM visits OFFSET 7
SELECT visit_date, department, cost FROM visits LIMIT 1 OFFSET 1000
SELECT income FROM residents ORDER BY income DESC LIMIT 10 PERCENT
SELECT hospital, diagnosis_code, visit_date FROM visits GROUP BY ALL
SELECT count(*), gender FROM residents
SELECT gender, count(*) OVER () FROM residents
SELECT department, cost, count(*) FROM visits GROUP BY department
SELECT gender, income, count(*) FROM residents GROUP BY gender
SELECT income + 0, count(*) FROM residents GROUP BY 1
SELECT income, avg(income) FROM residents GROUP BY income
SELECT CAST(income AS VARCHAR), count(*) FROM residents GROUP BY 1
SELECT CASE WHEN gender = 'F' THEN income END, count(*) FROM residents GROUP BY 1
SELECT coalesce(income, 0), count(*) FROM residents GROUP BY 1
SELECT t.cost FROM (SELECT cost FROM visits) AS t
SELECT t.c, t.d FROM (SELECT cost AS c, department AS d FROM visits WHERE department = '儿科') AS t ORDER BY t.c
WITH a AS (SELECT income FROM residents) SELECT income FROM a
WITH a AS (SELECT income AS n FROM residents) SELECT n, n + 1 AS m FROM a ORDER BY n
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender) SELECT r.income, a.n FROM residents r, a
SELECT a.department, v.cost FROM (SELECT department, avg(cost) AS m FROM visits GROUP BY department) a JOIN visits v ON a.department = v.department
SELECT r.gender, v.cost FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id
SELECT h.tier, v.cost FROM visits v JOIN hospitals h ON v.hospital = h.hospital
SELECT sum(cost), cost FROM visits
SELECT income % 100, count(*) FROM residents GROUP BY ALL
