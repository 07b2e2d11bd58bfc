-- What a tie-out was asked to compare: empty lists and a null year mean everything.
ALTER TABLE tie_out
    ADD COLUMN companies text[] NOT NULL DEFAULT '{}',
    ADD COLUMN entities text[] NOT NULL DEFAULT '{}',
    ADD COLUMN year integer,
    ADD COLUMN period integer,
    ADD COLUMN fresh boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT tie_out_whole_period CHECK ((year IS NULL) = (period IS NULL));
ALTER TABLE tie_out_block
    -- the date up to which the flow had read SYSPRO when it was compared
    ADD COLUMN watermark date,
    -- rows of ServiceNow that are not counted because it is not known to which period they belong
    ADD COLUMN without_period bigint NOT NULL DEFAULT 0;
