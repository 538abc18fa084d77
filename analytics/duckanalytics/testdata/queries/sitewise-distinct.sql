SELECT DISTINCT assetName, assetPropertyName FROM asset_metadata ORDER BY assetPropertyName
