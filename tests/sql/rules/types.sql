-- TYPE_MISMATCH: text and number
SELECT count(*) FROM residents WHERE gender = 5

-- TYPE_MISMATCH: no sum of texts
SELECT sum(CASE WHEN insured THEN 'a' ELSE 'b' END) FROM residents

-- LITERAL_INVALID: no such day
SELECT count(*) FROM visits WHERE visit_date > '2024-02-31'

-- LITERAL_INVALID: exponents are no exact decimals
SELECT count(*) FROM residents WHERE balance > 1e3

-- ARGUMENT_NOT_LITERAL: a pattern must be public
SELECT count(*) FROM residents WHERE gender LIKE gender

-- ARGUMENT_NOT_LITERAL: a negative start means different things to different engines
SELECT substring(street, -1, 2), count(*) FROM residents GROUP BY 1

-- PART_FINER_THAN_GRANTED: years only
SELECT date_trunc('month', birth_date), count(*) FROM residents GROUP BY 1

-- PART_FINER_THAN_GRANTED: months only
SELECT day(visit_date), count(*) FROM visits GROUP BY 1

-- SET_MISMATCH: two columns and one
SELECT gender, count(*) FROM residents GROUP BY gender UNION ALL SELECT count(*) FROM visits

-- SET_MISMATCH: a text above a number
SELECT gender, count(*) FROM residents GROUP BY gender UNION ALL SELECT 5, count(*) FROM visits

-- TYPE_MISMATCH: also of released values
SELECT gender, count(*) FROM residents GROUP BY gender HAVING count(*) > 'many'
