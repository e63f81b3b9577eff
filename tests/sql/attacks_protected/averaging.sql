SELECT count(*) AS n FROM residents
SELECT count(1) AS n FROM residents
SELECT sum(1) AS n FROM residents
SELECT sum(CASE WHEN TRUE THEN 1 ELSE 0 END) AS n FROM residents
SELECT count(*) AS n FROM residents WHERE TRUE
SELECT count(*) AS n FROM residents WHERE 1 = 1
SELECT count(*) AS n FROM residents WHERE gender = gender
SELECT count(*) AS n FROM residents WHERE gender = 'F' OR gender <> 'F'
SELECT count(*) AS n FROM residents WHERE gender = 'F' OR 'x' = 'y'
SELECT count(*) FILTER (WHERE TRUE) AS n FROM residents
SELECT count(*) + 0 AS n FROM residents
SELECT count(DISTINCT resident_id) AS n FROM residents
SELECT count(*) AS n FROM (SELECT gender FROM residents) AS t
WITH a AS (SELECT resident_id FROM residents) SELECT count(*) AS n FROM a
SELECT count(*) AS a, sum(1) AS b, count(DISTINCT resident_id) AS c, sum(2) AS d, sum(3) AS e FROM residents
SELECT (count(*) + sum(1) + count(DISTINCT resident_id)) / 3 AS n FROM residents
SELECT avg(income) AS a, sum(income) / count(*) AS b, sum(income * 2) / (2 * count(*)) AS c FROM residents
SELECT ((SELECT count(*) FROM residents) + (SELECT count(*) FROM residents WHERE TRUE)) / 2 AS m, count(*) AS n FROM residents
SELECT count(*) AS n FROM residents UNION ALL SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM residents
WITH a AS (SELECT district, count(*) AS n FROM residents GROUP BY district) SELECT sum(n) AS total FROM a
WITH a AS (SELECT gender, district, count(*) AS n FROM residents GROUP BY gender, district) SELECT sum(n) AS total FROM a
WITH a AS (SELECT year(birth_date) AS y, count(*) AS n FROM residents GROUP BY y) SELECT sum(n) AS total FROM a
WITH a AS (SELECT count(*) AS n FROM residents UNION ALL SELECT count(*) FROM residents WHERE gender = gender) SELECT avg(n) AS total FROM a
SELECT gender, count(*) AS n, (SELECT count(*) FROM residents WHERE gender = 'F') AS again FROM residents GROUP BY gender
