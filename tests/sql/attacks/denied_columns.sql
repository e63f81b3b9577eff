SELECT name FROM residents
SELECT r.name, count(*) FROM residents r GROUP BY 1
SELECT "NAME" FROM residents
SELECT note FROM residents
SELECT count(name) FROM residents
SELECT count(DISTINCT name) FROM residents
SELECT sum(length(name)) FROM residents
SELECT avg(CASE WHEN name LIKE '张%' THEN income END) FROM residents
SELECT count(*) FROM residents WHERE name = '张三'
SELECT count(*) FROM residents WHERE name <> '张三'
SELECT count(*) FROM residents WHERE name IS NULL
SELECT count(*) FROM residents WHERE name LIKE '张%'
SELECT count(*) FROM residents WHERE name IN ('张三', '李四')
SELECT count(*) FROM residents WHERE name BETWEEN '张' AND '张龙'
SELECT count(*) FROM residents WHERE gender = 'F' AND NOT (name = '张三')
SELECT count(*) FROM residents WHERE gender = name
SELECT count(*) FROM residents WHERE coalesce(name, 'x') = '张三'
SELECT count(*) FROM residents WHERE '张三' = name OR TRUE
SELECT count(*) FROM residents WHERE FALSE AND name = '张三'
SELECT count(*) FROM residents WHERE length(note) > 100
SELECT count(*) FROM residents WHERE contains(note, '肿瘤')
SELECT count(*) FILTER (WHERE name = '张三') FROM residents
SELECT sum(income) FILTER (WHERE name LIKE '张%') AS s FROM residents
SELECT CASE WHEN name = 'x' THEN 1 ELSE 0 END, count(*) FROM residents GROUP BY 1
SELECT name = '张三' AS hit, count(*) FROM residents GROUP BY hit
SELECT if(name = '张三', gender, 'x') AS g, count(*) FROM residents GROUP BY g
SELECT gender, count(*) FROM residents GROUP BY gender, name
SELECT gender, count(*) FROM residents GROUP BY ROLLUP (gender, name)
SELECT gender, count(*) FROM residents GROUP BY gender HAVING name = '张三'
SELECT gender, count(*) FROM residents GROUP BY gender HAVING count(name) > 1
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY name
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY count(name)
SELECT gender, count(*), rank() OVER (ORDER BY count(name)) FROM residents GROUP BY gender
SELECT gender, count(*) FROM residents GROUP BY gender QUALIFY row_number() OVER (ORDER BY name) = 1
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id AND r.name = 'x'
SELECT count(*) FROM residents r JOIN visits v ON r.name = v.department
SELECT count(*) FROM residents r JOIN visits v USING (resident_id, name)
SELECT count(*) FROM residents r, visits v WHERE r.resident_id = v.resident_id AND r.name = '张三'
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id AND r.name = '张三'
SELECT count(*) FROM (SELECT resident_id FROM residents WHERE name = '张三') t
SELECT count(*) FROM (SELECT name FROM residents) t
SELECT t.n, count(*) FROM (SELECT name AS n FROM residents) t GROUP BY t.n
WITH a AS (SELECT name AS gender FROM residents) SELECT gender, count(*) FROM a GROUP BY gender
WITH a AS (SELECT gender FROM residents WHERE name = '张三') SELECT count(*) FROM a
WITH a AS (SELECT gender, count(*) AS n FROM residents WHERE name = '张三' GROUP BY gender) SELECT gender, n FROM a
SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM residents WHERE name = '张三'
SELECT gender, (SELECT count(*) FROM residents WHERE name = '张三') AS n, count(*) AS m FROM residents GROUP BY gender
SELECT avg(n) FROM (SELECT resident_id, count(name) AS n FROM residents GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT r.resident_id, count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id WHERE r.name = '张三' GROUP BY r.resident_id) t
SELECT visit_id, count(*) FROM visits GROUP BY visit_id
SELECT count(*) FROM visits WHERE visit_id = 1000
SELECT sum(visit_id) FROM visits
