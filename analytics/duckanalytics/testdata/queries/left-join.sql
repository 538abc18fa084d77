SELECT v.vin, v.owner, count(vd.trip_id) AS trips FROM vehicles v LEFT JOIN trips vd ON vd.vin = v.vin GROUP BY v.vin, v.owner ORDER BY v.vin
