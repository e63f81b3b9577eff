SELECT [gender], count(*) FROM residents GROUP BY 1
SELECT [gender, name] AS l, count(*) FROM residents GROUP BY l
SELECT {'a': gender}, count(*) FROM residents GROUP BY 1
SELECT {'a': income} AS s, count(*) FROM residents GROUP BY s
SELECT MAP {'a': income} AS m, count(*) FROM residents GROUP BY m
SELECT MAP([gender], [income]) AS m, count(*) FROM residents GROUP BY m
SELECT (gender, income) AS t, count(*) FROM residents GROUP BY t
SELECT ROW(gender, income) AS t, count(*) FROM residents GROUP BY t
SELECT union_value(a := income) AS u, count(*) FROM residents GROUP BY u
SELECT list_transform([1], x -> x), count(*) FROM residents
SELECT list_transform([income], lambda x: x + 1) AS l, count(*) FROM residents GROUP BY l
SELECT list_filter([income], lambda x: x > 100000) AS l, count(*) FROM residents GROUP BY l
SELECT [x FOR x IN [income] IF x > 100000] AS l, count(*) FROM residents GROUP BY l
SELECT count(*) FROM residents WHERE list_contains([50000, 60000], income)
SELECT count(*) FROM residents WHERE [income][1] > 100000
SELECT count(*) FROM residents WHERE {'a': income}.a > 100000
SELECT count(*) FROM residents WHERE name = ANY (['张三', '李四'])
SELECT count(*) FROM residents WHERE income IN [1, 2, 3]
SELECT gender[1], count(*) FROM residents GROUP BY 1
SELECT street[1:2] AS s, count(*) FROM residents GROUP BY s
SELECT array_value(income, balance) AS a, count(*) FROM residents GROUP BY a
SELECT array_extract(name, 1) AS a, count(*) FROM residents GROUP BY a
SELECT json_object('i', income) AS j, count(*) FROM residents GROUP BY j
SELECT json_array(income, name) AS j, count(*) FROM residents GROUP BY j
SELECT to_json(income) AS j, count(*) FROM residents GROUP BY j
SELECT name -> '$.a' AS j, count(*) FROM residents GROUP BY j
SELECT sum(len([income, balance])) FROM residents
SELECT encode(name) AS b, count(*) FROM residents GROUP BY b
SELECT bit_length(name) AS b, count(*) FROM residents GROUP BY b
SELECT to_base64(encode(street)) AS b, count(*) FROM residents GROUP BY b
