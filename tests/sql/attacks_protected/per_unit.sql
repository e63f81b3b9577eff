SELECT avg(n) AS m FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) AS t
SELECT count(*) AS once FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) = 1) AS t
SELECT avg(n) AS m FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) >= 12) AS t
SELECT sum(s) AS total FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) AS t
SELECT avg(s) AS m FROM (SELECT resident_id, sum(cost) AS s FROM visits WHERE department = '儿科' AND visit_date = '2024-05-01' GROUP BY resident_id) AS t
SELECT avg(m) AS m FROM (SELECT resident_id, avg(cost) AS m FROM visits GROUP BY resident_id HAVING count(*) = 1) AS t
SELECT sum(s) - sum(n) AS gap, count(*) AS units FROM (SELECT resident_id, sum(cost) AS s, count(*) AS n FROM visits GROUP BY resident_id) AS t
SELECT sum(n) / count(*) AS m FROM (SELECT r.resident_id, count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id WHERE year(r.birth_date) = 1950 GROUP BY r.resident_id) AS t
