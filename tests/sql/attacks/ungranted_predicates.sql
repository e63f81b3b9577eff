SELECT count(*) FROM residents WHERE income = 12345.67
SELECT count(*) FROM residents WHERE income > 100000
SELECT count(*) FROM residents WHERE NOT income <= 100000
SELECT count(*) FROM residents WHERE income BETWEEN 50000 AND 50001
SELECT count(*) FROM residents WHERE income IS NULL
SELECT count(*) FROM residents WHERE income IS NOT DISTINCT FROM 50000
SELECT count(*) FROM residents WHERE abs(income - 5) < 1
SELECT count(*) FROM residents WHERE -income < -100000
SELECT count(*) FROM residents WHERE income * 0 + balance > 100
SELECT count(*) FROM residents WHERE income > balance
SELECT count(*) FROM residents WHERE LEAST(income, 50000) = 50000
SELECT count(*) FROM residents WHERE (CASE WHEN gender = 'F' THEN income ELSE 0 END) > 50000
SELECT count(*) FROM residents WHERE coalesce(income, -1) = -1
SELECT count(*) FROM residents WHERE CAST(income AS VARCHAR) LIKE '5%'
SELECT count(*) FROM residents WHERE gender = 'F' OR income > 50000
SELECT count(*) FROM residents WHERE (gender, income) = ('F', 50000)
SELECT sum(CASE WHEN income > 5 THEN 1 ELSE 0 END) FROM residents
SELECT CASE WHEN income > 100000 THEN 'rich' ELSE 'poor' END AS band, count(*) FROM residents GROUP BY band
SELECT income > 100000 AS rich, count(*) FROM residents GROUP BY rich
SELECT gender, count(*) FROM residents GROUP BY gender, income > 100000
SELECT avg(income) FILTER (WHERE income > 100000) AS m FROM residents
SELECT gender, count(*) FROM residents GROUP BY gender HAVING bool_or(income > 100000)
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY sum(CASE WHEN income > 100000 THEN 1 ELSE 0 END)
SELECT gender, rank() OVER (ORDER BY count(*) FILTER (WHERE income > 100000)) AS k, count(*) AS n FROM residents GROUP BY gender
SELECT count(*) FROM (SELECT gender FROM residents WHERE income > 100000) t
WITH a AS (SELECT income > 100000 AS rich FROM residents) SELECT count(*) FROM a WHERE rich
WITH a AS (SELECT income AS i, gender FROM residents) SELECT gender, count(*) FROM a WHERE i > 100000 GROUP BY gender
SELECT (SELECT count(*) FROM residents WHERE income > 100000) AS rich, count(*) AS n FROM residents
SELECT count(*) FROM residents EXCEPT SELECT count(*) FROM residents WHERE income > 100000
SELECT count(*) FROM visits WHERE cost IN (1, 2, 3)
SELECT count(*) FROM visits WHERE cost = 19384.70
SELECT count(*) FROM visits WHERE cost >= 19000 AND department = '内科'
SELECT count(*) FROM visits WHERE cost / 2 > 9000
SELECT count(*) FROM visits WHERE round(cost, 0) = 100
SELECT count(*) FROM visits WHERE diagnosis_code = 'A01'
SELECT count(*) FROM visits WHERE diagnosis_code LIKE 'C34%'
SELECT count(*) FROM visits WHERE diagnosis_code IN ('C34', 'F41')
SELECT count(*) FROM visits WHERE left(diagnosis_code, 1) = 'C'
SELECT count(*) FROM visits WHERE upper(diagnosis_code) > 'C'
SELECT sum(CASE WHEN diagnosis_code = 'F41' THEN cost ELSE 0 END) FROM visits
SELECT department, count(*) FILTER (WHERE diagnosis_code = 'C34') AS n FROM visits GROUP BY department
SELECT diagnosis_code = 'C34' AS hit, count(*) FROM visits GROUP BY hit
SELECT count(*) FROM visits WHERE hospital = '一院'
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital AND h.hospital = '一院'
SELECT count(*) FROM visits v JOIN hospitals h ON v.hospital = h.hospital WHERE v.hospital <> '一院'
SELECT CASE hospital WHEN '一院' THEN 1 ELSE 0 END AS k, count(*) FROM visits GROUP BY k
SELECT count(*) FROM residents WHERE street = '中山路'
SELECT count(*) FROM residents WHERE street LIKE '中山%'
SELECT count(*) FROM residents WHERE gender = street
SELECT CASE WHEN street = 'x' THEN 'a' END AS k, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM payments WHERE amount < 0
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND v.cost > r.income
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id AND v.cost > 19000
SELECT count(*) FROM residents r LEFT JOIN visits v ON r.resident_id = v.resident_id WHERE v.cost IS NULL
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits WHERE cost > 19000 GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT resident_id, sum(CASE WHEN cost > 19000 THEN 1 ELSE 0 END) AS n FROM visits GROUP BY resident_id) t
