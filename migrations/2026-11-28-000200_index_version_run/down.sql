DROP INDEX version_run;
