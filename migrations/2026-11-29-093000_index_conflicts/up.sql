-- Reads the conflict list page by page, without entries that were closed long ago.
CREATE INDEX conflict_not_closed ON conflict (id) WHERE state <> 'closed';
