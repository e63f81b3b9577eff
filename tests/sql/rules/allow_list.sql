-- FUNCTION_NOT_ALLOWED: unknown functions are refused by name
SELECT count(*) FROM residents WHERE sleep_ms(5) IS NULL

-- FUNCTION_NOT_ALLOWED: texts may not grow
SELECT repeat(gender, 9), count(*) FROM residents GROUP BY 1

-- CONSTRUCT_NOT_ALLOWED: a clause that is not listed
SELECT count(*) FROM residents TABLESAMPLE 10%

-- PROTECTION_UNAVAILABLE: HAVING has no place after protection yet
SELECT gender, count(*) FROM residents GROUP BY gender HAVING count(*) > 5

-- PROTECTION_UNAVAILABLE: windows
SELECT gender, rank() OVER (ORDER BY count(*)) FROM residents GROUP BY gender

-- PROTECTION_UNAVAILABLE: totals have bounds of their own
SELECT gender, count(*) FROM residents GROUP BY ROLLUP (gender)

-- PROTECTION_UNAVAILABLE: set operations
SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM visits

-- PROTECTION_UNAVAILABLE: outer joins
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id

-- PROTECTION_UNAVAILABLE: FILTER
SELECT count(*) FILTER (WHERE insured) FROM residents

-- PROTECTION_UNAVAILABLE: an aggregate inside
SELECT sum(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t

-- PROTECTION_UNAVAILABLE: a ratio of released values
SELECT sum(cost) / count(*) FROM visits
