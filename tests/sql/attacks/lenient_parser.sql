SELECT department, count(*) AS n FROM visits GROUP BY department LIMIT cost
SELECT gender, count(*) AS n FROM residents GROUP BY gender LIMIT gender
SELECT count(*) AS n FROM residents LIMIT CASE WHEN name = '张三' THEN 1 END
SELECT count(*) AS n FROM residents WHERE gender IN ()
SELECT sum(CAST(income AS DECIMAL(a, b))) AS n FROM residents
SELECT sum(CAST(income AS DECIMAL(10, 2, 3))) AS n FROM residents
SELECT sum(CAST(income AS DECIMAL('x', 1))) AS n FROM residents
SELECT sum(CAST(income AS DECIMAL(10, 99999))) AS n FROM residents
SELECT date_trunc('month', visit_date, name) AS m, count(*) AS n FROM visits GROUP BY m
SELECT date_trunc('month', visit_date, resident_id) AS m, count(*) AS n FROM visits GROUP BY m
SELECT gender, count(*) AS n FROM residents GROUP BY ALL name
SELECT gender, count(*) AS n FROM residents GROUP BY DISTINCT gender
SELECT count(*) AS $__unit FROM residents
SELECT count(*) AS ? FROM residents
SELECT count(*) AS $x FROM residents
SELECT count(*) AS @a FROM residents
SELECT count(*) AS $aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM residents
SELECT count(*) AS n FROM residents AS $t
SELECT t.name, count(*) AS n FROM (SELECT gender AS $name FROM residents) t GROUP BY t.name
WITH a($g) AS (SELECT gender FROM residents) SELECT count(*) AS n FROM a
SELECT district, , count(*) AS n FROM residents GROUP BY district
SELECT count(*) AS n FROM residents WHERE gender IN ('F', , 'M')
SELECT count(+*) AS n FROM residents
SELECT count(*) AS n FROM residents WHERE district = '长安区' <> gender < 'F'
SELECT count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id AND h.tier = h.tier JOIN hospitals h ON h.hospital = v.hospital
SELECT r.gender, count(*) AS n FROM residents r JOIN visits v ON r.resident_id = w.resident_id JOIN visits w ON w.resident_id = v.resident_id GROUP BY r.gender
SELECT count(*) AS n FROM (SELECT FROM residents) t
