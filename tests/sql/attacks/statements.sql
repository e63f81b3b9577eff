DROP TABLE residents
DROP SCHEMA main CASCADE
DELETE FROM residents
DELETE FROM visits WHERE resident_id IN (SELECT resident_id FROM residents)
TRUNCATE visits
UPDATE residents SET gender = 'F'
UPDATE residents SET income = 0 RETURNING *
INSERT INTO residents SELECT * FROM residents
INSERT INTO visits (resident_id) VALUES ('1') RETURNING *
MERGE INTO residents USING visits ON residents.resident_id = visits.resident_id WHEN MATCHED THEN DELETE
ALTER TABLE residents RENAME TO people
ALTER TABLE residents ADD COLUMN x INTEGER
COMMENT ON TABLE residents IS 'x'
CREATE TABLE x AS SELECT * FROM residents
CREATE OR REPLACE TABLE residents AS SELECT 1
CREATE TEMP VIEW residents AS SELECT 1
CREATE VIEW v AS SELECT name FROM residents
CREATE INDEX i ON residents (income)
CREATE SEQUENCE s
CREATE TYPE t AS ENUM ('a')
CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')
COPY residents TO 'x.csv'
COPY (SELECT * FROM residents) TO '/dev/stdout'
COPY residents FROM 'x.csv'
EXPORT DATABASE 'x'
IMPORT DATABASE 'x'
ATTACH 'x.db'
ATTACH ':memory:' AS m
DETACH x
INSTALL httpfs
LOAD httpfs
FORCE INSTALL spatial FROM 'http://example.org'
UPDATE EXTENSIONS
EXPLAIN SELECT count(*) FROM residents
EXPLAIN ANALYZE SELECT count(*) FROM residents
EXPLAIN (FORMAT json) SELECT income FROM residents
DESCRIBE residents
DESCRIBE SELECT name FROM residents
SUMMARIZE residents
SUMMARIZE SELECT income FROM residents
SHOW TABLES
SHOW ALL TABLES
VALUES (1)
CHECKPOINT
VACUUM
ANALYZE
BEGIN
COMMIT
ROLLBACK
SELECT count(*) FROM residents; DROP TABLE residents
SELECT count(*) FROM residents; SELECT 1
SELECT count(*) FROM residents; SELECT name FROM residents;
SELECT gender INTO x FROM residents
SELECT count(*) INTO OUTFILE '/tmp/x' FROM residents
SELECT count(*) FROM residents FOR UPDATE
SELECT count(*) FROM (DELETE FROM residents RETURNING *) t
WITH d AS (DELETE FROM residents RETURNING gender) SELECT gender, count(*) FROM d GROUP BY gender
WITH d AS (INSERT INTO visits SELECT * FROM visits RETURNING *) SELECT count(*) FROM d
PIVOT residents ON gender
PIVOT visits ON department USING sum(cost) GROUP BY hospital
UNPIVOT residents ON gender
UNPIVOT visits ON cost INTO NAME k VALUE v
GRANT SELECT ON residents TO public
KILL 1
;
-- nothing
