SELECT count(*) AS n FROM residents WHERE FALSE
SELECT count(*) AS n FROM residents WHERE NULL
SELECT count(*) AS n FROM residents WHERE gender = '130101199001011234'
SELECT district, count(*) AS n FROM residents WHERE gender = 'x' GROUP BY district
SELECT department, count(*) AS n FROM visits WHERE department = 'no such department' GROUP BY department
SELECT count(*) AS n FROM visits WHERE visit_date = '1999-01-01'
SELECT diagnosis_code, count(*) AS n FROM visits WHERE visit_date = '2024-05-01' AND department = '儿科' GROUP BY diagnosis_code
SELECT r.gender, count(v.cost) AS n FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id AND v.department = '儿科' GROUP BY r.gender
SELECT gender, count(*) AS n FROM residents GROUP BY gender INTERSECT SELECT gender, count(*) FROM residents GROUP BY gender
SELECT count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id JOIN hospitals h ON v.hospital = h.hospital WHERE r.district = h.district AND year(r.birth_date) = 1950
