SELECT count(*) FROM secret
SELECT count(*) FROM jobs
SELECT count(*) FROM main.residents
SELECT count(*) FROM temp.residents
SELECT count(*) FROM memory.main.residents
SELECT count(*) FROM a.b.residents
SELECT count(*) FROM "main"."residents"
SELECT main.residents.gender, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE memory.main.residents.gender = 'F'
WITH residents AS (SELECT 1 AS a) SELECT count(*) FROM residents
WITH Residents AS (SELECT resident_id, gender FROM visits) SELECT gender, count(*) FROM Residents GROUP BY gender
WITH "RESIDENTS" AS (SELECT resident_id FROM visits) SELECT count(*) FROM residents
WITH hospitals AS (SELECT resident_id AS hospital, name AS district FROM residents) SELECT district, count(*) FROM hospitals GROUP BY district
WITH hospitals AS (SELECT hospital, cost AS tier FROM visits) SELECT h.tier, count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.tier
WITH a AS (WITH visits AS (SELECT resident_id, income AS cost FROM residents) SELECT cost FROM visits) SELECT sum(cost) FROM a
SELECT count(*) FROM visits residents
SELECT h.name, count(*) FROM residents AS hospitals JOIN hospitals h ON hospitals.district = h.district GROUP BY h.name
SELECT hospitals.district, count(*) FROM residents AS hospitals GROUP BY 1
SELECT residents.cost, count(*) FROM (SELECT cost FROM visits) AS residents GROUP BY 1
SELECT count(*) FROM (SELECT resident_id AS hospital FROM visits) AS hospitals
SELECT count(*) FROM residents t(a, b)
SELECT a, count(*) FROM residents t(a, b) GROUP BY a
SELECT gender AS x, count(*) AS x FROM residents GROUP BY 1
SELECT gender AS X, count(*) AS x FROM residents GROUP BY 1
SELECT gender AS n_low, count(*) AS n FROM residents GROUP BY 1
SELECT count(*) AS n, avg(income) AS n_high FROM residents
SELECT district, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id JOIN hospitals h ON v.hospital = h.hospital GROUP BY district
SELECT count(*) FROM residents r JOIN visits r ON r.resident_id = r.resident_id
SELECT residents.gender, count(*) FROM residents r GROUP BY 1
WITH a AS (SELECT gender FROM residents), a AS (SELECT name AS gender FROM residents) SELECT gender, count(*) FROM a GROUP BY gender
WITH a AS (SELECT b.gender FROM b), b AS (SELECT gender FROM residents) SELECT count(*) FROM a
WITH a AS (SELECT gender FROM a) SELECT count(*) FROM a
WITH a(gender) AS (SELECT income FROM residents) SELECT gender, count(*) FROM a GROUP BY gender
WITH a(resident_id, gender) AS (SELECT gender, resident_id FROM residents) SELECT gender, count(*) FROM a GROUP BY gender
SELECT income AS k, count(*) FROM residents GROUP BY k
SELECT income AS gender, count(*) FROM residents GROUP BY 1
