SELECT count(*), max(__dt) FROM nothing
