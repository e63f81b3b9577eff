SELECT count(*) FROM residents WHERE balance >= (SELECT avg(balance) FROM residents)
SELECT count(*) FROM residents WHERE resident_id IN (SELECT resident_id FROM visits)
SELECT count(*) FROM residents WHERE EXISTS (SELECT 1 FROM visits)
SELECT (SELECT income FROM residents LIMIT 1)
SELECT (SELECT max(income) FROM residents), count(*) FROM residents
SELECT count(*) FROM residents WHERE balance = ANY (SELECT balance FROM residents)
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender) SELECT sum(n) FROM a
SELECT sum(n) FROM (SELECT resident_id, sum(cost) AS n FROM visits GROUP BY resident_id) t
WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a
SELECT count(*) FROM (SELECT gender FROM residents LIMIT 1) t
SELECT count(*) FROM (SELECT DISTINCT gender FROM residents) t
SELECT count(*) FROM (SELECT income FROM residents ORDER BY income) t
SELECT gender, count(*) FROM residents GROUP BY gender HAVING sum(income) > 5
SELECT count(*) FROM residents WHERE count(*) > 5
SELECT count(*) FROM residents r, LATERAL (SELECT r.income) t
