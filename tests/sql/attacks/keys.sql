SELECT resident_id, count(*) FROM visits GROUP BY resident_id
SELECT resident_id FROM visits
SELECT count(*) FROM visits WHERE resident_id = 'x'
SELECT count(*) FROM visits WHERE resident_id IN ('a', 'b')
SELECT count(*) FROM visits WHERE resident_id > $x
SELECT count(*) FROM visits WHERE resident_id LIKE '1301%'
SELECT count(*) FROM visits WHERE resident_id IS NULL
SELECT count(*) FROM visits WHERE resident_id BETWEEN '1' AND '2'
SELECT sum(resident_id) FROM visits
SELECT avg(CAST(resident_id AS INTEGER)) FROM visits
SELECT count(resident_id) FROM visits
SELECT min(resident_id) FROM visits
SELECT substring(resident_id, 1, 6), count(*) FROM visits GROUP BY 1
SELECT count(DISTINCT substring(resident_id, 1, 6)) FROM visits
SELECT CASE WHEN resident_id = '1' THEN 1 END, count(*) FROM visits GROUP BY 1
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND r.resident_id = '5'
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id < r.resident_id
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id WHERE v.resident_id = r.resident_id
SELECT coalesce(resident_id, 'x'), count(*) FROM visits GROUP BY 1
SELECT upper(resident_id), count(*) FROM visits GROUP BY 1
SELECT count(*) FROM visits WHERE nullif(resident_id, '5') IS NULL
SELECT count(*) FROM visits WHERE CASE resident_id WHEN '5' THEN TRUE ELSE FALSE END
SELECT __unit, count(*) FROM residents GROUP BY 1
SELECT __pid FROM residents
SELECT count(*) FROM residents WHERE __rank < 5
SELECT count(*) FROM residents WHERE "__unit" = 3
SELECT count(*) AS __unit FROM residents
