SELECT vin, speed, n FROM trips CROSS JOIN UNNEST(speeds) WITH ORDINALITY AS t(speed, n) ORDER BY vin, speed
