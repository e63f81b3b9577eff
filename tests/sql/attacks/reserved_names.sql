SELECT __unit, count(*) FROM residents GROUP BY 1
SELECT __pid FROM residents
SELECT count(*) FROM residents WHERE __rank < 5
SELECT count(*) FROM residents WHERE "__unit" = 3
SELECT count(*) AS __unit FROM residents
SELECT count(DISTINCT __unit) FROM visits
SELECT max(__unit) FROM residents
SELECT count(*) FROM visits v JOIN residents r ON v.__unit = r.__unit
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND v.__rank = 1
SELECT r.__pid, count(*) FROM residents r GROUP BY ALL
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY sum(__unit)
SELECT count(*) FROM __residents
WITH __a AS (SELECT gender FROM residents) SELECT count(*) FROM __a
SELECT u, count(*) FROM residents GROUP BY u
SELECT p AS pseudonym, count(*) FROM visits GROUP BY p
SELECT count(*) FROM residents WHERE $sample_key IS NOT NULL
