SELECT count(*) FROM residents WHERE error(gender)
SELECT count(*) FROM residents WHERE error('x' || district) IS NULL
SELECT sum(CASE WHEN gender = 'F' THEN error(street) ELSE 0 END) FROM residents
SELECT count(*) FROM residents WHERE CASE WHEN district = '长安区' THEN error(name) END
SELECT count(*) FROM residents WHERE CAST(name AS INTEGER) > 0
SELECT count(*) FROM residents WHERE name::DATE IS NOT NULL
SELECT count(*) FROM visits WHERE CAST(resident_id AS BIGINT) > 0
SELECT sum(CAST(resident_id AS INTEGER)) FROM visits
SELECT CAST(gender AS UUID), count(*) FROM residents GROUP BY 1
SELECT CAST(gender AS STRUCT(a INT)), count(*) FROM residents GROUP BY 1
SELECT gender::JSON, count(*) FROM residents GROUP BY 1
SELECT diagnosis_code::UUID AS u, count(*) FROM visits GROUP BY u
SELECT hospital::BLOB AS b, count(*) FROM visits GROUP BY b
SELECT diagnosis_code::BIT AS b, count(*) FROM visits GROUP BY b
SELECT CAST(department AS ENUM('内科', '外科')) AS e, count(*) FROM visits GROUP BY e
SELECT CAST(diagnosis_code AS TIMESTAMP) AS t, count(*) FROM visits GROUP BY t
SELECT CAST(hospital AS INTERVAL) AS i, count(*) FROM visits GROUP BY i
SELECT diagnosis_code::INTEGER[] AS a, count(*) FROM visits GROUP BY a
SELECT strptime(gender, '%Y'), count(*) FROM residents GROUP BY 1
SELECT strptime(name, '%Y-%m-%d') AS d, count(*) FROM residents GROUP BY d
SELECT from_base64(diagnosis_code) AS b, count(*) FROM visits GROUP BY b
SELECT unhex(diagnosis_code) AS b, count(*) FROM visits GROUP BY b
SELECT decode(encode(name)) AS b, count(*) FROM residents GROUP BY b
SELECT json_extract(name, '$.a') AS j, count(*) FROM residents GROUP BY j
SELECT json(diagnosis_code) AS j, count(*) FROM visits GROUP BY j
SELECT make_date(CAST(income AS INTEGER), 1, 1) AS d, count(*) FROM residents GROUP BY d
SELECT make_date(2024, CAST(cost AS INTEGER), 1) AS d, count(*) FROM visits GROUP BY d
SELECT enum_code(gender) AS e, count(*) FROM residents GROUP BY e
SELECT count(*) FROM residents WHERE regexp_matches('x', name)
SELECT count(*) FROM residents WHERE gender SIMILAR TO street
SELECT count(*) FROM residents WHERE 'F' LIKE gender ESCAPE street
SELECT date_part(diagnosis_code, visit_date) AS p, count(*) FROM visits GROUP BY p
SELECT date_trunc(department, visit_date) AS p, count(*) FROM visits GROUP BY p
SELECT strftime(visit_date, diagnosis_code) AS p, count(*) FROM visits GROUP BY p
SELECT chr(CAST(income AS INTEGER)) AS c, count(*) FROM residents GROUP BY c
SELECT printf(street, 1) AS c, count(*) FROM residents GROUP BY c
SELECT CAST(income AS TINYINT) AS t, count(*) FROM residents GROUP BY t
SELECT sum(CAST(income AS UTINYINT)) FROM residents
SELECT getvariable(gender) AS g, count(*) FROM residents GROUP BY g
SELECT nextval(diagnosis_code) AS n, count(*) FROM visits GROUP BY n
