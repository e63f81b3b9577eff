-- UNIT_MISSING: public tables alone
SELECT count(*) FROM hospitals

-- JOIN_NOT_DECLARED: not a declared pair
SELECT count(*) FROM residents a JOIN residents b ON a.resident_id = b.resident_id

-- JOIN_NOT_DECLARED: a true condition joins everything
SELECT count(*) FROM residents r JOIN visits v ON r.insured

-- UNIT_AMBIGUOUS: two residents in one row
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital JOIN visits w ON w.hospital = h.hospital

-- UNIT_AMBIGUOUS: a comma joins everything with everything
SELECT count(*) FROM residents, visits

-- UNIT_AMBIGUOUS: an optional side does not tie together what stands before it
SELECT count(*) FROM residents r, visits v LEFT JOIN payments p ON p.resident_id = r.resident_id AND p.resident_id = v.resident_id

-- JOIN_SIDE: only the left side may be kept whole
SELECT count(*) FROM visits v RIGHT JOIN residents r ON v.resident_id = r.resident_id

-- OUTER_WITHOUT_UNIT: a row of a public table alone belongs to nobody
SELECT count(*) FROM hospitals h LEFT JOIN visits v ON v.hospital = h.hospital

-- JOIN_MULTIPLIES: a public table is met on a unique column
SELECT count(*) FROM visits v, hospitals h

-- JOIN_WITHOUT_EQUALITY: released results are joined where values agree
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender) SELECT x.n, y.n AS m FROM a x JOIN a y ON x.n > y.n

-- ALLOWED: a comma with the equality in WHERE
SELECT count(*) FROM residents r, visits v WHERE r.resident_id = v.resident_id

-- ALLOWED: the side that carries the unit is kept whole
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id
