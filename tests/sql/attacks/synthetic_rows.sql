SELECT count(*) FROM (VALUES (1), (2)) t(a)
SELECT count(*) FROM unnest([1, 2, 3])
SELECT i, count(*) FROM residents, range(100) t(i) GROUP BY i
SELECT i, count(*) FROM residents CROSS JOIN generate_series(1, 100) t(i) GROUP BY i
SELECT i, avg(income) FROM residents JOIN range(100) t(i) ON TRUE GROUP BY i
SELECT t.a, count(*) FROM residents, (VALUES (1), (2), (3)) t(a) GROUP BY t.a
SELECT t.a, count(*) FROM visits CROSS JOIN (VALUES (1), (2)) t(a) GROUP BY t.a
SELECT t.a, count(*) FROM visits v JOIN (VALUES ('内科'), ('外科')) t(a) ON v.department = t.a GROUP BY t.a
SELECT t.a, count(*) FROM visits v JOIN (VALUES ('130101'), ('130102')) t(a) ON v.resident_id = t.a GROUP BY t.a
SELECT t.a, count(*) FROM residents r JOIN (SELECT '张三' AS a) t ON r.name = t.a GROUP BY t.a
SELECT t.i, count(*) FROM residents, (SELECT 1 AS i UNION ALL SELECT 2) t GROUP BY t.i
SELECT t.i, count(*) FROM residents, (SELECT unnest([1, 2, 3]) AS i) t GROUP BY t.i
SELECT unnest([1, 2, 3]) AS i, count(*) FROM residents GROUP BY i
SELECT unnest(range(100)) AS i, gender, count(*) FROM residents GROUP BY ALL
SELECT generate_subscripts([1, 2, 3], 1) AS i, count(*) FROM residents GROUP BY i
SELECT count(*) FROM residents GROUP BY range(100)
SELECT count(*) FROM residents r, unnest([r.gender, r.district]) t(x)
SELECT x, count(*) FROM residents r, unnest(string_split(r.street, '路')) t(x) GROUP BY x
SELECT count(*) FROM repeat_row(1, num_rows = 1000), residents
WITH k AS (SELECT 1 AS i) SELECT i, count(*) FROM residents, k GROUP BY i
WITH k(i) AS (VALUES (1), (2)) SELECT i, count(*) FROM residents CROSS JOIN k GROUP BY i
WITH k AS (FROM range(50) t(i)) SELECT k.i, count(*) FROM k, residents GROUP BY k.i
WITH k AS (SELECT '130101' AS who) SELECT count(*) FROM visits v JOIN k ON v.resident_id = k.who
WITH RECURSIVE k AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM k WHERE i < 50) SELECT k.i, count(*) FROM residents, k GROUP BY k.i
SELECT h.hospital, count(*) FROM residents r, hospitals h GROUP BY h.hospital
SELECT h.hospital, sum(v.cost) FROM visits v CROSS JOIN hospitals h GROUP BY h.hospital
SELECT h.hospital, count(*) FROM visits v JOIN hospitals h ON h.tier IS NOT NULL GROUP BY h.hospital
SELECT h.hospital, count(*) FROM residents r JOIN hospitals h ON r.gender = 'F' GROUP BY h.hospital
WITH k AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT k.department, count(*) FROM residents r CROSS JOIN k GROUP BY k.department
WITH k AS (SELECT visit_date, count(*) AS n FROM visits GROUP BY visit_date) SELECT k.visit_date, avg(r.income) FROM residents r, k GROUP BY k.visit_date
