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

-- ALLOWED: a comparison of a granted measure is a dimension
SELECT balance > 1000 AS rich, count(*) FROM residents GROUP BY rich

-- AGGREGATE_REENTERS: one resident could move the average and with it every row's answer
SELECT count(*) FROM residents WHERE balance >= (SELECT avg(balance) FROM residents)

-- AGGREGATE_REENTERS: nor by a join
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender) SELECT count(*) FROM residents r JOIN a ON r.gender = a.gender

-- AGGREGATE_REENTERS: nor inside a query per unit
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) > (SELECT count(*) FROM payments)) t

-- ALLOWED: released values may meet released values
SELECT gender, count(*) * 100.0 / (SELECT count(*) FROM residents) AS share FROM residents GROUP BY gender

-- ROWS_CHOSEN: which rows come first depends on other rows
SELECT count(*) FROM (SELECT income FROM residents ORDER BY income LIMIT 5) t

-- ROWS_CHOSEN: a number in an order tells of the others
SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY balance) AS k FROM residents) t WHERE k = 7

-- ROWS_CHOSEN: distinct rows are as many as there are
SELECT count(*) FROM (SELECT DISTINCT street FROM residents) t

-- SET_OF_ROWS: rows of two tables would belong to units in two ways
SELECT sum(x) FROM (SELECT cost AS x FROM visits UNION ALL SELECT amount FROM payments) t

-- WINDOW_WITHOUT_ORDER: a rank in no order is none
SELECT gender, rank() OVER () FROM residents GROUP BY gender

-- ORDER_NOT_OUTPUT: a set operation is ordered by its columns
SELECT count(*) AS n FROM residents UNION ALL SELECT count(*) FROM visits ORDER BY gender

-- COLUMN_NOT_RELEASABLE: what one unit adds up to is a measure again
SELECT n, count(*) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t GROUP BY n

-- COLUMN_NOT_COMPARABLE: also after it was added up per unit
SELECT count(*) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id HAVING sum(cost) > 100) t

-- AGGREGATE_NOT_GRANTED: also within one unit
SELECT avg(m) FROM (SELECT resident_id, max(cost) AS m FROM visits GROUP BY resident_id) t

-- KEY_MISUSED: a query per unit does not release its key
SELECT resident_id, n FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t

-- COLUMN_NOT_RELEASABLE: a window over private rows shows a row
SELECT lag(income) OVER (ORDER BY gender), count(*) FROM residents GROUP BY gender

-- ALLOWED: a sum per unit is bounded by a unit's rows
SELECT avg(s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t

-- SUBQUERY_OVER_ROWS: which rows count is decided row by row
SELECT count(*) FROM residents WHERE gender IN (SELECT gender FROM residents)

-- SUBQUERY_OVER_ROWS: the same is a join with a query per unit
SELECT count(*) FROM residents r WHERE EXISTS (SELECT 1 FROM visits v WHERE v.resident_id = r.resident_id)

-- ALLOWED: that join
SELECT count(*) FROM residents r JOIN (SELECT resident_id FROM visits WHERE department = '内科' GROUP BY resident_id) v ON v.resident_id = r.resident_id

-- WINDOW_MISPLACED: a window is computed after HAVING
SELECT gender, count(*) FROM residents GROUP BY gender HAVING row_number() OVER (ORDER BY count(*)) = 1

-- WINDOW_MISPLACED: and not within an aggregate
SELECT sum(row_number() OVER ()) FROM (SELECT gender, count(*) AS n FROM residents GROUP BY gender) t

-- SUBQUERY_OVER_ROWS: also inside an aggregate
SELECT sum(CASE WHEN gender NOT IN (SELECT gender FROM (SELECT gender, count(*) AS n FROM residents GROUP BY gender) q) THEN 1 ELSE 0 END) FROM residents
