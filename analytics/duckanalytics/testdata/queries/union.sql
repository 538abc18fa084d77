SELECT vin FROM trips UNION SELECT vin FROM vehicles ORDER BY vin
