SELECT h.hospital, count(*) FROM hospitals h LEFT JOIN visits v ON h.hospital = v.hospital GROUP BY h.hospital
SELECT h.hospital, count(v.visit_date) FROM hospitals h LEFT JOIN visits v ON h.hospital = v.hospital GROUP BY h.hospital
SELECT h.tier, avg(v.cost) FROM hospitals h LEFT OUTER JOIN visits v ON v.hospital = h.hospital GROUP BY h.tier
SELECT h.district, count(*) FROM hospitals h LEFT JOIN visits v ON h.hospital = v.hospital LEFT JOIN residents r ON v.resident_id = r.resident_id GROUP BY h.district
SELECT h.hospital, count(*) FROM visits v RIGHT JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.hospital
SELECT h.district, sum(v.cost) FROM visits v RIGHT OUTER JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.district
SELECT count(*) FROM residents r FULL JOIN visits v ON r.resident_id = v.resident_id
SELECT r.gender, v.department, count(*) FROM residents r FULL OUTER JOIN visits v USING (resident_id) GROUP BY ALL
SELECT h.hospital, count(*) FROM visits v FULL JOIN hospitals h ON v.hospital = h.hospital GROUP BY h.hospital
SELECT count(*) FROM residents r LEFT JOIN visits v ON TRUE
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.gender = v.department
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id <> v.resident_id
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id OR v.department = '儿科'
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id WHERE v.resident_id IS NULL
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id WHERE coalesce(v.resident_id, 'x') = 'x'
SELECT count(*) FROM residents r LEFT ANTI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r LEFT SEMI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r NATURAL LEFT JOIN visits v
SELECT r.gender, count(*) FROM residents r LEFT JOIN residents s ON r.district = s.district AND r.resident_id <> s.resident_id GROUP BY r.gender
SELECT count(*) FROM visits v LEFT JOIN visits w ON v.hospital = w.hospital AND v.visit_date = w.visit_date
SELECT v.department, count(*) FROM visits v LEFT JOIN hospitals h ON v.department = h.district GROUP BY v.department
SELECT k.a, count(v.visit_date) FROM (VALUES ('130101'), ('130102')) k(a) LEFT JOIN visits v ON k.a = v.resident_id GROUP BY k.a
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT a.department, count(v.cost) FROM a LEFT JOIN visits v ON a.department = v.department GROUP BY a.department
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT v.department, sum(a.n) FROM visits v LEFT JOIN a ON a.department = v.department GROUP BY v.department
