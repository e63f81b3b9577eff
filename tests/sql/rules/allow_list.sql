-- FUNCTION_NOT_ALLOWED: unknown functions are refused by name
SELECT count(*) FROM residents WHERE sleep_ms(5) IS NULL

-- FUNCTION_NOT_ALLOWED: texts may not grow
SELECT repeat(gender, 9), count(*) FROM residents GROUP BY 1

-- CONSTRUCT_NOT_ALLOWED: a clause that is not listed
SELECT count(*) FROM residents TABLESAMPLE 10%

-- PROTECTION_UNAVAILABLE: a largest value is somebody's value
SELECT max(income) FROM residents

-- PROTECTION_UNAVAILABLE: a sketch of a quantile is no quantile over public bins
SELECT approx_quantile(income, 0.5) FROM residents

-- PROTECTION_UNAVAILABLE: in a sum of distinct values one unit decides for all who have the same
SELECT sum(DISTINCT cost) FROM visits

-- PROTECTION_UNAVAILABLE: a key with decimals has as many groups as values
SELECT year(birth_date) / 10 AS decade, count(*) FROM residents GROUP BY decade

-- FUNCTION_NOT_ALLOWED: also over released values
SELECT hash(count(*)) FROM residents

-- CONSTRUCT_NOT_ALLOWED: a clause of an aggregate that is not listed
SELECT sum(cost ORDER BY visit_date) FROM visits

-- ALLOWED: over released values each aggregate may be asked
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT max(n), median(n) FROM a
