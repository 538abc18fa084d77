SELECT owner, '' AS empty, CAST(NULL AS varchar) AS nothing FROM vehicles WHERE vin = 'V3'
