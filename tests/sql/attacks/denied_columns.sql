SELECT name FROM residents
SELECT r.name, count(*) FROM residents r GROUP BY 1
SELECT count(*) FROM residents WHERE name = '张三'
SELECT count(name) FROM residents
SELECT "NAME" FROM residents
SELECT note FROM residents
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY name
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id AND r.name = 'x'
SELECT CASE WHEN name = 'x' THEN 1 ELSE 0 END, count(*) FROM residents GROUP BY 1
WITH a AS (SELECT name AS gender FROM residents) SELECT gender, count(*) FROM a GROUP BY gender
