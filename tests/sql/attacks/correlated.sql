SELECT count(*) FROM residents r WHERE EXISTS (SELECT 1 FROM visits v WHERE v.resident_id = r.resident_id)
SELECT count(*) FROM residents r WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.resident_id = r.resident_id AND v.department = '外科')
SELECT count(*) FROM residents r WHERE r.resident_id IN (SELECT v.resident_id FROM visits v WHERE v.department = r.gender)
SELECT count(*) FROM residents r WHERE (SELECT count(*) FROM visits v WHERE v.resident_id = r.resident_id) > 3
SELECT count(*) FROM residents r WHERE r.balance > (SELECT avg(s.balance) FROM residents s WHERE s.district = r.district)
SELECT count(*) FROM residents r WHERE r.balance >= ALL (SELECT s.balance FROM residents s WHERE s.gender = r.gender)
SELECT avg((SELECT count(*) FROM visits v WHERE v.resident_id = r.resident_id)) FROM residents r
SELECT sum((SELECT sum(v.cost) FROM visits v WHERE v.resident_id = r.resident_id)) FROM residents r
SELECT (SELECT count(*) FROM visits v WHERE v.resident_id = r.resident_id) AS n, count(*) FROM residents r GROUP BY n
SELECT r.gender, (SELECT count(*) FROM residents s WHERE s.gender = r.gender) AS n, count(*) FROM residents r GROUP BY r.gender
SELECT r.gender, count(*) FROM residents r GROUP BY r.gender HAVING count(*) > (SELECT count(*) FROM visits v WHERE v.department = r.gender)
SELECT r.gender, count(*) FROM residents r GROUP BY r.gender ORDER BY (SELECT count(*) FROM residents s WHERE s.gender = r.gender)
SELECT r.district, (SELECT max(s.income) FROM residents s WHERE s.district = r.district) AS m FROM residents r GROUP BY r.district
SELECT count(*) FROM visits v WHERE v.visit_date = (SELECT max(w.visit_date) FROM visits w WHERE w.resident_id = v.resident_id)
SELECT count(*) FROM visits v WHERE v.cost > (SELECT r.income FROM residents r WHERE r.resident_id = v.resident_id)
SELECT department, count(*) FROM visits v WHERE 1 = (SELECT count(*) FROM visits w WHERE w.department = v.department) GROUP BY department
