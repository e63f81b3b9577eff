-- UNIT_MISSING: public tables alone
SELECT count(*) FROM hospitals

-- JOIN_NOT_DECLARED: cross join
SELECT count(*) FROM residents, visits

-- JOIN_NOT_DECLARED: not a declared pair
SELECT count(*) FROM residents a JOIN residents b ON a.resident_id = b.resident_id

-- JOIN_NOT_DECLARED: a true condition joins everything
SELECT count(*) FROM residents r JOIN visits v ON r.insured

-- UNIT_AMBIGUOUS: two residents in one row
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital JOIN visits w ON w.hospital = h.hospital
