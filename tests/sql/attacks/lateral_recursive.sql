SELECT count(*) FROM residents r, LATERAL (SELECT r.income) t
SELECT t.i, count(*) FROM residents r, LATERAL (SELECT r.income AS i) t GROUP BY t.i
SELECT count(*) FROM residents r JOIN LATERAL (SELECT 1 FROM visits v WHERE v.resident_id = r.resident_id) t ON TRUE
SELECT r.gender, avg(t.n) FROM residents r, LATERAL (SELECT count(*) AS n FROM visits v WHERE v.resident_id = r.resident_id) t GROUP BY r.gender
SELECT r.gender, count(*) FROM residents r LEFT JOIN LATERAL (SELECT cost FROM visits v WHERE v.resident_id = r.resident_id ORDER BY cost DESC LIMIT 1) t ON TRUE GROUP BY r.gender
SELECT count(*) FROM residents r CROSS JOIN LATERAL (SELECT max(cost) AS m FROM visits v WHERE v.resident_id = r.resident_id) t WHERE t.m > 19000
SELECT count(*) FROM residents r, (SELECT v.cost FROM visits v WHERE v.resident_id = r.resident_id) t
SELECT count(*) FROM visits v, (SELECT r.name FROM residents r WHERE r.resident_id = v.resident_id) t WHERE t.name = '张三'
SELECT count(*) FROM residents r, LATERAL unnest([r.income]) t(i)
WITH RECURSIVE a AS (SELECT resident_id FROM residents UNION SELECT v.resident_id FROM visits v JOIN a ON v.resident_id = a.resident_id) SELECT count(*) FROM a
WITH RECURSIVE a AS (SELECT hospital FROM visits UNION SELECT w.hospital FROM visits w JOIN a ON w.hospital = a.hospital) SELECT hospital, count(*) FROM a GROUP BY hospital
WITH RECURSIVE a AS (SELECT gender, 1 AS n FROM residents UNION ALL SELECT gender, n + 1 FROM a WHERE n < 100) SELECT gender, count(*) FROM a GROUP BY gender
WITH RECURSIVE a AS (SELECT count(*) AS n FROM residents UNION ALL SELECT n - 1 FROM a WHERE n > 0) SELECT count(*) FROM a
WITH RECURSIVE a AS (SELECT avg(balance) AS m FROM residents UNION ALL SELECT avg(r.balance) FROM residents r, a WHERE r.balance > a.m) SELECT m FROM a
WITH RECURSIVE a(n) USING KEY (n) AS (SELECT 1 UNION SELECT n + 1 FROM a) SELECT count(*) FROM a
WITH RECURSIVE a AS (SELECT gender FROM residents) SELECT gender, count(*) FROM a GROUP BY gender UNION ALL SELECT name, 1 FROM residents
