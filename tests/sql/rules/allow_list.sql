-- FUNCTION_NOT_ALLOWED: unknown functions are refused by name
SELECT count(*) FROM residents WHERE sleep_ms(5) IS NULL

-- FUNCTION_NOT_ALLOWED: texts may not grow
SELECT repeat(gender, 9), count(*) FROM residents GROUP BY 1

-- CONSTRUCT_NOT_ALLOWED: a clause that is not listed
SELECT count(*) FROM residents TABLESAMPLE 10%

-- PROTECTION_UNAVAILABLE: a largest value is somebody's value
SELECT max(income) FROM residents

-- PROTECTION_UNAVAILABLE: a quantile needs a mechanism of its own
SELECT median(income) FROM residents

-- PROTECTION_UNAVAILABLE: distinct values of a column need a cap of their own
SELECT count(DISTINCT diagnosis_code) FROM visits

-- PROTECTION_UNAVAILABLE: so do sums of distinct values
SELECT sum(DISTINCT cost) FROM visits

-- PROTECTION_UNAVAILABLE: a key with decimals has as many groups as values
SELECT year(birth_date) / 10 AS decade, count(*) FROM residents GROUP BY decade

-- FUNCTION_NOT_ALLOWED: also over released values
SELECT hash(count(*)) FROM residents

-- CONSTRUCT_NOT_ALLOWED: a clause of an aggregate that is not listed
SELECT sum(cost ORDER BY visit_date) FROM visits

-- ALLOWED: over released values each aggregate may be asked
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT max(n), median(n) FROM a
