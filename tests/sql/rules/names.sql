-- TABLE_NOT_GRANTED: no such table, or not granted
SELECT count(*) FROM secrets

-- COLUMN_NOT_GRANTED: it exists and is not granted
SELECT name, count(*) FROM residents GROUP BY name

-- COLUMN_NOT_GRANTED: it does not exist
SELECT nope, count(*) FROM residents GROUP BY nope

-- TABLE_QUALIFIED: tables have bare names
SELECT count(*) FROM main.residents

-- NAME_RESERVED: columns that supply adds
SELECT count(*) FROM residents WHERE __rank < 10

-- NAME_SHADOWS_TABLE: a CTE may not take the name of a table
WITH visits AS (SELECT gender FROM residents) SELECT count(*) FROM visits

-- NAME_DUPLICATE: interval columns follow each aggregate
SELECT count(*) AS n, sum(balance) AS n_low FROM residents

-- NAME_INVALID: an alias is no message
SELECT count(*) AS "resident 13010119" FROM residents

-- COLUMN_AMBIGUOUS: two tables have it
SELECT count(DISTINCT resident_id) FROM visits v JOIN residents r ON v.resident_id = r.resident_id

-- COLUMN_AMBIGUOUS: two earlier tables have the column of USING
SELECT count(*) FROM residents r JOIN visits v ON v.resident_id = r.resident_id JOIN payments p USING (resident_id)

-- COLUMN_AMBIGUOUS: two earlier tables share it by USING, a third has its own
SELECT count(*) FROM residents r JOIN visits v USING (resident_id) JOIN visits w ON w.hospital = v.hospital JOIN payments p USING (resident_id)

-- COLUMN_AMBIGUOUS: merged in two tables, and a third has its own
SELECT count(DISTINCT resident_id) FROM residents r JOIN visits v USING (resident_id) JOIN visits w ON w.resident_id = v.resident_id

-- CTE_UNUSED: nothing is silently dropped
WITH a AS (SELECT gender FROM residents) SELECT count(*) FROM visits

-- STAR_NOT_ALLOWED: a star shows raw rows
SELECT * FROM residents

-- PARAMETER_MISSING: no value was given
SELECT count(*) FROM residents WHERE gender = $gender

-- SUBQUERY_COLUMNS: a value has one column
SELECT gender, (SELECT count(*), sum(cost) FROM visits) AS x, count(*) FROM residents GROUP BY gender

-- PARAMETER_UNUSED {"x": 1}: nothing is silently dropped
SELECT count(*) FROM residents

-- PARAMETER_INVALID {"1": 1}: parameters have names
SELECT count(*) FROM residents WHERE balance > $1

-- COLUMN_NOT_GRANTED: a subquery does not see the query around it
SELECT gender, (SELECT count(*) FROM visits v WHERE v.resident_id = r.resident_id) AS n, count(*) FROM residents r GROUP BY gender
