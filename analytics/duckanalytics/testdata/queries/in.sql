SELECT owner FROM vehicles WHERE vin IN (SELECT vin FROM trips WHERE diastolic > 100) ORDER BY 1
