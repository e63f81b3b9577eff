SELECT count(*) FROM residents WHERE balance >= (SELECT avg(balance) FROM residents)
SELECT count(*) FROM residents WHERE balance > (SELECT sum(balance) / count(*) FROM residents)
SELECT count(*) FROM residents WHERE balance = ANY (SELECT balance FROM residents)
SELECT count(*) FROM residents WHERE balance > ALL (SELECT avg(balance) FROM residents GROUP BY gender)
SELECT count(*) FROM residents WHERE resident_id IN (SELECT resident_id FROM visits)
SELECT count(*) FROM residents WHERE resident_id NOT IN (SELECT resident_id FROM visits WHERE department = '儿科')
SELECT count(*) FROM residents WHERE district IN (SELECT district FROM residents GROUP BY district HAVING count(*) > 100)
SELECT count(*) FROM visits WHERE department = (SELECT department FROM visits GROUP BY department ORDER BY count(*) DESC LIMIT 1)
SELECT count(*) FROM visits WHERE department NOT IN (SELECT department FROM visits GROUP BY department HAVING sum(cost) > 100000)
SELECT count(*) FROM residents WHERE EXISTS (SELECT 1 FROM visits)
SELECT count(*) FROM residents WHERE NOT EXISTS (SELECT 1 FROM visits WHERE cost > 19000)
SELECT count(*) FROM residents WHERE EXISTS (SELECT count(*) FROM visits HAVING count(*) > 1000)
SELECT count(*) FROM residents WHERE (SELECT count(*) FROM visits) > 1000
SELECT (SELECT income FROM residents LIMIT 1)
SELECT (SELECT max(income) FROM residents), count(*) FROM residents
SELECT (SELECT name FROM residents LIMIT 1) AS n, count(*) FROM residents
SELECT count(*) FROM residents WHERE count(*) > 5
SELECT avg(balance - (SELECT avg(balance) FROM residents)) FROM residents
SELECT sum(CASE WHEN balance > (SELECT avg(balance) FROM residents) THEN 1 ELSE 0 END) FROM residents
SELECT count(*) FILTER (WHERE balance > (SELECT avg(balance) FROM residents)) FROM residents
SELECT balance > (SELECT avg(balance) FROM residents) AS above, count(*) FROM residents GROUP BY above
SELECT gender, count(*) FROM residents GROUP BY gender, balance > (SELECT avg(balance) FROM residents)
SELECT sum(LEAST(cost, (SELECT avg(cost) FROM visits))) FROM visits
SELECT date_trunc('year', visit_date) AS y, sum(cost / (SELECT sum(cost) FROM visits)) AS s FROM visits GROUP BY y
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND r.balance > (SELECT avg(balance) FROM residents)
SELECT count(*) FROM visits v JOIN (SELECT department, avg(cost) AS m FROM visits GROUP BY department) a ON v.department = a.department
SELECT count(*) FROM visits v, (SELECT avg(cost) AS m FROM visits) a WHERE v.visit_date > DATE '2024-06-01'
WITH a AS (SELECT department, count(*) AS n FROM visits GROUP BY department) SELECT v.department, sum(a.n) FROM visits v JOIN a ON v.department = a.department GROUP BY v.department
WITH a AS (SELECT avg(balance) AS m FROM residents) SELECT count(*) FROM residents, a WHERE residents.balance > a.m
WITH a AS (SELECT avg(balance) AS m FROM residents) SELECT count(*) FROM residents r CROSS JOIN a WHERE r.balance > a.m
WITH big AS (SELECT department FROM visits GROUP BY department HAVING count(*) > 100) SELECT v.department, avg(v.cost) FROM visits v JOIN big ON v.department = big.department GROUP BY v.department
WITH big AS (SELECT department FROM visits GROUP BY department HAVING count(*) > 100) SELECT department, avg(cost) FROM visits WHERE department IN (SELECT department FROM big) GROUP BY department
WITH top AS (SELECT hospital, count(*) AS n FROM visits GROUP BY hospital ORDER BY n DESC LIMIT 3) SELECT count(DISTINCT v.resident_id) FROM visits v JOIN top ON v.hospital = top.hospital
WITH a AS (SELECT gender, avg(income) AS m FROM residents GROUP BY gender) SELECT r.gender, avg(r.income - a.m) AS d FROM residents r JOIN a ON r.gender = a.gender GROUP BY r.gender
WITH a AS (SELECT gender, count(*) AS n FROM residents GROUP BY gender) SELECT count(*) FROM residents WHERE gender = (SELECT gender FROM a ORDER BY n LIMIT 1)
SELECT count(*) FROM (SELECT gender FROM residents LIMIT 1) t
SELECT sum(income) FROM (SELECT income FROM residents ORDER BY income DESC LIMIT 1) t
SELECT sum(income) FROM (SELECT income FROM residents OFFSET 1) t
SELECT count(*) FROM (SELECT DISTINCT gender FROM residents) t
SELECT count(*) FROM (SELECT DISTINCT income FROM residents) t
SELECT avg(m) FROM (SELECT max(income) AS m FROM residents GROUP BY district) t
SELECT sum(n) FROM (SELECT income, count(*) AS n FROM residents GROUP BY income) t
SELECT count(*) FROM (SELECT name, count(*) AS n FROM residents GROUP BY name) t WHERE n = 1
SELECT m FROM (SELECT max(cost) AS m FROM visits) t
