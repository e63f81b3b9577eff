SELECT * FROM residents
SELECT r.* FROM residents r
FROM residents
TABLE residents
SELECT * EXCLUDE (gender) FROM residents
SELECT * REPLACE (1 AS gender) FROM residents
SELECT COLUMNS('.*') FROM residents
SELECT COLUMNS(*) FROM residents
SELECT residents FROM residents
SELECT r FROM residents r
SELECT to_json(r) FROM residents r
SELECT row(r) FROM residents r
SELECT struct_pack(a := gender) FROM residents
SELECT unnest(r) FROM residents r
SELECT #1 FROM residents
SELECT r.name.upper() FROM residents r
SELECT count(r) FROM residents r
SELECT (r).name FROM residents r
SELECT struct_extract(r, 'name') FROM residents r
