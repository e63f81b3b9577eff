SELECT * FROM residents
SELECT r.* FROM residents r
SELECT r.*, count(*) FROM residents r GROUP BY ALL
FROM residents
FROM visits LIMIT 5
FROM visits v SELECT v
TABLE residents
(TABLE visits)
SELECT * EXCLUDE (gender) FROM residents
SELECT * EXCLUDE (name) FROM residents
SELECT * REPLACE (1 AS gender) FROM residents
SELECT * RENAME (name AS gender) FROM residents
SELECT * LIKE 'n%' FROM residents
SELECT COLUMNS('.*') FROM residents
SELECT COLUMNS('na.*') FROM residents
SELECT COLUMNS(*) FROM residents
SELECT COLUMNS(lambda c: c LIKE 'n%') FROM residents
SELECT concat(*COLUMNS('na.*')) AS c, count(*) FROM residents GROUP BY c
SELECT unpack(COLUMNS(*)) FROM residents
SELECT residents FROM residents
SELECT residents, count(*) FROM residents GROUP BY residents
SELECT r FROM residents r
SELECT to_json(r) FROM residents r
SELECT to_json(r) AS j, count(*) FROM residents r GROUP BY j
SELECT row_to_json(v) FROM visits v
SELECT json_object('a', r) AS j, count(*) FROM residents r GROUP BY j
SELECT row(r) FROM residents r
SELECT struct_pack(a := gender) FROM residents
SELECT unnest(r) FROM residents r
SELECT unnest(v, recursive := true) FROM visits v
SELECT #1 FROM residents
SELECT #2, count(*) FROM residents GROUP BY #2
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY #7
SELECT r.name.upper() FROM residents r
SELECT name.upper(), count(*) FROM residents GROUP BY ALL
SELECT count(r) FROM residents r
SELECT count(DISTINCT r) FROM residents r
SELECT count(*) FROM residents r WHERE r IS NOT NULL
SELECT count(*) FROM residents r WHERE r = r
SELECT count(*) FROM visits v JOIN residents r ON v = r
SELECT (r).name FROM residents r
SELECT r['name'] AS n, count(*) FROM residents r GROUP BY n
SELECT struct_extract(r, 'name') FROM residents r
SELECT struct_extract(r, 'income') AS i, count(*) FROM residents r GROUP BY i
SELECT hash(r) AS h, count(*) FROM residents r GROUP BY h
SELECT r::VARCHAR AS t, count(*) FROM residents r GROUP BY t
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY residents
WITH a AS (SELECT * FROM residents) SELECT * FROM a
WITH a AS (FROM residents) SELECT a FROM a
SELECT count(*) FROM (SELECT *, name FROM residents) t
