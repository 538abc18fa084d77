SELECT AVG(doubleValue) as "Average wind speed" FROM raw WHERE seriesId = (SELECT timeSeriesId FROM asset_metadata WHERE assetPropertyName = 'Wind Speed')
