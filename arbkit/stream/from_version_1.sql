-- What makes a file of arbkit 0.1, once it has the tables of groups, one of today: committed offsets stay.
INSERT INTO log_offsets SELECT group_name, partition_id, committed FROM log_claims;
DROP TABLE log_claims;
DROP TABLE log_members;
DROP TABLE log_groups;
UPDATE log_meta SET value = 2 WHERE name = 'version';
