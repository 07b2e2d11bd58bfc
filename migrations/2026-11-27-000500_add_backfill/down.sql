DROP TABLE backfill;
