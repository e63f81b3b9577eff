SELECT count(*) FROM residents WHERE 1 // (CASE WHEN name = '张三' THEN 0 ELSE 1 END) = 1
SELECT count(*) FROM residents WHERE 10 % (income - 50000) IS NOT NULL
SELECT count(*) FROM visits WHERE 10 / (cost - 100) > 0
SELECT sum(balance << 60) FROM residents
SELECT sum(1 << balance) FROM residents
SELECT sum(balance & 1) FROM residents
SELECT sum(xor(balance, 1)) FROM residents
SELECT sum(exp(balance)) FROM residents
SELECT sum(balance ** 9) FROM residents
SELECT sum(pow(cost, 40)) FROM visits
SELECT sum(factorial(balance)) FROM residents
SELECT sum(gamma(balance)) FROM residents
SELECT sum(sqrt(income - 50000)) FROM residents WHERE sqrt(income - 50000) > 0
SELECT sum(income * income * income * income * income) FROM residents
SELECT sum(balance * balance * balance * balance * balance * balance * balance * balance * balance * balance) FROM residents
SELECT sum(cost * 999999999999999999) FROM visits
SELECT count(*) FROM residents WHERE (SELECT gender FROM residents) = 'F'
SELECT count(*) FROM residents WHERE income = (SELECT income FROM residents WHERE district = '长安区')
SELECT count(*) FROM visits WHERE cost > (SELECT cost FROM visits WHERE department = '内科')
SELECT (SELECT income FROM residents WHERE name = '张三') AS one, count(*) FROM residents
SELECT (SELECT resident_id FROM visits WHERE cost > 19000) AS one, count(*) FROM visits
SELECT count(*) FROM residents HAVING (SELECT resident_id FROM visits) IS NOT NULL
SELECT count(*) FROM residents WHERE TRY(CAST(name AS INTEGER)) IS NULL
SELECT count(*) FROM residents WHERE TRY_CAST(name AS INTEGER) IS NULL
SELECT count(*) FROM visits WHERE TRY_CAST(resident_id AS BIGINT) > 130101000000000000
SELECT count(*) FROM residents WHERE TRY_CAST(income AS UTINYINT) IS NULL
SELECT count(*) FROM residents WHERE isfinite(income)
SELECT sum(CAST('x' AS INTEGER) + income) FROM residents WHERE name = '张三'
SELECT sum(balance) FROM residents WHERE balance > 99999999999999999999999999999999999999
SELECT count(*) FROM visits WHERE visit_date + INTERVAL (cost) DAY > DATE '2025-01-01'
SELECT count(*) FROM visits WHERE visit_date > DATE '294247-01-10'
SELECT count(*) FROM residents WHERE substring(district, CAST(income AS INTEGER), 1) = '长'
SELECT count(*) FROM residents WHERE list_extract([1], CAST(income AS INTEGER)) IS NULL
SELECT count(*) FROM residents WHERE CASE WHEN income > 50000 THEN 1 // 0 END IS NULL
