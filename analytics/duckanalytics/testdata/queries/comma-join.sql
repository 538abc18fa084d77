SELECT vd.vin, v.owner, max(vd.diastolic) FROM s.trips vd, s.vehicles v WHERE vd.vin = v.vin GROUP BY vd.vin, v.owner ORDER BY 1
