DROP TABLE downstream;
