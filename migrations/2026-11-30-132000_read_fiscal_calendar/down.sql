DROP TABLE fiscal_calendar_period;
DROP TABLE fiscal_calendar;
