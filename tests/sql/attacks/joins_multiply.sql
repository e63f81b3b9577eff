SELECT count(*) FROM residents, visits
SELECT count(*) FROM residents CROSS JOIN visits
SELECT count(*) FROM residents NATURAL JOIN visits
SELECT count(*) FROM residents r JOIN visits v ON TRUE
SELECT count(*) FROM residents r JOIN visits v ON 1 = 1
SELECT count(*) FROM residents r JOIN visits v ON r.gender = v.department
SELECT count(*) FROM residents r JOIN visits v ON r.gender = 'F'
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id OR TRUE
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id OR r.gender = 'F'
SELECT count(*) FROM residents r JOIN visits v ON NOT (r.resident_id = v.resident_id)
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id <> v.resident_id
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id >= v.resident_id AND r.gender = 'F'
SELECT count(*) FROM residents r JOIN visits v ON upper(r.resident_id) = upper(v.resident_id)
SELECT count(*) FROM residents r JOIN visits v ON left(r.resident_id, 6) = left(v.resident_id, 6)
SELECT count(*) FROM residents r JOIN visits v ON CAST(r.resident_id AS BIGINT) = CAST(v.resident_id AS BIGINT)
SELECT count(*) FROM residents r JOIN visits v ON CASE WHEN r.resident_id = v.resident_id THEN TRUE ELSE r.gender = 'F' END
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id IN (v.resident_id, '130101')
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id BETWEEN v.resident_id AND v.resident_id
SELECT count(*) FROM residents r, visits v WHERE r.resident_id = v.resident_id OR v.department = '儿科'
SELECT count(*) FROM residents r, visits v WHERE NOT r.resident_id <> v.resident_id
SELECT count(*) FROM residents r, visits v WHERE r.district = '长安区' AND v.department = '内科'
SELECT count(*) FROM residents r, visits v, hospitals h WHERE v.hospital = h.hospital
SELECT count(*) FROM residents r, visits v, hospitals h WHERE r.resident_id = v.resident_id AND h.tier IS NOT NULL
SELECT count(*) FROM residents r, visits v, hospitals h WHERE r.district = h.district AND v.hospital = h.hospital
SELECT count(*) FROM residents r SEMI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r ANTI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r POSITIONAL JOIN visits v
SELECT count(*) FROM residents r ASOF JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM visits a ASOF JOIN visits b ON a.hospital = b.hospital AND a.visit_date >= b.visit_date
SELECT count(*) FROM residents a JOIN residents b ON a.resident_id = b.resident_id
SELECT gender, count(*) FROM residents r JOIN residents s ON r.resident_id = s.resident_id GROUP BY gender
SELECT count(*) FROM residents a JOIN residents b ON a.district = b.district
SELECT count(*) FROM residents a JOIN residents b ON a.birth_date = b.birth_date AND a.gender = b.gender
SELECT count(*) FROM residents a JOIN residents b ON a.income = b.income
SELECT count(*) FROM residents a, residents b WHERE a.district = b.district AND a.resident_id <> b.resident_id
SELECT count(*) FROM visits v JOIN visits w ON v.hospital = w.hospital
SELECT count(*) FROM visits v JOIN visits w ON v.hospital = w.hospital AND v.visit_date = w.visit_date
SELECT avg(w.cost) FROM visits v JOIN visits w ON v.diagnosis_code = w.diagnosis_code
SELECT count(*) FROM visits v, visits w WHERE v.hospital = w.hospital AND v.visit_date = w.visit_date
SELECT count(*) FROM payments p JOIN visits v ON p.paid_on = v.visit_date
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.district
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital <> h.hospital
SELECT count(*) FROM residents r JOIN hospitals h ON r.district = h.district
SELECT h.hospital, count(*) FROM residents r JOIN hospitals h USING (district) GROUP BY h.hospital
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital JOIN visits w ON w.hospital = h.hospital
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital JOIN residents r ON r.district = h.district
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id JOIN visits w ON v.hospital = w.hospital
SELECT r.gender, avg(v.cost) FROM residents r JOIN visits v ON v.department = '内科' GROUP BY r.gender
SELECT count(*) FROM (SELECT hospital FROM visits) a JOIN (SELECT hospital FROM visits) b ON a.hospital = b.hospital
WITH a AS (SELECT resident_id, hospital FROM visits) SELECT count(*) FROM a x JOIN a y ON x.hospital = y.hospital
