SELECT gender, count(*) AS n FROM residents GROUP BY ROLLUP (gender)
SELECT district, gender, count(*) AS n FROM residents GROUP BY ROLLUP (district, gender)
SELECT district, gender, sum(income) AS s FROM residents GROUP BY CUBE (district, gender)
SELECT district, gender, count(*) AS n, GROUPING(district) AS g FROM residents GROUP BY GROUPING SETS ((district), (gender), ())
SELECT department, date_trunc('year', visit_date) AS y, sum(cost) AS s FROM visits GROUP BY CUBE (department, y)
SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY ROLLUP (diagnosis_code)
SELECT department, diagnosis_code, count(*) AS n, GROUPING(department, diagnosis_code) AS level FROM visits GROUP BY ROLLUP (department, diagnosis_code)
SELECT gender, count(*) AS n, sum(count(*)) OVER () - count(*) AS rest FROM residents GROUP BY gender
SELECT district, sum(count(*)) OVER (ORDER BY district ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before, count(*) AS n FROM residents GROUP BY district
SELECT date_trunc('month', visit_date) AS m, count(*) - lag(count(*)) OVER (ORDER BY date_trunc('month', visit_date)) AS change FROM visits GROUP BY date_trunc('month', visit_date)
