SELECT count(*) FILTER (WHERE year(birth_date) IN (1941, 1944, 1947)) AS a, count(*) FILTER (WHERE year(birth_date) IN (1942, 1944, 1948)) AS b, count(*) FILTER (WHERE year(birth_date) IN (1943, 1947, 1948)) AS c FROM residents
SELECT count(*) FILTER (WHERE district = '长安区') AS a, count(*) FILTER (WHERE district = '裕华区') AS b, count(*) FILTER (WHERE district IN ('长安区', '裕华区')) AS c, count(*) AS d FROM residents
SELECT sum(CASE WHEN year(birth_date) IN (1941, 1952, 1963) THEN income ELSE 0 END) AS a, sum(CASE WHEN year(birth_date) IN (1941, 1953, 1964) THEN income ELSE 0 END) AS b FROM residents
SELECT sum(cost) FILTER (WHERE month(visit_date) IN (1, 3, 5, 7)) AS a, sum(cost) FILTER (WHERE month(visit_date) IN (2, 3, 6, 7)) AS b, sum(cost) FILTER (WHERE month(visit_date) IN (4, 5, 6, 7)) AS c FROM visits
SELECT year(birth_date) AS y, district, gender, count(*) AS n FROM residents GROUP BY ALL
SELECT year(birth_date) AS y, gender, sum(income) AS s FROM residents GROUP BY ALL ORDER BY s
SELECT diagnosis_code, department, count(*) AS n FROM visits GROUP BY ALL
SELECT r.gender, v.diagnosis_code, count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id WHERE year(r.birth_date) = 1950 GROUP BY ALL
SELECT hospital, count(DISTINCT resident_id) AS n FROM visits WHERE visit_date = '2024-05-01' GROUP BY hospital
SELECT date_trunc('month', visit_date) AS m, count(*) AS n FROM visits WHERE department = '儿科' GROUP BY m
