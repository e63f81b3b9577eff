-- COLUMN_NOT_RELEASABLE: a measure lives only inside an aggregate
SELECT income, count(*) FROM residents GROUP BY income

-- COLUMN_NOT_RELEASABLE: an expression takes the class of what entered it
SELECT CASE WHEN gender = 'F' THEN income END, count(*) FROM residents GROUP BY 1

-- COLUMN_NOT_RELEASABLE: also through a CTE
WITH a AS (SELECT income + 1 AS gender FROM residents) SELECT gender, count(*) FROM a GROUP BY gender

-- COLUMN_NOT_COMPARABLE: comparison is a use of its own
SELECT count(*) FROM residents WHERE income > 100000

-- COLUMN_NOT_COMPARABLE: inside CASE as well
SELECT sum(CASE WHEN cost > 5 THEN 1 ELSE 0 END) FROM visits

-- KEY_MISUSED: a key is never compared with a literal
SELECT count(*) FROM residents WHERE resident_id = '130101'

-- KEY_MISUSED: nor shown
SELECT resident_id, count(*) FROM visits GROUP BY resident_id

-- KEY_MISUSED: nor counted as a column
SELECT count(resident_id) FROM visits

-- AGGREGATE_NOT_GRANTED: functions are granted per column
SELECT avg(LEAST(GREATEST(days, 0), 9)) FROM visits

-- AGGREGATE_MISPLACED: no aggregate over private rows enters a predicate over private rows
SELECT count(*) FROM residents WHERE count(*) > 5

-- NOT_GROUPED: neither key nor aggregate
SELECT gender, count(*) FROM residents

-- NO_AGGREGATE: no raw rows, also of grouped columns
SELECT gender FROM residents GROUP BY gender

-- ORDER_NOT_OUTPUT: what is not shown may not order
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY sum(income)

-- ALLOWED: a comparison of a granted measure is a dimension
SELECT balance > 1000 AS rich, count(*) FROM residents GROUP BY rich
