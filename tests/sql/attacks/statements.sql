DROP TABLE residents
DELETE FROM residents
UPDATE residents SET gender = 'F'
INSERT INTO residents SELECT * FROM residents
CREATE TABLE x AS SELECT * FROM residents
CREATE MACRO sum(a) AS 1
CREATE TEMP VIEW residents AS SELECT 1
COPY residents TO 'x.csv'
COPY (SELECT * FROM residents) TO '/dev/stdout'
EXPORT DATABASE 'x'
ATTACH 'x.db'
DETACH x
INSTALL httpfs
LOAD httpfs
PRAGMA database_list
PRAGMA x(nextval('s'))
SET threads = 1
RESET threads
CALL pragma_version()
EXPLAIN SELECT count(*) FROM residents
EXPLAIN ANALYZE SELECT count(*) FROM residents
DESCRIBE residents
SUMMARIZE residents
SHOW TABLES
VALUES (1)
PREPARE p AS SELECT 1
EXECUTE p
CHECKPOINT
VACUUM
BEGIN
SELECT count(*) FROM residents; DROP TABLE residents
SELECT count(*) FROM residents; SELECT 1
SELECT gender INTO x FROM residents
SELECT count(*) FROM residents FOR UPDATE
PIVOT residents ON gender
UNPIVOT residents ON gender
USE x
;
-- nothing
