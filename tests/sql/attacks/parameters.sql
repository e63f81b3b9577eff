SELECT ? , count(*) FROM residents GROUP BY 1
SELECT $1, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE gender = ?
SELECT count(*) FROM residents WHERE gender = $1
SELECT count(*) FROM residents WHERE gender = $missing
SELECT count(*) FROM residents WHERE name = $x
SELECT count(*) FROM residents WHERE name LIKE $x
SELECT count(*) FROM residents WHERE resident_id = $x
SELECT count(*) FROM residents WHERE resident_id IN ($x)
SELECT count(*) FROM residents WHERE resident_id LIKE $x
SELECT count(*) FROM residents WHERE resident_id BETWEEN $x AND $x
SELECT count(*) FROM residents WHERE coalesce(resident_id, $x) = $x
SELECT count(*) FROM residents WHERE income > CAST($x AS INTEGER)
SELECT count(*) FROM residents WHERE street = $x
SELECT count(*) FROM visits WHERE diagnosis_code = $x
SELECT count(*) FROM visits WHERE diagnosis_code LIKE $x
SELECT count(*) FROM visits WHERE hospital = $x
SELECT count(*) FROM visits WHERE hospital IN ($x, '一院')
SELECT CASE WHEN name = $x THEN 1 END AS hit, count(*) FROM residents GROUP BY hit
SELECT CASE hospital WHEN $x THEN 1 END AS hit, count(*) FROM visits GROUP BY hit
SELECT count(*) FILTER (WHERE resident_id = $x) FROM visits
SELECT gender, count(*) FROM residents GROUP BY gender HAVING max(name) = $x
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY name = $x
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = $x
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND r.resident_id = $x
SELECT count(*) FROM visits v JOIN (SELECT $x AS who) t ON v.resident_id = t.who
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits WHERE resident_id = $x GROUP BY resident_id) t
SELECT count(*) FROM $x
SELECT count(*) FROM query_table($x)
SELECT count(*) FROM query($x)
SELECT count(*) FROM read_csv($x)
SELECT $x
SELECT $x.name, count(*) FROM residents GROUP BY 1
SELECT residents.$x, count(*) FROM residents GROUP BY 1
SELECT COLUMNS($x) FROM residents
SELECT date_trunc($x, visit_date) AS d, count(*) FROM visits GROUP BY d
SELECT count(*) FROM residents WHERE regexp_matches(name, $x)
SELECT gender, count(*) FROM residents GROUP BY gender LIMIT $x
SELECT sum($x) FROM residents
SELECT repeat($x, 1000000000) AS r, count(*) FROM residents GROUP BY r
SELECT getvariable($x) AS v, count(*) FROM residents
SELECT count(*) FROM residents WHERE error($x)
