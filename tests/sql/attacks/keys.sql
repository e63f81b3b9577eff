SELECT resident_id FROM visits
SELECT count(*) FROM visits WHERE resident_id = 'x'
SELECT count(*) FROM visits WHERE resident_id <> 'x'
SELECT count(*) FROM visits WHERE NOT resident_id = 'x'
SELECT count(*) FROM visits WHERE resident_id IN ('a', 'b')
SELECT count(*) FROM visits WHERE resident_id NOT IN ('a', 'b')
SELECT count(*) FROM visits WHERE resident_id > $x
SELECT count(*) FROM visits WHERE resident_id LIKE '1301%'
SELECT count(*) FROM visits WHERE resident_id ILIKE '%X'
SELECT count(*) FROM visits WHERE starts_with(resident_id, '1301')
SELECT count(*) FROM visits WHERE resident_id IS NULL
SELECT count(*) FROM visits WHERE resident_id IS NOT DISTINCT FROM 'x'
SELECT count(*) FROM visits WHERE resident_id BETWEEN '1' AND '2'
SELECT count(*) FROM visits WHERE nullif(resident_id, '5') IS NULL
SELECT count(*) FROM visits WHERE coalesce(resident_id, 'x') = '5'
SELECT count(*) FROM visits WHERE CASE resident_id WHEN '5' THEN TRUE ELSE FALSE END
SELECT count(*) FROM visits WHERE left(resident_id, 6) = '130101'
SELECT count(*) FROM visits WHERE substring(resident_id, 7, 4) = '1950'
SELECT count(*) FROM visits WHERE length(resident_id) = 18
SELECT count(*) FROM visits WHERE resident_id = upper(resident_id)
SELECT count(*) FROM visits WHERE GREATEST(resident_id, '5') = '5'
SELECT count(*) FROM visits WHERE ('5', department) = (resident_id, '内科')
SELECT count(*) FILTER (WHERE resident_id = '5') FROM visits
SELECT sum(CASE WHEN resident_id = '5' THEN cost ELSE 0 END) FROM visits
SELECT avg(if(resident_id = '5', cost, NULL)) FROM visits
SELECT count(DISTINCT CASE WHEN resident_id = '5' THEN resident_id END) FROM visits
SELECT sum(resident_id) FROM visits
SELECT avg(CAST(resident_id AS INTEGER)) FROM visits
SELECT count(resident_id) FROM visits
SELECT min(resident_id) FROM visits
SELECT list(resident_id) FROM visits
SELECT substring(resident_id, 1, 6), count(*) FROM visits GROUP BY 1
SELECT count(DISTINCT substring(resident_id, 1, 6)) FROM visits
SELECT CASE WHEN resident_id = '1' THEN 1 END, count(*) FROM visits GROUP BY 1
SELECT resident_id = '1' AS hit, count(*) FROM visits GROUP BY hit
SELECT coalesce(resident_id, 'x'), count(*) FROM visits GROUP BY 1
SELECT upper(resident_id), count(*) FROM visits GROUP BY 1
SELECT trim(resident_id) AS k, count(*) FROM visits GROUP BY k
SELECT reverse(resident_id) AS k, count(*) FROM visits GROUP BY k
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND r.resident_id = '5'
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND r.resident_id LIKE '1301%'
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id < r.resident_id
SELECT count(*) FROM visits v, residents r WHERE v.resident_id = r.resident_id AND r.resident_id < '5'
SELECT count(*) FROM visits v, residents r WHERE v.resident_id = r.resident_id AND v.resident_id > r.gender
SELECT department, count(DISTINCT resident_id) FROM visits GROUP BY department ORDER BY resident_id
WITH a AS (SELECT resident_id AS k, cost FROM visits) SELECT sum(cost) FROM a WHERE k = '5'
WITH a AS (SELECT resident_id = '5' AS hit, cost FROM visits) SELECT sum(cost) FROM a WHERE hit
SELECT count(*) FROM (SELECT resident_id FROM visits WHERE resident_id = '5') t
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital AND v.resident_id = h.district
SELECT gender, count(*) FROM residents GROUP BY gender UNION ALL SELECT resident_id, count(*) FROM residents GROUP BY resident_id
