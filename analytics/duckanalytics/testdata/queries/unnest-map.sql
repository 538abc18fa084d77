SELECT k, v FROM (SELECT map(ARRAY['a', 'b'], ARRAY[1, 2]) AS m) CROSS JOIN UNNEST(m) AS t(k, v) ORDER BY k
