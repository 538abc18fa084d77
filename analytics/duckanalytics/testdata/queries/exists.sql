SELECT owner FROM vehicles v WHERE NOT EXISTS (SELECT 1 FROM trips t WHERE t.vin = v.vin)
