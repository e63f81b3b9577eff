SELECT gender FROM residents UNION SELECT name FROM residents
SELECT gender FROM residents UNION ALL SELECT department FROM visits
SELECT gender FROM residents EXCEPT SELECT gender FROM residents
SELECT gender FROM residents INTERSECT SELECT department FROM visits
SELECT resident_id FROM residents EXCEPT SELECT resident_id FROM visits
SELECT resident_id FROM residents INTERSECT ALL SELECT resident_id FROM visits
SELECT count(*) FROM residents UNION ALL SELECT income FROM residents
SELECT gender, count(*) FROM residents GROUP BY gender UNION ALL SELECT gender, income FROM residents
SELECT gender, count(*) FROM residents GROUP BY gender UNION BY NAME SELECT name AS gender FROM residents
SELECT department, count(*) FROM visits GROUP BY department INTERSECT SELECT department, cost FROM visits
SELECT department, count(*) FROM visits GROUP BY department EXCEPT SELECT diagnosis_code, 1 FROM visits
SELECT count(*) FROM residents UNION ALL SELECT max(income) FROM residents
SELECT count(*) FROM residents UNION ALL (SELECT cost FROM visits ORDER BY cost DESC LIMIT 1)
SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM read_csv('x.csv')
SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM duckdb_tables()
SELECT count(*) FROM residents UNION ALL FROM residents
SELECT count(*) FROM residents UNION ALL SELECT resident_id FROM visits GROUP BY resident_id
SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM residents WHERE income > 100000
SELECT count(*) FROM (SELECT gender FROM residents UNION ALL SELECT department FROM visits) t
SELECT count(*) FROM (SELECT resident_id FROM residents UNION SELECT resident_id FROM visits) t
SELECT count(*) FROM (SELECT resident_id FROM residents EXCEPT SELECT resident_id FROM visits WHERE department = '内科') t
SELECT g, count(*) FROM (SELECT gender AS g FROM residents UNION ALL SELECT gender FROM residents) t GROUP BY g
SELECT g, count(*) FROM (SELECT gender AS g FROM residents UNION ALL SELECT name FROM residents) t GROUP BY g
SELECT sum(x) FROM (SELECT income AS x FROM residents UNION ALL SELECT cost FROM visits) t
SELECT sum(x) FROM (SELECT count(*) AS x FROM residents UNION ALL SELECT income FROM residents) t
WITH a AS (SELECT resident_id FROM residents INTERSECT SELECT resident_id FROM visits) SELECT count(*) FROM a
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender UNION ALL SELECT name, 1 FROM residents) SELECT gender, n FROM a
