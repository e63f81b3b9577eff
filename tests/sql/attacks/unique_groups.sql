SELECT income FROM residents GROUP BY income
SELECT balance, count(*) FROM residents GROUP BY balance
SELECT cost, count(*) FROM visits GROUP BY cost
SELECT cost * 100 AS c, count(*) FROM visits GROUP BY c
SELECT cost, income, count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id GROUP BY ALL
SELECT resident_id, count(*) FROM visits GROUP BY resident_id
SELECT resident_id, sum(cost) FROM visits GROUP BY 1
SELECT v.resident_id AS k, avg(cost) AS m FROM visits v GROUP BY k
SELECT r.resident_id, r.gender, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id GROUP BY ALL
SELECT count(*) FROM visits GROUP BY resident_id
SELECT avg(cost) FROM visits GROUP BY resident_id ORDER BY avg(cost) DESC LIMIT 1
SELECT department, count(*) FROM visits GROUP BY department, resident_id
SELECT gender, count(*) FROM residents GROUP BY ROLLUP (gender, resident_id)
SELECT gender, count(*) FROM residents GROUP BY GROUPING SETS ((gender), (resident_id))
SELECT department, sum(cost) FROM visits GROUP BY CUBE (department, cost)
SELECT GROUPING(income) AS g, count(*) FROM residents GROUP BY ROLLUP (income)
SELECT name, count(*) FROM residents GROUP BY name
SELECT upper(name) AS n, count(*) FROM residents GROUP BY n
SELECT left(name, 1) AS n, count(*) FROM residents GROUP BY n
SELECT length(name) AS n, count(*) FROM residents GROUP BY n
SELECT concat(gender, name) AS n, count(*) FROM residents GROUP BY n
SELECT concat_ws('-', district, resident_id) AS n, count(*) FROM residents GROUP BY n
SELECT gender || resident_id AS n, count(*) FROM residents GROUP BY n
SELECT department || CAST(cost AS VARCHAR) AS n, count(*) FROM visits GROUP BY n
SELECT CASE WHEN cost < 100 THEN 'a' WHEN cost < 101 THEN 'b' ELSE 'c' END AS n, count(*) FROM visits GROUP BY n
SELECT round(income, -3) AS n, count(*) FROM residents GROUP BY n
SELECT floor(cost / 0.01) AS n, count(*) FROM visits GROUP BY n
SELECT income // 1000 AS n, count(*) FROM residents GROUP BY n
SELECT CAST(CAST(income AS VARCHAR) AS INTEGER) AS n, count(*) FROM residents GROUP BY n
SELECT CAST(cost AS INTEGER) AS n, count(*) FROM visits GROUP BY n
SELECT LEAST(cost, 100) AS n, count(*) FROM visits GROUP BY n
SELECT nullif(income, 0) AS n, count(*) FROM residents GROUP BY n
SELECT note, count(*) FROM residents GROUP BY note
SELECT days, count(*) FROM visits GROUP BY days
SELECT amount, count(*) FROM payments GROUP BY amount
SELECT ascii(resident_id) AS n, count(*) FROM residents GROUP BY n
