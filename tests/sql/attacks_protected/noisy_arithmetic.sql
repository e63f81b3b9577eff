SELECT sum(income) / count(*) AS m FROM residents WHERE year(birth_date) = 1950 AND district = '长安区'
SELECT 1 / count(*) AS n FROM residents WHERE FALSE
SELECT sum(cost) / (count(*) - count(*)) AS n FROM visits
SELECT 1 / (count(*) - sum(1)) AS n FROM residents
SELECT department, sum(cost) / nullif(count(*), 0) AS m FROM visits GROUP BY department
SELECT round(sum(income) / count(*), 2) AS m, CAST(count(*) AS VARCHAR) AS n FROM residents
SELECT count(*) * count(*) * count(*) AS n FROM residents
SELECT count(*) * 1000000000 AS n FROM residents
SELECT sum(income) * 1000000 + count(*) AS packed FROM residents
SELECT coalesce(avg(cost), -1) AS m FROM visits WHERE FALSE
SELECT substring(CAST(count(*) AS VARCHAR), 1, 1) AS digit FROM residents
SELECT sum(income * 1000 + 1) AS packed FROM residents
SELECT sum(CASE WHEN gender = 'F' THEN income * 1000 ELSE income END) AS packed FROM residents
SELECT variance(income) AS v, stddev_samp(income) AS d, avg(income) AS m FROM residents WHERE year(birth_date) = 1950
SELECT sum(cost * cost) AS q FROM visits WHERE department = '儿科'
SELECT avg(cost) AS m FROM visits WHERE FALSE
SELECT gender, avg(income) AS m FROM residents WHERE year(birth_date) = 2200 GROUP BY gender
