SELECT gender, count(*) FROM residents GROUP BY gender HAVING income > 100000
SELECT gender, count(*) FROM residents GROUP BY gender HAVING max(income) > 100000
SELECT department, count(*) FROM visits GROUP BY department HAVING min(cost) < 5
SELECT department, count(*) FROM visits GROUP BY department HAVING max(cost) - min(cost) = 0
SELECT district, count(*) FROM residents GROUP BY district HAVING count(DISTINCT income) = 1
SELECT district, count(*) FROM residents GROUP BY district HAVING any_value(gender) = 'F'
SELECT district, count(*) FROM residents GROUP BY district HAVING bool_and(gender = 'F')
SELECT department, count(*) FROM visits GROUP BY department HAVING sum(CASE WHEN cost > 19000 THEN 1 ELSE 0 END) >= 1
SELECT department, count(*) FROM visits GROUP BY department HAVING count(*) FILTER (WHERE cost > 19000) >= 1
SELECT department, count(*) FROM visits GROUP BY department HAVING department = resident_id
SELECT gender, count(*) FROM residents GROUP BY gender HAVING resident_id = '130101'
SELECT gender, count(*) FROM residents GROUP BY gender HAVING EXISTS (SELECT 1 FROM residents WHERE name = '张三')
SELECT gender, count(*) FROM residents GROUP BY gender HAVING gender IN (SELECT gender FROM residents WHERE income > 100000)
SELECT gender, count(*) FROM residents GROUP BY gender HAVING count(*) > (SELECT income FROM residents LIMIT 1)
SELECT gender FROM residents HAVING income > 5
SELECT count(*) FROM residents HAVING string_agg(name, ',') LIKE '%张三%'
SELECT count(*) FROM residents ORDER BY income
SELECT gender, count(*) FROM residents GROUP BY ALL ORDER BY income LIMIT 1
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY max(income)
SELECT gender, count(*) FROM residents GROUP BY gender ORDER BY income > 100000, gender
SELECT department, count(*) FROM visits GROUP BY department ORDER BY min(cost) LIMIT 1
SELECT department, count(*) FROM visits GROUP BY department ORDER BY first(resident_id)
SELECT department, count(*) FROM visits GROUP BY department ORDER BY string_agg(diagnosis_code, ',')
SELECT department, count(*) FROM visits GROUP BY department ORDER BY CASE WHEN department = '内科' THEN cost END
SELECT department, count(*) FROM visits GROUP BY department ORDER BY (SELECT cost FROM visits LIMIT 1)
SELECT department, count(*) FROM visits GROUP BY department ORDER BY 7
SELECT department, count(*) FROM visits GROUP BY department ORDER BY random()
SELECT department, count(*) FROM visits GROUP BY department LIMIT (SELECT max(cost) FROM visits)
SELECT department, count(*) FROM visits GROUP BY department LIMIT 5 OFFSET (SELECT income FROM residents LIMIT 1)
SELECT department, count(*) FROM visits GROUP BY department LIMIT max(cost)
