SELECT count(*) FROM residents, visits
SELECT count(*) FROM residents CROSS JOIN visits
SELECT count(*) FROM residents NATURAL JOIN visits
SELECT count(*) FROM residents r JOIN visits v ON TRUE
SELECT count(*) FROM residents r JOIN visits v ON r.gender = v.department
SELECT count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id OR TRUE
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r FULL JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r SEMI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r ANTI JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents r POSITIONAL JOIN visits v
SELECT count(*) FROM residents r ASOF JOIN visits v ON r.resident_id = v.resident_id
SELECT count(*) FROM residents a JOIN residents b ON a.resident_id = b.resident_id
SELECT count(*) FROM visits v JOIN visits w ON v.hospital = w.hospital
SELECT count(*) FROM hospitals h JOIN hospitals g ON h.hospital = g.hospital
SELECT count(*) FROM hospitals
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.district
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital JOIN visits w ON w.hospital = h.hospital
