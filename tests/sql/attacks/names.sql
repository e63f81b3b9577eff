SELECT count(*) FROM secret
SELECT count(*) FROM main.residents
SELECT count(*) FROM a.b.residents
SELECT count(*) FROM "residents.parquet"
WITH residents AS (SELECT 1 AS a) SELECT count(*) FROM residents
WITH a AS (SELECT gender FROM residents) SELECT count(*) FROM residents
SELECT count(*) FROM visits residents
SELECT count(*) AS "a b" FROM residents
SELECT count(*) AS "x; DROP TABLE y" FROM residents
SELECT gender AS x, count(*) AS x FROM residents GROUP BY 1
SELECT gender AS n_low, count(*) AS n FROM residents GROUP BY 1
SELECT gender, count(*) FROM residents r JOIN residents s ON r.resident_id = s.resident_id GROUP BY gender
SELECT district, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id JOIN hospitals h ON v.hospital = h.hospital GROUP BY district
SELECT count(*) FROM residents t(a, b)
SELECT count(*) AS аgе FROM residents
SELECT count(*) AS ｎ FROM residents
SELECT count（*） FROM residents
SELECT ? , count(*) FROM residents GROUP BY 1
SELECT $1, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE gender = $missing
SELECT count(*) FROM residents WHERE balance > 0x10
SELECT count(*) FROM residents WHERE balance > 1e3
SELECT count(*) FROM residents WHERE gender = x'41'
SELECT count(*) FROM residents WHERE gender = 'a' 'b'
SELECT count(*) FROM residents WHERE gender = E'\x41'
SELECT count(*) FROM `residents`
