SELECT gender, count(*) AS n FROM residents GROUP BY gender HAVING sum(income) > 5
SELECT district, count(*) AS n FROM residents GROUP BY district HAVING count(*) > 100
SELECT year(birth_date) AS y, count(*) AS n FROM residents GROUP BY y HAVING count(*) = 1
SELECT year(birth_date) AS y, count(*) AS n FROM residents GROUP BY y HAVING count(*) BETWEEN 9 AND 11
SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY diagnosis_code HAVING count(DISTINCT resident_id) < 20
SELECT diagnosis_code, count(*) AS n FROM visits GROUP BY diagnosis_code ORDER BY n LIMIT 1
SELECT hospital, avg(cost) AS m FROM visits GROUP BY hospital ORDER BY m DESC LIMIT 1
SELECT hospital, avg(cost) AS m FROM visits GROUP BY hospital HAVING avg(cost) > 19000
SELECT department, sum(cost) AS s FROM visits GROUP BY department HAVING sum(cost) > 100000 AND sum(cost) < 100001
SELECT department, count(*) AS n FROM visits GROUP BY department QUALIFY row_number() OVER (ORDER BY count(*)) = 1
SELECT count(*) AS n FROM residents HAVING round(count(*) / 2, 0) * 2 = count(*)
SELECT count(*) AS n FROM residents WHERE year(birth_date) = 1950 HAVING count(*) >= 1
SELECT CASE WHEN count(*) > 1000 THEN 'more' ELSE 'less' END AS side FROM residents
SELECT count(*) > 1000 AS more, count(*) AS n FROM residents WHERE district = '长安区'
SELECT district, count(*) AS n FROM residents GROUP BY district HAVING count(*) > (SELECT count(*) FROM residents WHERE gender = 'F') / 8
