SELECT vin, speed FROM trips CROSS JOIN UNNEST(speeds) AS t(speed) ORDER BY vin, speed
