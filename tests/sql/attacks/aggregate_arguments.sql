SELECT sum(hash(income)) FROM residents
SELECT sum(ascii(gender)) FROM residents
SELECT sum(ascii(substring(diagnosis_code, 2, 1))) FROM visits
SELECT avg(unicode(street)) FROM residents
SELECT sum(ord(hospital)) FROM visits
SELECT sum(DISTINCT balance) FROM residents
SELECT avg(DISTINCT cost) FROM visits
SELECT count(DISTINCT income) FROM residents
SELECT count(DISTINCT (resident_id, cost)) FROM visits
SELECT sum(income ORDER BY income LIMIT 1) FROM residents
SELECT sum(income ORDER BY birth_date) FROM residents
SELECT avg(cost ORDER BY resident_id) FROM visits
SELECT sum(days) FROM visits
SELECT avg(days) FROM visits
SELECT avg(LEAST(GREATEST(days, 0), 30)) FROM visits
SELECT stddev(days) FROM visits
SELECT var_samp(LEAST(GREATEST(days, 0), 30)) FROM visits
SELECT sum(GREATEST(days, 0)) FROM visits
SELECT count(income) FILTER (WHERE income > 5) FROM residents
SELECT sum(cost) FILTER (WHERE cost BETWEEN 100 AND 101) FROM visits
SELECT sum(sum(balance)) FROM residents
SELECT avg(count(*)) FROM visits GROUP BY department
SELECT sum(avg(cost) * cost) FROM visits
SELECT sum(cost * count(*)) FROM visits
SELECT sum(income, balance) FROM residents
SELECT count(income, balance) FROM residents
SELECT sum(*) FROM residents
SELECT count(COLUMNS(*)) FROM residents
SELECT sum(COLUMNS('co.*')) FROM visits
SELECT sum(name) FROM residents
SELECT avg(resident_id) FROM residents
SELECT var_pop(resident_id) FROM visits
SELECT stddev(birth_date) FROM residents
SELECT sum(visit_date) FROM visits
SELECT sum(gender) FROM residents
SELECT sum(CASE WHEN district = '长安区' AND income BETWEEN 50000 AND 50001 THEN 1 ELSE 0 END) FROM residents
SELECT sum(CASE income WHEN 50000 THEN 1 ELSE 0 END) FROM residents
SELECT sum(if(cost > 19000, 1, 0)) FROM visits
SELECT sum(income = 50000) FROM residents
SELECT sum((income > 50000)::INTEGER) FROM residents
SELECT sum(CAST(income > 50000 AS INTEGER) * 1000000 + CAST(income > 60000 AS INTEGER)) FROM residents
SELECT sum(nullif(income, 50000)) FROM residents
SELECT sum(GREATEST(0, CASE WHEN cost > 500 THEN cost END)) FROM visits
SELECT sum(beds) FROM hospitals h JOIN visits v ON v.hospital = h.hospital WHERE v.cost > h.beds
